"""One key of tools.conf against what is wanted of it, and the change that makes it so."""

import re

from inguestlib import schema as s
from inguestlib.changes import Edit, File, Setting, Unit
from inguestlib.families.tools import installed
from inguestlib.families.tools.conffile import (
    TOOLS,
    VGAUTH,
    effective,
    refusal,
    rejected,
    written,
)
from inguestlib.model import compliant, drift

SYNTAX = "tools-conf-syntax"
GLOBAL_OFF = "tools-globalconf-off"

SCHEMA = {
    "rewrite_rejected": s.Bool(
        False, help="mend a tools.conf or vgauth.conf that GLib refuses: bad lines become comments"
    )
}
OBSERVERS = {}
CONTROLS = ()


def mending(policy):
    """Whether a refused file is going to be repaired: what it says counts from then on."""
    return policy["rewrite_rejected"] and policy.in_force(SYNTAX)


def cure(facts, policy, settings, path=TOOLS, restart=False):
    """The changes that set or remove keys; none where GLib refuses the file and it stays so.

    settings
        ``(group, name, value or None)`` each.
    restart
        What is set is read at the service's start only; vmtoolsd reads the rest within five
        seconds.
    """
    bad = rejected(facts, path)
    if bad and (not mending(policy) or not bad["line"]):
        return ()
    parts = tuple(Setting(*setting) for setting in settings)
    change = File(path, edits=repairs(facts, path), settings=parts)
    return (change, *restarted(facts, path)) if restart else (change,)


def repairs(facts, path=TOOLS):
    """The edits that make GLib take a refused file; none where it takes it."""
    seen = facts["conf"]["files"][path]
    return tuple(Edit(*edit) for edit in seen["repairs"]) if seen else ()


def restarted(facts, path=TOOLS):
    """The restart of the service that reads a file, where it runs."""
    if not facts.guest["live"]:
        return ()
    name = installed.named(facts).units[path == VGAUTH]
    unit = facts["services"]["units"].get(name)
    return (Unit(name, "restart"),) if unit and unit["active"] == "active" else ()


def release(facts):
    """The upstream release of open-vm-tools as numbers, ``()`` where it is unknown."""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", installed.version(facts) or "")
    return tuple(map(int, found[1].split("."))) if found else ()


def unread(facts, key):
    """Why nothing reads the key here, as evidence; ``""`` where something does.

    Its plugin is not there, or the release is older than the key.
    """
    plugins = facts["conf"]["plugins"]
    if key.plugin and plugins["folders"] and key.plugin not in plugins["files"]:
        return f"no {key.plugin} in {', '.join(plugins['folders'])}"
    if key.since and release(facts) and release(facts) < key.since:
        return f"{installed.said(facts)}, which has no such feature"
    return ""


def wish(facts, policy, key, want, *, met=None, instead=(), off=False, restart=False, comment=""):
    """The finding about one key.

    want
        Its value where it has to be set; ``None``: its default, so that it is removed.
    met
        Whether a value will do, ``met(value)``; else it has to be ``want``.
    instead
        ``((key, met), …)``: other keys one of which is as good.
    off
        What is wanted is that a feature does nothing: met where there is none.
    comment
        What is added to a drift.
    """
    if off and (why := unread(facts, key)):
        return compliant(key.label, None, want, evidence=why)
    good = met or (lambda value: value == (key.default if want is None else want))
    expected = written(key, key.default if want is None else want)
    seen = worlds(facts, policy, key)
    now = next((value for value in seen if not good(value.value)), seen[0])
    observed = written(key, now.value)
    if good(now.value):
        note = f"the value is no {key.type}; see {SYNTAX}" if now.fallback else ""
        return compliant(key.label, observed, expected, evidence=now.evidence, comment=note)
    for other, will_do in instead:
        seen = worlds(facts, policy, other)
        if all(will_do(value.value) for value in seen):
            return compliant(key.label, observed, expected, evidence=seen[0].evidence)
    notes = [comment, fallen(key, now), blocked(facts, policy, key.path)]
    return drift(
        key.label,
        observed,
        expected,
        evidence=now.evidence,
        comment="; ".join(filter(None, notes)),
        changes=cure(
            facts,
            policy,
            [(key.group, key.name, None if want is None else written(key, want))],
            key.path,
            restart,
        ),
    )


def worlds(facts, policy, key):
    """The values of a key that have to be right: now, and without the global file if it goes."""
    now = effective(facts, key, mending(policy))
    if now.source == "global" and policy.in_force(GLOBAL_OFF):
        return (now, effective(facts, key, mending(policy), alone=True))
    return (now,)


def fallen(key, value):
    """What to say where a key's value is not of its type, and where it came from afar."""
    if value.fallback:
        shown = written(key, value.value)
        return f"{value.entry['value']!r} is no {key.type}, so that {shown} counts"
    return "it comes from the global file" if value.source == "global" else ""


def blocked(facts, policy, path=TOOLS):
    """What keeps a file from being edited: GLib refuses it, and the policy leaves it so."""
    bad = rejected(facts, path)
    if not bad:
        return ""
    if mending(policy) and bad["line"]:
        return f"{refusal(path, bad)}; it will be mended first"
    return f"{refusal(path, bad)}; {bad['mend']}, or let inguest:tools:rewrite_rejected do it"
