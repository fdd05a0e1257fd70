"""How each client reads its variables and its list of exceptions: pure functions, one module each.

A dialect has ``PROXY`` (``{scheme: names of variables}``, the first that is set counts),
``EXCEPTIONS`` (the same for the list) and ``matches(text, destination, version)``, which returns
the entry that makes the client go directly, or ``None``. ``EMPTY_PROXY_COUNTS`` and
``EMPTY_LIST_COUNTS``: a variable that is set and empty ends the search; ``ANY_CASE``: of two
spellings either may count. ``tests/integration/proxy`` asks the
real clients whether that is what they do.
"""

from inguestlib.families.proxy.dialects import (
    apt,
    curl,
    git,
    go,
    npm,
    requests,
    rhsm,
    salt,
    urllib,
    wget,
    zypp,
)
from inguestlib.families.proxy.dialects.destination import Destination, parse

__all__ = ["DIALECTS", "Destination", "parse"]

DIALECTS = {
    module.NAME: module
    for module in (apt, curl, git, go, npm, requests, rhsm, salt, urllib, wget, zypp)
}


class Ambiguous(Exception):
    """Two spellings of a variable differ, and which of them counts can't be told."""


def proxy_variable(dialect, scheme, variables):
    """The name of the variable that gives this client its proxy, or ``None``.

    variables
        ``{name: value}``.

    Raises :class:`Ambiguous`.
    """
    names = dialect.PROXY.get(scheme, ())
    return _first(dialect, names, variables, getattr(dialect, "EMPTY_PROXY_COUNTS", False))


def list_variable(dialect, variables):
    """As :func:`proxy_variable`, for the list of exceptions."""
    counts = getattr(dialect, "EMPTY_LIST_COUNTS", False)
    return _first(dialect, dialect.EXCEPTIONS, variables, counts)


def _first(dialect, names, variables, empty_counts):
    there = [name for name in names if name in variables]
    if getattr(dialect, "ANY_CASE", False):
        for name in there:
            other = next((n for n in there if n != name and n.lower() == name.lower()), None)
            if other and variables[other] != variables[name]:
                raise Ambiguous(f"{name} and {other} differ")
    if not empty_counts:
        there = [name for name in there if variables[name]]
    return there[0] if there else None
