"""Facts without what changes by itself, and their digest.

Two observations of a guest that nobody touched have to have one digest, or each heartbeat would be
a report. A family names what changes by itself in :attr:`inguestlib.model.Family.volatile`.
"""

from inguestlib.families import all_families
from inguestlib.model import digest

_AROUND = ("schema", "guest", "asked")


def digests(facts, families=None):
    """``{family: digest}`` of the stable facts, ``guest`` for those of the guest as a whole.

    What of the policy was read for them counts with them.

    facts
        As :func:`inguestlib.audit.observe` gives them.
    families
        ``{name: Family}``; all that are known by default.
    """
    known = all_families() if families is None else families
    found = {}
    for name, sections in facts.items():
        if name in _AROUND:
            continue
        family = known.get(name)
        kept = without(sections, family.volatile if family else ())
        found[name] = digest([kept, facts.get("asked", {}).get(name)])
    found["guest"] = digest(facts["guest"])
    return found


def combined(parts):
    """One digest of what :func:`digests` found; the ``facts`` of a message."""
    return digest(parts)


def without(data, patterns):
    """The data without what the patterns name; the same object where they name nothing.

    A pattern is a way from the top, with dots: ``section.key.*.key``. ``*`` is every key of a
    mapping and every item of a list. An item of a list that is itself named is left out of it.
    """
    ways = [tuple(pattern.split(".")) for pattern in patterns]
    return _without(data, ways) if ways else data


def _without(data, ways):
    if isinstance(data, dict):
        kept = {}
        for key, value in data.items():
            mine = [way[1:] for way in ways if way[0] in (key, "*")]
            if () not in mine:
                kept[key] = _without(value, mine) if mine else value
        return kept
    if isinstance(data, list):
        mine = [way[1:] for way in ways if way[0] == "*"]
        if not mine:
            return data
        return [] if () in mine else [_without(item, mine) for item in data]
    return data
