"""Promise: efs-utils.conf means to us what it meant to Python's ConfigParser (contract 11.1).

A table of tricky files, and files put together at random from tricky lines, are read by both; both must
refuse the file, or agree on every section and every value. The seed is printed and taken from EFS_SEED.
"""
import configparser
import os
import random
import subprocess
import sys
import tempfile

KEYS = ["k", "j", "l", "m", "n", "o", "region"]

TABLE = [
    "", "\n\n", "# only a comment\n", "k = v\n", "  k = v\n[a]\n",
    "[a]\nk = v\n", "[a]\nK = v\n", "[a]\nk=v", "[a]\nk: v\n", "[a]\nk = v = w\n", "[a]\nk : v = w\n", "[a]\nk=v:w\n",
    "[a]\nk =\n", "[a]\nk\n", "[a]\n= v\n", "[a]\n: v\n", "[a]\nk = v ; no comment\n", "[a]\nk = v # no comment\n",
    "[a]\nk = ;v\n", "[a]\nk = v\n;c\n#c\n  ;c\nj = w\n", "[a]\nk = 1\n  2\n  3\n", "[a]\nk = 1\n\n  2\n", "[a]\nk = 1\n\n\nj = 2\n",
    "[a]\nk = 1\n  # c\n  2\n", "[a]\nk = 1\n   \n  2\n", "[a]\nk =\n  1\n  2\n", "[a]\n  k = 1\n  j = 2\n", "[a]\n  k = 1\n j = 2\n",
    "[a]\n  k = 1\n    j = 2\n", "[a]\nk = 1\n  [b]\n", "  [a]\nk = 1\n", "[a]\n  [b]\nk = 1\n", "[a] junk\nk = 1\n", "[ a ]\nk = 1\n",
    "[a\nk = 1\n", "[]\nk = 1\n", "[a]\nk = 1\nk = 2\n", "[a]\nk = 1\nK = 2\n", "[a]\n[a]\n", "[a]\n[A]\nk = 1\n",
    "[DEFAULT]\nk = d\n[a]\nj = 1\n", "[DEFAULT]\nk = d\n[a]\nk = 1\n", "[a]\nj = 1\n[DEFAULT]\nk = d\n", "[DEFAULT]\n[DEFAULT]\nk = 1\n[a]\n",
    "[DEFAULT]\nk = 1\n[DEFAULT]\nk = 2\n[a]\n", "[default]\nk = 1\n[a]\n",
    "[a]\nk = 100%\n", "[a]\nk = 100%%\n", "[a]\nk = %(j)s\nj = v\n", "[a]\nk = %(J)s\nj = v\n", "[a]\nk = %(nothing)s\n", "[a]\nk = %(k)s\n",
    "[a]\nk = %(j)s\nj = %(l)s\nl = 5%%\n", "[a]\nk = %(j)\nj = v\n", "[a]\nk = %()s\n", "[a]\nk = %x\nj = ok\n", "[a]\nk = %%(j)s\n",
    "[DEFAULT]\nk = %(j)s\nj = d\n[a]\nj = own\n[b]\n", "[a]\nk = %(j)s\nj = 1\n  2\n", "[a]\nk = a%(j)sb%(j)sc\nj = -\n", "[a]\nk = %( j )s\nj = 1\n",
    "[a]\r\nk = v\r\n", "[a]\rk = v\rj = w", "[a]\n\rk = v\n", "[a]\nk = 1\r\n  2\r\n", "[a]\n\tk\t=\tv\t\n", "[a]\nk = \"v\"\n",
    "[a]\nk = " + "v" * 5000 + "\n", "[a]\nregion = {az}.{fs_id}.efs.{region}\n", "[mount.us-east-1]\nk = v\n", "[a]\nk = \u00e4\u20ac\n",
    "[a]\nk = v\n\f\n  w\n", "[a]\nkey with blanks = v\nk = 1\n", "\ufeff[a]\nk = v\n",
] + [f"[a]\nk0 = end\n" + "".join(f"k{i} = %(k{i-1})s\n" for i in range(1, n)) + f"k = %(k{n-1})s\n" for n in (8, 9, 10, 11, 12)]

PIECES = [
    "[a]\n", "[b]\n", "[DEFAULT]\n", "  [c]\n", "[a] junk\n", "k = v\n", "K=2\n", "j : x ; y\n", "l=%(k)s\n", "m = %(L)s%%\n", "n = %\n",
    "  cont\n", "\tmore = x\n", "    deep\n", "\n", "   \n", "# c\n", "  ; c\n", "o =\n", " k = 3\n", "  j = 4\n", "x\n", "= e\n", "\r\n", "\r", "\f\n", "o: %(k)s\n  %(j)s\n",
]


def ours(dump, paths):
    out = subprocess.run([dump, *paths, "--", *KEYS], capture_output=True, text=True, timeout=60, check=True).stdout
    result, sections = {}, None
    for line in out.splitlines():
        word, _, rest = line.partition(" ")
        if word == "file":
            result[rest] = sections = {}
        elif word == "refused":
            sections["refused"] = True
        elif word == "section":
            sections[bytes.fromhex(rest).decode()] = values = {}
        elif word != "--":
            values[word] = "error" if rest == "error" else "=" + bytes.fromhex(rest[1:]).decode()
    return result


def theirs(path):
    parser = configparser.ConfigParser()
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except configparser.Error:
        return {"refused": True}
    result = {}
    for section in parser.sections():
        values = result[section] = {}
        for key in KEYS:
            try:
                if parser.has_option(section, key):
                    values[key] = "=" + parser.get(section, key)
            except configparser.Error:
                values[key] = "error"
    return result


def main():
    seed = int(os.environ.get("EFS_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    pick = random.Random(seed)
    texts = TABLE + ["".join(pick.choices(PIECES, k=pick.randint(1, 12))) for _ in range(1000)]
    # Most random files break a rule; those that begin well and repeat nothing go deeper.
    texts += ["[a]\n" + "".join(pick.sample(PIECES[5:21], k=pick.randint(1, 9))) for _ in range(1000)]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, text in enumerate(texts):
            paths.append(os.path.join(folder, f"{number}.conf"))
            with open(paths[-1], "w", encoding="utf-8", newline="") as file:
                file.write(text)
        got = ours(sys.argv[1], paths)
        accepted = wrong = 0
        for path, text in zip(paths, texts):
            want = theirs(path)
            accepted += "refused" not in want
            if got.get(path) != want:
                wrong += 1
                print("DIFFERENT", repr(text), "\n  python:", want, "\n  ours:  ", got.get(path))
    print(f"{len(texts)} files, {accepted} accepted by Python, {wrong} read differently")
    # A run in which nearly all files are refused would prove little.
    return 1 if wrong or accepted < 300 else 0


sys.exit(main())
