"""Which one-line faults a line of C++ can carry. Pure: text in, faults out.

Lines are taken as clang-format lays them out; what a fault makes of a line need not compile, whoever uses it throws
such a one away.
"""
import dataclasses
import difflib
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tidy"))

from check_tree import without_comments_and_strings  # noqa: E402

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
# A whole statement that is a call: its result is not kept, so without it nothing is missing for the compiler.
CALL = re.compile(r"^\s+(?!return\b|if\b|else\b|for\b|while\b|case\b|throw\b|delete\b|static_assert\b|using\b|co_\w+\b)"
                  r"(?:\(void\))?[A-Za-z_][\w:.]*(?:(?:->|\.|::)[\w]+)*\(.*\);\s*$")
NUMBER = re.compile(r"(\bconstexpr\b.*[={(] ?)(\d+)(?=[;}),])")
WORDS = {"true": "false", "false": "true", "&&": "||", "||": "&&"}


@dataclasses.dataclass(frozen=True, order=True)
class Mutant:
    file: str
    line: int  # from 1
    kind: str
    after: str  # the line with the fault

    def apply(self, text):
        lines = text.split("\n")
        lines[self.line - 1] = self.after
        return "\n".join(lines)

    def diff(self, text):
        before, after = text.split("\n"), self.apply(text).split("\n")
        lines = difflib.unified_diff(before, after, f"a/{self.file}", f"b/{self.file}", lineterm="", n=2)
        return "\n".join(lines)


def _closing(line, start):
    """The place of the parenthesis that closes the one at `start`; -1 when it is on another line."""
    depth = 0
    for place in range(start, len(line)):
        depth += {"(": 1, ")": -1}.get(line[place], 0)
        if depth == 0:
            return place
    return -1


def _negated(code, raw):
    m = re.search(r"\bif \(", code)
    if not m:
        return
    start = m.end() - 1
    end = _closing(code, start)
    if end > 0 and ";" not in code[start:end]:
        yield "condition negated", f"{raw[:start]}(!{raw[start:end + 1]}){raw[end + 1:]}"


def _bounds(code, raw):
    for m in re.finditer(r"(?<= )(<=|>=|==|!=|<|>)(?= )", code):
        yield "bound moved", raw[:m.start()] + COMPARISONS[m.group()] + raw[m.end():]
    if m := NUMBER.search(code):
        number = int(m.group(2))
        yield "bound moved", f"{raw[:m.start(2)]}{number * 10 if number >= 10 else number + 1}{raw[m.end(2):]}"


def _dropped(code, raw):
    if CALL.match(code) and code.count("(") == code.count(")"):
        yield "call dropped", re.match(r"\s*", raw).group() + ";"


def _words(code, raw):
    for m in re.finditer(r"\btrue\b|\bfalse\b|&&(?= )|\|\|", code):
        yield "logic turned", raw[:m.start()] + WORDS[m.group()] + raw[m.end():]


def of_text(file, text):
    """All of a file, in the order of its lines."""
    code = without_comments_and_strings(text).split("\n")
    for number, (line, raw) in enumerate(zip(code, text.split("\n")), 1):
        if "static_assert" in line or line.lstrip().startswith("#") or "if constexpr" in line:
            continue
        for operator in (_negated, _bounds, _dropped, _words):
            for kind, after in operator(line, raw):
                yield Mutant(file, number, kind, after)
