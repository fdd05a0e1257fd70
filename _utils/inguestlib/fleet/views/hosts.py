"""Hosts of the store: which of them are meant, and how each one stands."""

import difflib
import fnmatch
import re

from inguestlib.fleet.views import ViewError

STANDINGS = ("clean", "drift", "unknown", "trouble", "silent")


def standing(host, now, silent_after):
    """One of :data:`STANDINGS`: the first that holds of silent, drift, trouble, unknown, clean.

    host
        :class:`inguestlib.fleet.store.rows.Host`.
    silent_after
        Seconds without a message. Of a silent host nobody knows whether what it said still holds.
    """
    if (now - host.last_seen).total_seconds() > silent_after:
        return "silent"
    if host.summary.get("drift"):
        return "drift"
    if host.summary.get("error"):
        return "trouble"
    return "unknown" if host.summary.get("unknown") or not any(host.summary.values()) else "clean"


def matcher(tgt, tgt_type="glob", asked=None):
    """``match(name)`` of a target, or ``None`` when it means all hosts.

    tgt, tgt_type
        As for the ``salt`` command. ``glob``, ``list`` and ``pcre`` are matched with the names of
        the store, so a host whose key is gone is found, too.
    asked
        ``asked(tgt, tgt_type)`` gives the ids that any other kind of target means.

    Raises :class:`ViewError`.
    """
    if tgt_type == "glob":
        if tgt in ("*", None):
            return None
        return lambda name: fnmatch.fnmatchcase(name, str(tgt))
    if tgt_type == "list":
        names = tgt.split(",") if isinstance(tgt, str) else tgt
        return frozenset(str(name).strip() for name in names).__contains__
    if tgt_type == "pcre":
        try:
            return re.compile(str(tgt)).match
        except re.error as exc:
            raise ViewError(f"{tgt!s} is not a regular expression: {exc}") from None
    if asked is None:
        raise ViewError(f"tgt_type={tgt_type!s}: give glob, list or pcre")
    return frozenset(asked(tgt, tgt_type)).__contains__


def wanted(reader, match):
    """The :class:`Host` rows that match, by name; ``None`` matches all."""
    return [host for host in reader.each_host() if match is None or match(host.name)]


def nobody(match):
    """The :class:`ViewError` where no host of the store is meant: that is no clean fleet."""
    if match is None:
        return ViewError("the store knows no host yet: has the engine inguest been running?")
    return ViewError("no host of the store matches the target")


def one(reader, name):
    """The row of a host. Raises :class:`ViewError` that names the nearest ones."""
    found = reader.hosts([str(name)])
    if found:
        return found[0]
    raise ViewError(f"the store knows no host {name!s}" + hint(name, names(reader)))


def names(reader):
    """The names of all hosts of the store."""
    return [host.name for host in reader.each_host()]


def hint(name, known, what="hosts"):
    """``; near are web1, web2``, or that there are none at all."""
    known = list(known)
    if not known:
        return f"; it knows no {what} yet: has the engine inguest been running?"
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    if not near:
        near = [one for one in known if str(name).lower() in one.lower()][:3]
    return f"; near are {', '.join(near)}" if near else ""
