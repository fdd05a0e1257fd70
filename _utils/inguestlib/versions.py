"""Compare package versions by the package manager's own rules.

A version becomes a key that sorts as the manager sorts: the rules are deb-version(7) and
rpm-version(7), and tests compare with dpkg and rpm themselves. Versions of different
distributions, or of different series of one, are not comparable by anybody's rules.
"""

import re

_DPKG_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_RPM_PARTS = re.compile(r"([0-9]+)|([A-Za-z]+)|([~^])")


def compare(one, other, manager):
    """-1, 0 or 1: the first version is older than, equal to or newer than the other.

    manager
        ``dpkg`` or ``rpm``; versions as these print them, with the epoch if there is one.

    >>> compare("2:12.2.0-1", "13.0.5-1", "dpkg"), compare("1.0~rc1-1", "1.0-1", "rpm")
    (1, -1)
    """
    first, second = key(one, manager), key(other, manager)
    return (first > second) - (first < second)


def key(version, manager):
    """What to sort versions of one package by.

    Raises :class:`ValueError` for an unknown manager, or an epoch that is no number.
    """
    epoch, upstream, revision = split(version, manager)
    part = _PARTS[manager]
    return (epoch, part(upstream), part(revision))


def valid(version, manager):
    """Whether a text is a version at all: a damaged file may hold anything."""
    try:
        key(version, manager)
    except ValueError:
        return False
    return bool(version.strip())


def split(version, manager):
    """``(epoch, upstream version, revision or release)``; what is missing is 0 or ``""``.

    dpkg takes the last hyphen for the revision's, and so does rpm: its versions hold none.

    >>> split("2:12.2.0-1+deb12u4", "dpkg")
    (2, '12.2.0', '1+deb12u4')
    """
    if manager not in _PARTS:
        raise ValueError(f"{manager!r} is not one of {', '.join(_PARTS)}")
    epoch, colon, rest = version.strip().partition(":")
    if not colon:
        epoch, rest = "0", epoch
    if not (epoch.isascii() and epoch.isdigit()):
        raise ValueError(f"{version}: the epoch is not a number")
    upstream, hyphen, revision = rest.rpartition("-")
    return (int(epoch), upstream, revision) if hyphen else (int(epoch), rest, "")


def meets(version, minimum, manager):
    """Whether a version is at least a minimum that a person wrote.

    What the minimum leaves out does not count: without an epoch (``12.5.2``) the epochs are
    not compared, else every version with one would do; without a release no release is.

    >>> meets("2:12.2.0-1", "13.0.5", "dpkg"), meets("2:13.0.5-1", "13.0.5", "dpkg")
    (False, True)
    """
    have, want = key(version, manager), key(minimum, manager)
    if ":" not in minimum:
        have, want = have[1:], want[1:]
    if not split(minimum, manager)[2]:
        have, want = have[:-1], want[:-1]
    return have >= want


def _dpkg_key(text):
    """Runs of other characters and numbers in turn, each run closed by its end.

    ``~`` is before the end, the end before letters, and letters before all others.
    """
    out = []
    for other, number in _DPKG_PARTS.findall(text or "0"):
        out += [tuple(_dpkg_order(c) for c in other) + (0,), int(number or 0)]
    return out


def _dpkg_order(character):
    if character == "~":
        return -1
    code = ord(character)
    return code if character.isascii() and character.isalpha() else code + 256


def _rpm_key(text):
    """Numbers, words and marks; everything else only separates them.

    ``~`` is before the end, the end before ``^``, then words, then numbers.
    """
    out = []
    for number, word, mark in _RPM_PARTS.findall(text):
        if number:
            out.append((4, int(number)))
        else:
            out.append((3, word) if word else (0 if mark == "~" else 2,))
    return [*out, (1,)]


_PARTS = {"dpkg": _dpkg_key, "rpm": _rpm_key}
