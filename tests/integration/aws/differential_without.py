"""The same home without what an argued difference is about: there both must resolve the same."""
import configparser
import io
import posixpath
import re

from differential_oddities import NO_FILES

FILES = (".aws/config", ".aws/credentials")


def text_of(case, name):
    text = case["files"].get(name, "")
    return "" if text in NO_FILES else text


def texts(case):
    return "\n".join(text_of(case, name) for name in FILES)


def changed(case, change):
    """`change(text)` of both files of profiles, whose lines then end in the same way."""
    files = dict(case["files"])
    for name in FILES:
        if text_of(case, name):
            files[name] = change(re.sub("\r\n|\r", "\n", files[name]))
    return dict(case, files=files)


def without_keys(*keys, value=r"[^\n]*"):
    """Those keys, whatever they say, in all profiles."""
    pattern = re.compile(rf"(?im)^([^\S\n]*)(?:{'|'.join(keys)})[^\S\n]*[=:][^\S\n]*{value}\n(?:\1[^\S\n]+\S[^\n]*\n)*")
    return lambda case: changed(case, lambda text: pattern.sub("", text))


def without_variables(*names):
    return lambda case: dict(case, environment={
        name: value for name, value in case["environment"].items() if name not in names})


def without_empty_variables(case):
    return dict(case, environment={name: value for name, value in case["environment"].items() if value})


def both(*changes):
    def all_of_them(case):
        for change in changes:
            case = change(case)
        return case
    return all_of_them


def parsed(text):
    """Raises what ConfigParser, and botocore for nested values, have against it."""
    text.encode("utf-8")
    parser = configparser.RawConfigParser()
    parser.read_file(io.StringIO(text, newline=None))
    for section in parser.sections():
        for key, value in parser.items(section):
            if value.startswith("\n") and any(line.strip() and "=" not in line for line in value.splitlines()):
                raise KeyError(key, section)


def fault(text):
    try:
        parsed(text)
    except (configparser.Error, UnicodeEncodeError, KeyError) as error:
        return error
    return None


def is_broken(case):
    return any(fault(text_of(case, name)) for name in FILES)


def says_nothing(line):
    return not line.strip() or line.lstrip()[0] in "#;"


def indent(line):
    return len(line) - len(line.lstrip())


def section_at(lines, first):
    """From its header to the next."""
    headers = [at for at, line in enumerate(lines) if at > first and line.lstrip().startswith("[")]
    return range(first, headers[0] if headers else len(lines))


def lines_of(error, lines):
    """Numbers, from 0, of the lines that one fault is about."""
    if isinstance(error, UnicodeEncodeError):
        at = next(at for at, line in enumerate(lines) if re.search("[\ud800-\udfff]", line))
        return section_at(lines, at) if lines[at].lstrip().startswith("[") else [at]
    if isinstance(error, KeyError):
        # The key alone in its line, with indented ones below; another section's may be in order.
        key = re.compile(rf"(?i)^\s*{re.escape(error.args[0])}\s*[=:]\s*$")
        found, section, depth = [], "", None
        for at, line in enumerate(lines):
            # Below a key, what is indented more is its value, also where it looks like a header.
            if says_nothing(line) or depth is not None and indent(line) > depth:
                if found and found[-1] == at - 1:
                    found.append(at)
                continue
            header = re.match(r"\s*\[(.+)\]", line)
            if header:
                section, depth = header[1], None
                continue
            depth = indent(line)
            below = next((more for more in lines[at + 1:] if not says_nothing(more)), "")
            if section in (error.args[1], "DEFAULT") and key.match(line) and indent(below) > depth:
                found.append(at)
        return found
    if isinstance(error, configparser.MissingSectionHeaderError):
        return [error.lineno - 1]
    if isinstance(error, configparser.ParsingError):
        return [number - 1 for number, _ in error.errors]
    first = error.lineno - 1
    if isinstance(error, configparser.DuplicateOptionError):
        return [first]
    return section_at(lines, first)


def mended(text):
    """Without the lines that are broken."""
    text = text.removeprefix("\ufeff")
    for _ in range(100):
        error = fault(text)
        if error is None:
            break
        lines = re.split("\r\n|\r|\n", text)
        dropped = set(lines_of(error, lines))
        text = "\n".join(line for at, line in enumerate(lines) if at not in dropped)
    return text


def without_faults(case):
    return changed(case, mended)


def without_marks(case):
    """Byte order marks, of files and of what programs print."""
    return dict(case, files={name: text.removeprefix("\ufeff").replace(r"printf '\357\273\277'; ", "")
                             for name, text in case["files"].items()})


def in_all_files(old, new):
    return lambda case: dict(case, files={name: text.replace(old, new) for name, text in case["files"].items()})


def in_files(pattern, new):
    return lambda case: dict(case, files={name: re.sub(pattern, new, text) for name, text in case["files"].items()})


# What the parsers of JSON differ about.
NO_JSON = r'-?(?:NaN|Infinity)|1e400|\\ud[89a-f]\w\w|\d{310,}|\[{20,}\]+'
without_odd_json = in_files(NO_JSON, "0")
# In other alphabets.
ODD_DIGIT = r"(?![0-9])\d"
with_plain_digits = in_files(ODD_DIGIT, lambda digit: str(int(digit[0])))
# What no XML of STS has: a document type, a token that is empty, in elements or in blanks, numbers as Python writes them.
ODD_XML = r"<!DOCTYPE|<(\w+)(?:/>|></\1>)|Token>\s|<b>|>\+\d|\d_\d"
EMPTY_GRANT = r'"(?:refreshToken|clientId|clientSecret)": "",? ?'
without_empty_grants = in_files(EMPTY_GRANT, "")
NAMES_OF_KEYS = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Token", "accessKeyId", "secretAccessKey", "sessionToken")


def is_no_text(value):
    return not isinstance(value, str) or not value


def with_texts_as_keys(case):
    """What a program or a service gives for a key or a token is a text, and not empty."""
    case = in_files(r'"(AccessKeyId|SecretAccessKey|SessionToken)": *(?:null|""|5|false|\["x"\]|\[\])', r'"\1": "x"')(case)
    answers = {}
    for name, change in case["answers"].items():
        given = {key: "x" if key in NAMES_OF_KEYS and is_no_text(value) else value
                 for key, value in change.get("set", {}).items()}
        answers[name] = dict(change, set=given) if "set" in change else change
    return dict(case, answers=answers)


def without_first_answers(case):
    return dict(case, answers={name: {} if "first" in change else change for name, change in case["answers"].items()})


def without_answers(*endpoints):
    return lambda case: dict(case, answers={name: change for name, change in case["answers"].items() if name not in endpoints})


def without_default(case):
    section = re.compile(r"(?ms)^[^\S\n]*\[(?:default|profile\s+[\"']?default[\"']?)\][^\n]*\n.*?(?=^[^\S\n]*\[|\Z)")
    return changed(case, lambda text: section.sub("", text))


def without_ends(case):
    """No answer of a service tells another end than the usual one."""
    answers = {name: dict(change, set={key: value for key, value in change["set"].items() if key != "Expiration"})
               if "set" in change else change for name, change in case["answers"].items()}
    return dict(case, answers=answers)


def with_all_ends(case):
    """Each answer of a service names an end."""
    def names_none(change):
        given = {key.lower(): value for key, value in change.get("set", {}).items()}
        return str(change.get("omit")).lower() == "['expiration']" or given.get("expiration", "") is None

    def with_end(change):
        body = change.get("body", "")
        if "</Credentials>" in body and "<Expiration>" not in body:
            ends = "<Expiration>2100-01-02T03:04:05Z</Expiration></Credentials>"
            return dict(change, body=body.replace("</Credentials>", ends))
        return {} if names_none(change) else change
    return dict(case, answers={name: with_end(change) for name, change in case["answers"].items()})


def without_omitted_grant(case):
    """The service gives a new refresh token."""
    return dict(case, answers={name: {} if replaces_no_grant(change) else change for name, change in case["answers"].items()})


def is_odd_grant(change):
    """What the token service gives makes no log-in."""
    given = change.get("set", {})
    seconds = given.get("expiresIn", 1)
    return (not re.fullmatch(r"[!-~]+", str(given.get("accessToken", "x"))) or change.get("body") == "null" or
            any(not isinstance(given.get(name, "x"), str) for name in ("accessToken", "refreshToken")) or
            not re.fullmatch(r"\d+(\.\d*)?", str(seconds)) or float(seconds) > 1e15)


def replaces_no_grant(change):
    return change.get("omit") == ["refreshToken"] or not change.get("set", {}).get("refreshToken", "next")


def with_plain_tokens(case):
    return dict(case, files={name: text.strip() if name.endswith("jwt") else text
                             for name, text in case["files"].items()})


def with_fall_through(case):
    """credential_fallthrough = true, and tokens that the next source can use."""
    files = {name: "token" if name.endswith("jwt") else text for name, text in case["files"].items()}
    return dict(case, files=files, fall_through=True)


def with_region(case):
    """Somebody names the mount's region."""
    return dict(case, environment=dict(case["environment"], AWS_DEFAULT_REGION=case["region"]))


def with_profile(case):
    """There is a profile of that name, which says nothing."""
    named = case["profile"] or case["environment"].get("AWS_PROFILE") or case["environment"].get("AWS_DEFAULT_PROFILE")
    path = case["environment"].get("AWS_CONFIG_FILE") or FILES[0]
    read = posixpath.normpath(re.sub(r"^(~|\$HOME|\$\{HOME\}|@HOME@)/", "", path))
    text = text_of(case, read) if read in FILES else ""
    section = f'[profile "{named}"]\n'
    return dict(without_variables("AWS_CONFIG_FILE")(case),
                files=dict(case["files"], **{FILES[0]: section + text.removeprefix("\ufeff")}))


ENDPOINT_KEY = re.compile(r"(?im)^(\s*endpoint_url[^\S\n]*[=:][^\S\n]*)([^\n]*)")


def endpoint_urls(case):
    variables = [value for name, value in case["environment"].items() if name.startswith("AWS_ENDPOINT_URL")]
    return [found[2].strip() for found in ENDPOINT_KEY.finditer(texts(case))] + variables


def with_plain_endpoints(case):
    case = changed(case, lambda text: ENDPOINT_KEY.sub(r"\1https://plain.example", text))
    return dict(case, environment={name: "https://plain.example" if name.startswith("AWS_ENDPOINT_URL") else value
                                   for name, value in case["environment"].items()})
