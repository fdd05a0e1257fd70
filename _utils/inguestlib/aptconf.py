"""apt's configuration: apt.conf(5). A pure parser with the line of each value."""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/|\#(?!clear\b|include\b)[^\n]*)"
    r"|(?P<word>\"[^\"]*\"|[^\s{};\"]+)"
    r"|(?P<mark>[{};])"
    r"|(?P<space>\s+)",
    re.DOTALL,
)


class Value(NamedTuple):
    """``Acquire::http::Proxy`` and its value; ``None`` where ``#clear`` takes the name away."""

    name: str
    value: str | None
    line: int


def parse(text):
    """The values of one file in order; what is no apt.conf is passed over."""
    out, prefix, words = [], [], []
    line = 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match["word"]:
            words.append((token, line))
        elif match["mark"] == "{":
            prefix.append("::".join(_bare(w) for w, _ in words[:1]))
            words = []
        elif match["mark"] == "}":
            _take(prefix, words, out)
            words = []
            if prefix:
                prefix.pop()
        elif match["mark"] == ";":
            _take(prefix, words, out)
            words = []
        line += token.count("\n")
    return out


def _bare(word):
    return word[1:-1] if word[:1] == '"' and len(word) > 1 else word


def _take(prefix, words, out):
    if not words:
        return
    first, line = words[0]
    if first == "#clear":
        out += [Value("::".join([*prefix, _bare(w)]), None, n) for w, n in words[1:]]
    elif len(words) > 1:
        value, line = words[-1]
        out.append(Value("::".join(p for p in [*prefix, _bare(first)] if p), _bare(value), line))


def files(guest):
    """The files that apt reads, in order: ``apt.conf.d`` by name, then ``apt.conf``."""
    parts = [
        path
        for path in guest.glob("/etc/apt/apt.conf.d/*")
        if re.fullmatch(r"[A-Za-z0-9_.-]+", name := path.rpartition("/")[2])
        and ("." not in name or name.endswith(".conf"))
    ]
    return [*parts, "/etc/apt/apt.conf"]
