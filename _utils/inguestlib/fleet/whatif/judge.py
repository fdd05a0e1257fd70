"""One host judged by the proposed policy. Parts of facts that are equal are judged once."""

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
_MOST = 20_000  # families of facts that are remembered; then the memory is emptied


class Unjudgeable(ValueError):
    """Facts that can't be judged here; the message says why."""


class Judge:
    """Judges hosts at one time, and remembers what it has judged.

    now
        The time of the judgement, UTC.
    """

    def __init__(self, now):
        self._now = now
        self._families = all_families()
        self._ids = {c.id for family in self._families.values() for c in family.controls}
        self._chosen = {}  # of each policy what it selects
        self._guest_keys = {name: set() for name in self._families}
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
        name, guest = family.name, facts["guest"]
        sections, asked = facts.get(name, {}), facts["asked"].get(name, {})
        content = hashlib.blake2b(marshal.dumps((sections, asked), 0), digest_size=20).digest()
        key = (name, content, *key)
        known = self._known.get((*key, _values(guest, self._guest_keys[name])))
        if known is not None:
            return known
        seen = Watched(guest)
        params = policy.family(name)
        held = StoredFacts(name, sections, seen, blocked(family, asked, params))
        found = audit.judge_family(name, controls, held, policy)
        found, _states = waive([_without_secrets(f) for f in found], policy, self._ids)
        out = []
        for finding in found:
            plain = audit.plain(finding.to_dict())
            plain["enforced"] = bool(finding.changes) and policy.enforced(finding.control, name)
            out.append(plain)
        self._guest_keys[name] |= seen.read
        if len(self._known) > _MOST:
            self._known.clear()
        self._known[(*key, _values(guest, self._guest_keys[name]))] = out
        return out


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


def _values(guest, keys):
    return marshal.dumps([(key, guest.get(key)) for key in sorted(keys)], 0)


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
