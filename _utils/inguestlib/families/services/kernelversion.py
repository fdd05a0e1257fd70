"""Compare kernel releases (``uname -r``) as the distributions number them."""

import re

_TOKENS = re.compile(r"\d+|[A-Za-z]+|~")


def flavour(release):
    """The variant of a release: two kernels are only compared within one variant.

    >>> flavour("6.1.0-18-cloud-amd64"), flavour("5.14.0-362.el9.x86_64")
    ('cloud-amd64', '')
    """
    if "uek" in release:  # Oracle's second kernel sits beside the compatible one
        return "uek"
    match = re.search(r"-(?!rc\d)([A-Za-z][\w-]*)$", release) or re.search(
        r"(?<=[a-z\d])(\+[a-z][\w-]*)$", release
    )
    return match[1] if match else ""


def key(release):
    """What to sort releases of one flavour by: numbers as numbers, ``rc`` and ``~`` before all.

    >>> key("6.1.0-9-amd64") < key("6.1.0-18-amd64")
    True
    """
    parts = []
    for token in _TOKENS.findall(release):
        if token.isdigit():
            parts.append((2, int(token), ""))
        elif token == "~" or token == "rc":
            parts.append((0, 0, token))
        else:
            parts.append((1, 0, token))
    return parts + [(1, 0, "")]


def newest(releases, like):
    """The highest of the releases that have the flavour of ``like``, or ``None``."""
    same = [r for r in releases if flavour(r) == flavour(like)]
    return max(same, key=key, default=None)
