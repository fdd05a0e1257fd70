"""Observe a guest and judge it, over all families; nothing here knows any of them."""

import contextlib
import datetime as dt
import gc
import traceback
from collections.abc import Mapping
from dataclasses import replace

from inguestlib import secrets
from inguestlib.families import all_families
from inguestlib.model import (
    SCHEMA,
    SEVERITIES,
    FactUnseen,
    FamilyFacts,
    Finding,
    Verdict,
    not_applicable,
    placed,
    unknown,
)
from inguestlib.policy import waive
from inguestlib.reporting import stable


class SelectionError(ValueError):
    """A family or a control was asked for that does not exist."""


def names(value):
    """What a caller gives as names, ``a,b`` or a list, as a list; ``None``, which means all, stays.

    An empty list is refused: a look at nothing would find nothing wrong. Raises
    :class:`SelectionError`.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) for word in value):
        raise SelectionError(f"{value!r} is not a list of names")
    words = [word.strip() for word in value if word.strip()]
    if not words:
        raise SelectionError("no name is given; leave the argument out to mean all")
    return words


def select(policy, families=None, controls=None):
    """``[(family, [control, …]), …]`` that the policy and the caller want judged.

    families, controls
        Names, or ``None`` for all that are not off.

    Raises :class:`SelectionError` for a name that nobody knows.
    """
    known = all_families()
    _known(families, known, "family")
    ids = {c.id: f.name for f in known.values() for c in f.controls}
    _known(controls, ids, "control")
    if families is None and controls is not None:
        families = {ids[c] for c in controls}
    chosen = []
    for name, family in known.items():
        if policy.mode(name) == "off" or (families is not None and name not in families):
            continue
        mine = [
            c
            for c in family.controls
            if policy.control_mode(c.id) != "off" and (controls is None or c.id in controls)
        ]
        if mine:
            chosen.append((family, mine))
    return chosen


def _known(names, known, what):
    wrong = sorted(set(names or ()) - set(known))
    if wrong:
        raise SelectionError(
            f"no such {what}: {', '.join(wrong)}; known are {', '.join(sorted(known))}"
        )


def plain(data):
    """The data as JSON has it: lists for tuples, texts that every encoder takes.

    Raises :class:`TypeError` for anything else.
    """
    kind = type(data)  # the exact types first: this runs over all facts of an audit
    if kind is str:
        # Bytes that are not UTF-8 were read as surrogates; show them as \\xNN.
        if data.isascii():
            return data
        return data.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if data is None or kind is bool or kind is int or kind is float:
        return data
    if kind is dict:
        return {
            key if type(key) is str and key.isascii() else plain(str(key)): plain(value)
            for key, value in data.items()
        }
    if kind is list or kind is tuple:
        return [plain(value) for value in data]
    if isinstance(data, str):
        return plain(str.__str__(data))
    if isinstance(data, Mapping):
        return plain(dict(data))
    raise TypeError(f"not plain data: {kind.__name__}")


def observe(guest, policy, families=None, controls=None):
    """The facts: ``{"schema": 1, "guest": {…}, "<family>": {"<section>": …}}``, plain data.

    A section whose observation fails holds ``{"$error": message}``, one that the guest did not
    show (no right to read, not what it should be) ``{"$unseen": message}``; the others are not
    harmed. ``asked`` is ``{family: {section: {parameter: value}}}``: what of the policy was read
    while a section was observed. By another policy that says the same there, the section would
    have been the same.
    """
    facts = {"schema": SCHEMA, "guest": plain(guest.summary()), "asked": {}}
    for family, _controls in select(policy, families, controls):
        sections, asked = {}, {}
        for section, observer in family.observers.items():
            params = Asked(policy.family(family.name))
            try:
                sections[section] = plain(observer(guest, params))
            except OSError as exc:
                sections[section] = {FamilyFacts.UNSEEN: _message(exc)}
            except Exception as exc:  # noqa: BLE001 - a broken observer is data, not the end
                sections[section] = {FamilyFacts.BROKEN: _message(exc)}
            if params.read:
                asked[section] = asked_of(params, params.read)
        facts[family.name] = sections
        if asked:
            facts["asked"][family.name] = asked
    return facts


class Asked(Mapping):
    """The parameters of a family as an observer sees them; ``read`` are the keys it looked at."""

    def __init__(self, params):
        self.read = set()
        self._params = params

    def __getitem__(self, key):
        self.read.add(key)
        return self._params[key]

    def __iter__(self):
        self.read.update(self._params)
        return iter(self._params)

    def __len__(self):
        return len(self._params)


def asked_of(params, keys):
    """``{key: value}`` of some parameters, plain data; a secret that is set is ``***``."""
    return {key: plain(secrets.hidden(params[key])) for key in sorted(keys) if key in params}


def judge(facts, policy, families=None, controls=None):
    """The findings of the selected controls, in the families' order. A pure function.

    Every selected control appears: one that raises as ``error`` with its message,
    one that says nothing as ``unknown``, one that an offline root can't show as
    ``not_applicable``. Waivers are not applied here.
    """
    findings = []
    for family, chosen in select(policy, families, controls):
        mine = FamilyFacts(facts.get(family.name, {}), facts["guest"])
        findings += judge_family(family.name, chosen, mine, policy)
    return findings


def judge_family(name, controls, facts, policy):
    """The findings of some controls of one family, by its :class:`inguestlib.model.FamilyFacts`."""
    findings = []
    params = policy.family(name)
    for control in controls:
        severity = policy.controls.get(control.id, {}).get("severity")
        for finding in _judged(control, facts, params):
            finding = placed(finding, control, name)
            findings.append(replace(finding, severity=severity) if severity else finding)
    return findings


_NOTHING = "there is no system in this root, neither /etc nor /usr; is its image mounted?"


def _judged(control, facts, params):
    if not control.offline and not facts.guest["live"]:
        return [not_applicable(control.id, "an offline root can't show it; a running guest can")]
    if not facts.guest.get("populated", True):
        return [unknown(control.id, _NOTHING)]
    try:
        found = list(control.judge(facts, params))
    except FactUnseen as exc:
        return [unknown(control.id, str(exc))]
    except Exception as exc:  # noqa: BLE001 - one broken check harms no other
        where = traceback.extract_tb(exc.__traceback__)[-1]
        file = where.filename.rpartition("/inguestlib/")[2]
        return [
            Finding(
                Verdict.ERROR,
                control.id,
                evidence=f"{file}:{where.lineno} {where.name}",
                comment=_message(exc),
            )
        ]
    return found or [unknown(control.id, "the check found nothing to judge")]


def _message(exc):
    text = str(exc) or "no message"
    name = type(exc).__name__
    return text if name == "FactError" else f"{name}: {text}"


def report(facts, findings, waivers, policy, *, name):
    """The report of one audit, plain data; see the reference of ``inguest.audit``."""
    order = list(SEVERITIES)
    ranked = sorted(
        findings, key=lambda f: (order.index(f.severity), f.family, f.control, f.resource)
    )
    summary = {verdict.value: 0 for verdict in Verdict}
    for finding in ranked:
        summary[finding.verdict.value] += 1
    return {
        "schema": SCHEMA,
        "guest": name,
        "root": facts["guest"]["root"],
        "time": policy.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "policy": policy.digest,
        "facts": stable.combined(stable.digests(facts)),
        "previous": None,
        "summary": summary,
        "findings": plain([f.to_dict() for f in ranked]),
        "waivers": waivers,
    }


def judged(facts, policy, families=None, controls=None):
    """Findings with waivers applied, and the waivers' states."""
    known = all_families()
    ids = {c.id for f in known.values() for c in f.controls}
    return waive(judge(facts, policy, families, controls), policy, ids)


def audit(guest, policy, families=None, controls=None, *, name=None, now=None):
    """Observe and judge: the report of a guest, plain data.

    guest
        A fresh :class:`inguestlib.guest.Guest`; its answers are kept, so use it once.
    policy
        From :func:`inguestlib.policy.load`.
    name
        What the report calls the guest and waivers are matched with (the minion id).
    now
        The time of the audit, UTC.
    """
    return audited(guest, policy, families, controls, name=name, now=now)[1]


def audited(guest, policy, families=None, controls=None, *, name=None, now=None):
    """``(facts, report)`` of an audit; the arguments are those of :func:`audit`."""
    name = name or guest.hostname
    policy = policy.for_guest(name, now or dt.datetime.now(dt.timezone.utc))
    with _uncollected():
        facts = observe(guest, policy, families, controls)
        findings, waivers = judged(facts, policy, families, controls)
        return facts, report(facts, findings, waivers, policy, name=name)


@contextlib.contextmanager
def _uncollected():
    """No search for cyclic garbage meanwhile.

    An audit makes thousands of small values that it keeps until its end. In a job, a fork of
    the minion, a search would also touch, and so copy, the memory that the two share.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
