"""The words of inguest as types: verdicts, controls, findings, families, facts.

Everything here is plain data or a pure function. Nothing opens a file, starts
a process or knows Salt.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum
from typing import Any

from inguestlib.changes import Change
from inguestlib.record import record

SCHEMA = 1  # of the report and of the facts; raised when a shape changes

SEVERITIES = ("high", "medium", "low", "info")


class Verdict(str, Enum):
    """What is said of a control on a guest. A selected control always gets one."""

    COMPLIANT = "compliant"
    DRIFT = "drift"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    ERROR = "error"

    def __str__(self):
        return self.value


@record
class Finding:
    """One judgement about one resource.

    A judge makes it by :func:`compliant`, :func:`drift`, :func:`unknown` or
    :func:`not_applicable`; the audit adds ``control`` and ``family``, and the ``severity``.

    resource
        What exactly was judged: a path, a unit, a link, a device.
    observed, expected
        Plain data (JSON).
    evidence
        ``path:line text``, or the question asked and its answer. ``compliant``
        without evidence is refused: a check that saw nothing proves nothing.
    comment
        One sentence for people: why it is unknown or not applicable, what to do by hand.
    changes
        The changes that would cure a drift; empty when a person has to decide.
    severity
        The control's, unless this finding weighs more or less than the others of its control.
    """

    verdict: Verdict
    resource: str
    observed: Any = None
    expected: Any = None
    evidence: str = ""
    comment: str = ""
    changes: tuple[Change, ...] = ()
    control: str = ""
    family: str = ""
    severity: str = ""

    def __post_init__(self):
        if self.verdict is Verdict.COMPLIANT and not self.evidence:
            raise ValueError(f"compliant without evidence: {self.resource}")
        if self.severity and self.severity not in SEVERITIES:
            raise ValueError(f"{self.resource}: {self.severity!r} is not one of {SEVERITIES}")
        if self.changes and self.verdict not in (Verdict.DRIFT, Verdict.WAIVED):
            raise ValueError(f"changes belong to drift, not to {self.verdict}: {self.resource}")

    @property
    def key(self):
        """``(control, resource)``: what a finding is about, for comparing two audits."""
        return (self.control, self.resource)

    def to_dict(self):
        """Plain data in the report's shape."""
        return {
            "control": self.control,
            "family": self.family,
            "severity": self.severity,
            "verdict": self.verdict.value,
            "resource": self.resource,
            "observed": self.observed,
            "expected": self.expected,
            "evidence": self.evidence,
            "comment": self.comment,
            "changes": [change.shown() for change in self.changes],
        }


def compliant(resource, observed=None, expected=None, *, evidence, comment=""):
    """The resource is as the policy wants it; ``evidence`` says how that is known."""
    return Finding(Verdict.COMPLIANT, resource, observed, expected, evidence, comment)


def drift(
    resource, observed=None, expected=None, *, evidence="", comment="", changes=(), severity=""
):
    """The resource differs from the policy; ``changes`` would cure it.

    ``severity`` only where this drift weighs otherwise than the control says.
    """
    said = (Verdict.DRIFT, resource, observed, expected, evidence, comment, tuple(changes))
    return Finding(*said, severity=severity)


def not_applicable(resource, comment, *, evidence=""):
    """The control has nothing to say about this guest; ``comment`` says why."""
    return Finding(Verdict.NOT_APPLICABLE, resource, evidence=evidence, comment=comment)


def unknown(resource, comment, *, observed=None, expected=None, evidence=""):
    """No evidence could be had; ``comment`` says what was missing."""
    return Finding(Verdict.UNKNOWN, resource, observed, expected, evidence, comment)


@record
class Control:
    """A rule that guests are judged by, declared beside the code that judges it.

    id
        Stable name, ``<family>-<subject>``.
    title, why
        One line each: what holds on a compliant guest, and what goes wrong without it.
    severity
        One of :data:`SEVERITIES`.
    references
        Ids in other catalogues: ``{"scg": […], "cis": […], "stig": […], "nist_800_53": […]}``.
    topic
        The sentence of the seed text that the control serves.
    enforceable
        ``yes``, ``partial`` or ``no``: whether findings carry changes.
    offline
        Whether it can be seen in an offline root.
    proof
        Judged after every apply of its family, which is undone when the proof fails.
    lags
        What runs follows what is set only when somebody restarts it: that it is behind after
        an apply does not undo the apply.
    judge
        ``judge(facts, policy)`` yields findings: a pure function.
    """

    id: str
    title: str
    why: str
    severity: str
    judge: Callable[["FamilyFacts", Any], Iterable[Finding]]
    topic: str = ""
    references: Mapping[str, Iterable[str]] = field(default_factory=dict)
    enforceable: str = "no"
    offline: bool = True
    proof: bool = False
    lags: bool = False
    tier: int = 1

    def __post_init__(self):
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.id}: severity {self.severity!r} is not one of {SEVERITIES}")
        if self.enforceable not in ("yes", "partial", "no"):
            raise ValueError(f"{self.id}: enforceable is yes, partial or no")

    def to_dict(self, family=""):
        """Plain data for ``inguest.controls`` and the documentation's catalogue."""
        return {
            "id": self.id,
            "family": family,
            "title": self.title,
            "why": self.why,
            "severity": self.severity,
            "topic": self.topic,
            "references": {k: list(v) for k, v in self.references.items()},
            "enforceable": self.enforceable,
            "offline": self.offline,
            "tier": self.tier,
        }


def control(**declaration):
    """Decorate a judge so that it becomes a :class:`Control`.

    The first paragraph of the judge's docstring is not used: ``title`` and ``why`` are.
    """

    def declare(judge):
        return Control(judge=judge, **declaration)

    return declare


@record
class Family:
    """A group of controls that share their facts.

    name
        As in the pillar: ``inguest:<name>``.
    schema
        The family's parameters, as :mod:`inguestlib.schema` types (``mode`` is added).
    observers
        ``{section: observe}``; ``observe(guest, params)`` reads the guest and returns
        plain data. One broken section harms only the controls that use it.
    controls
        In the order in which they are reported.
    writes_secrets
        Whether its changes may hold secrets of its policy; else an apply never asks for them.
    isolates
        Whether its changes could part a guest from its master: then they count only when they
        are confirmed, see :mod:`inguestlib.confirmation`.
    volatile
        Facts that change though nobody touched the guest (process ids, ages, counters), as ways
        from the sections down: ``section.key.*.pid``; see :mod:`inguestlib.reporting.stable`.
    telling
        Sections that depend on parameters and whose judges say ``unknown`` for what the guest was
        not asked, so that another policy than the one of their observation may judge them. Any
        other section that read a parameter is good for the value only that it had then.
    """

    name: str
    title: str
    schema: Mapping[str, Any]
    observers: Mapping[str, Callable[[Any, Mapping], Any]]
    controls: tuple[Control, ...]
    writes_secrets: bool = True
    isolates: bool = False
    volatile: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()

    def __post_init__(self):
        ids = [c.id for c in self.controls]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"family {self.name}: declared twice: {', '.join(twice)}")


class FactError(Exception):
    """A section of facts that could not be observed; the message says why."""


class FactUnseen(FactError):
    """A section that the guest did not show: no right to read it, or nothing readable there."""


class FamilyFacts(Mapping):
    """The facts of one family, by section.

    Asking for a section whose observation failed raises :class:`FactError`, so
    that the control that needs it is reported as ``error`` and no other is. One that
    could not be seen raises :class:`FactUnseen`: ``unknown``.
    ``guest`` holds what is known of the guest as a whole (``live``, ``hostname``,
    ``os``, ``init``…).
    """

    BROKEN = "$error"
    UNSEEN = "$unseen"

    def __init__(self, sections, guest):
        self._sections = sections
        self.guest = guest

    def __getitem__(self, section):
        value = self._sections[section]
        if isinstance(value, Mapping) and self.BROKEN in value:
            raise FactError(f"{section} could not be observed: {value[self.BROKEN]}")
        if isinstance(value, Mapping) and self.UNSEEN in value:
            raise FactUnseen(f"{section} could not be observed: {value[self.UNSEEN]}")
        return value

    def __iter__(self):
        return iter(self._sections)

    def __len__(self):
        return len(self._sections)


def digest(data):
    """``sha256:<hex>`` of plain data in canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def placed(finding, control_, family):
    """The finding with its control's id and family, and the severity that it has not yet."""
    said = (finding.verdict, finding.resource, finding.observed, finding.expected)
    said += (finding.evidence, finding.comment, finding.changes)
    return Finding(*said, control_.id, family, finding.severity or control_.severity)
