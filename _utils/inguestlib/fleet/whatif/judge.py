"""One host judged by the proposed policy. What is equal on many hosts is judged once.

A judge is a pure function of the sections that it reads, of what it reads of the guest as a whole,
of the policy, and of which waivers are in force. So all of that is watched, and a control is judged
again only where something that it has ever read is another.
"""

import hashlib
import marshal
from collections.abc import Mapping
from dataclasses import replace

from inguestlib import audit
from inguestlib.families import all_families
from inguestlib.fleet.whatif.stored import StoredFacts, blocked
from inguestlib.model import SCHEMA, Verdict
from inguestlib.policy import waive

_SECRET = "SecretError: "
_MOST = 200_000  # judgements that are remembered; then the memory is emptied


class Unjudgeable(ValueError):
    """Facts that can't be judged here; the message says why."""


class Judge:
    """Judges hosts at one time, and remembers what it has judged.

    now
        The time of the judgement, UTC.
    """

    def __init__(self, now):
        self._now = now
        self._ids = {c.id for family in all_families().values() for c in family.controls}
        self._chosen = {}  # of each policy what it selects
        self._reads = {}  # of each control: sections, and keys of the guest
        self._known = {}

    def findings(self, host, facts, policy, key):
        """``[finding, …]``, plain data with ``enforced``: whether an apply would cure it.

        facts
            Of :func:`inguestlib.audit.observe`.
        policy
            A :class:`inguestlib.policy.Policy`.
        key
            Of the policy; equal keys mean equal policies.

        Raises :class:`Unjudgeable`.
        """
        _check(facts)
        policy = policy.for_guest(host, self._now)
        if key not in self._chosen:
            self._chosen[key] = audit.select(policy)
        waivers = tuple(waiver.state(host, self._now) for waiver in policy.waivers)
        out = []
        for family, controls in self._chosen[key]:
            out += self._family(family, controls, facts, policy, (key, waivers))
        return out

    def _family(self, family, controls, facts, policy, key):
        name, guest = family.name, Watched(facts["guest"])
        sections, asked = facts.get(name, {}), facts["asked"].get(name, {})
        held = StoredFacts(name, sections, guest, blocked(family, asked, policy.family(name)))
        parts = _Parts(sections, asked)
        out = []
        for control in controls:
            reads = self._reads.get(control.id, ((), ()))
            known = self._known.get((control.id, key, *self._seen(reads, parts, facts)))
            if known is None:
                held.read.clear()
                guest.read.clear()
                known = self._judged(control, held, policy, name)
                reads = (_more(reads[0], held.read), _more(reads[1], guest.read))
                self._reads[control.id] = reads
                if len(self._known) > _MOST:
                    self._known.clear()
                self._known[(control.id, key, *self._seen(reads, parts, facts))] = known
            out += known
        return out

    @staticmethod
    def _seen(reads, parts, facts):
        """What a control may look at: of the sections and of the guest what it has ever read."""
        sections, guest = reads
        of_guest = marshal.dumps([facts["guest"].get(word) for word in guest], 0) if guest else b""
        return sections, guest, tuple(map(parts.digest, sections)), of_guest

    def _judged(self, control, facts, policy, family):
        found = audit.judge_family(family, [control], facts, policy)
        found, _states = waive([_without_secrets(f) for f in found], policy, self._ids)
        out = []
        for finding in found:
            plain = audit.plain(finding.to_dict())
            plain["enforced"] = bool(finding.changes) and policy.enforced(control.id, family)
            out.append(plain)
        return out


def _more(known, found):
    return known if found.issubset(known) else tuple(sorted({*known, *found}))


class _Parts:
    """The sections of one family of one host, by digest; each is digested once, when needed."""

    def __init__(self, sections, asked):
        self._sections, self._asked, self._known = sections, asked, {}

    def digest(self, section):
        """Of the section, of what it was asked, and of whether it is there."""
        if section not in self._known:
            found = [section in self._sections, self._sections.get(section)]
            data = marshal.dumps([*found, self._asked.get(section)], 0)
            self._known[section] = hashlib.blake2b(data, digest_size=16).digest()
        return self._known[section]


class Watched(Mapping):
    """What is known of a guest as a whole; ``read`` are the keys that a judge looked at."""

    def __init__(self, data):
        self.read = set()
        self._data = data

    def __getitem__(self, key):
        self.read.add(key)
        return self._data[key]

    def __iter__(self):
        self.read.update(self._data)
        return iter(self._data)

    def __len__(self):
        return len(self._data)


def _without_secrets(finding):
    """A judge that needed a secret which the master can't resolve could not see: unknown."""
    if finding.verdict is Verdict.ERROR and finding.comment.startswith(_SECRET):
        why = f"{finding.comment.removeprefix(_SECRET)}; the guest has to tell"
        return replace(finding, verdict=Verdict.UNKNOWN, comment=why, evidence="")
    return finding


def _check(facts):
    if not isinstance(facts, Mapping) or not isinstance(facts.get("guest"), Mapping):
        raise Unjudgeable("what is stored of it are no facts")
    if facts.get("schema") != SCHEMA:
        raise Unjudgeable(
            f"its facts have schema {facts.get('schema')!r}, this master knows {SCHEMA}: "
            "bring both to one version"
        )
    if not isinstance(facts.get("asked"), Mapping):
        raise Unjudgeable("its facts do not tell what they were asked: its inguest is older")
