"""What machines of a fleet share that each should have for itself: the marks of a clone. Pure.

No guest can see that by itself: its facts are compared on the master. A kind of identity is one
entry of :data:`KINDS`.
"""

from collections.abc import Mapping

from inguestlib.fleet.answers import CLEAN, DRIFT, TROUBLE
from inguestlib.record import record

SCHEMA = 1
FACTS = 1  # the schema of the facts that are compared
FAMILIES = ("crypt", "tpm")  # whose facts are asked for, whatever their mode
SECTIONS = (("crypt", "headers"), ("crypt", "machine"), ("tpm", "ek"))
KEY = "$key"  # where a host's facts are given the fingerprint of its minion's key


@record
class Kind:
    """One kind of identity.

    seen
        ``seen(facts)`` gives ``(value, where)`` for each one in the facts of one guest. Under
        ``key`` the facts hold the fingerprint of the key that the master accepted, where known.
    why
        What it means that two machines have the same one, in one line.
    cure
        What to do about it.
    """

    name: str
    title: str
    seen: object
    why: str
    cure: str


def _headers(facts):
    found = (facts.get("crypt") or {}).get("headers") or {}
    for path, entry in found.items():
        if isinstance(entry, Mapping) and entry.get("header"):
            yield path, entry


def _volume_keys(facts):
    for path, entry in _headers(facts):
        if entry.get("fingerprint"):
            yield entry["fingerprint"], path


def _uuids(facts):
    for path, entry in _headers(facts):
        if entry["header"].get("uuid"):
            yield entry["header"]["uuid"], path


def _endorsement_keys(facts):
    found = (facts.get("tpm") or {}).get("ek") or {}
    if found.get("digest"):
        yield found["digest"], f"TPM, {found.get('source')}"


def _machines(facts):
    found = (facts.get("crypt") or {}).get("machine") or {}
    digest = _identity(facts).get("machine") or found.get("digest")
    if digest:
        yield digest, "/etc/machine-id"


def _host_keys(facts):
    for path, fingerprint in (_identity(facts).get("ssh") or {}).items():
        yield fingerprint, path


def _minion_keys(facts):
    if facts.get(KEY):
        yield facts[KEY], "its accepted key"


def _identity(facts):
    return facts["guest"].get("identity") or {}


KINDS = (
    Kind(
        "luks-volume-key",
        "LUKS volume key",
        _volume_keys,
        "whoever opens one of these volumes can read all of them",
        "clone: rekey in the volume's policy, or inguest_luks.rekey, on all but one",
    ),
    Kind(
        "luks-uuid",
        "LUKS UUID",
        _uuids,
        "a disk that is attached to the other machine may be taken for its own",
        "clone: rekey in the volume's policy gives a copy a UUID of its own",
    ),
    Kind(
        "tpm-endorsement-key",
        "TPM endorsement key",
        _endorsement_keys,
        "what is sealed to the TPM of one machine opens on the other",
        "give the clone a new vTPM, then bind its volumes anew",
    ),
    Kind(
        "machine-id",
        "machine id",
        _machines,
        "nothing on the machines tells which of them is the copy",
        "empty /etc/machine-id of the copy, and reboot it",
    ),
    Kind(
        "ssh-host-key",
        "SSH host key",
        _host_keys,
        "either machine can pose as the other to whoever logs in",
        "remove /etc/ssh/ssh_host_*_key* on the copy, and run ssh-keygen -A",
    ),
    Kind(
        "minion-key",
        "minion key",
        _minion_keys,
        "either minion can read what the master sends to the other, its pillar too",
        "stop the copy's minion, remove its minion.pem and minion.pub, and accept the new key",
    ),
)


def compare(expected, answers, error="", keys=None):
    """What a fleet shares: plain data.

    expected
        The ids that were asked.
    answers
        ``{id: facts}``, or whatever else a minion sent.
    keys
        ``keys(id)`` gives the fingerprint of the minion's key that the master accepted, or
        ``None``.

    Returns ``{"schema": 1, "view": "clones", "shared": [{"kind", "title", "value", "why", "cure",
    "hosts": {id: [where, …]}}], "foreign": [{"host", "where", "value", "made_on": id | None}],
    "hosts": [ids], "unanswered": [ids], "trouble": {id: message}, "retcode"}``. ``shared`` also
    has what one host holds twice: a copied disk that is attached beside its original. ``foreign``
    are volumes whose keys were made on another machine than the one that has them now.
    """
    seen = Comparison()
    for name in sorted(answers):
        seen.add(name, answers[name], keys(name) if keys else None)
    out = {
        "schema": SCHEMA,
        "view": "clones",
        **seen.result(),
        "unanswered": sorted(set(expected) - set(answers)),
        "trouble": seen.trouble,
        **({"error": error} if error else {}),
    }
    return {**out, "retcode": retcode(out)}


def stored(reader, *, match=None, keys=None, tick=lambda words: None):
    """What a fleet shares, by the facts in the store: the same as :func:`compare`, and more.

    reader
        :class:`inguestlib.fleet.store.reader.Reader`.
    match
        ``match(name)``: only these hosts; ``None`` for all.
    keys
        ``keys(id)`` gives the fingerprint of the minion's key that the master accepted, or
        ``None``. Where it isn't given, it is the key that signed the host's last message.

    ``unanswered`` are hosts of which the store has no facts. ``off`` is ``{family: number of
    hosts}`` whose policy doesn't look at the family: what lies there was not compared, and that is
    no trouble. One host's facts are in memory at a time.
    """
    hosts = {h.name: h.key for h in reader.each_host() if match is None or match(h.name)}
    seen, off = Comparison(), dict.fromkeys(FAMILIES, 0)
    names = None if match is None else sorted(hosts)
    for number, (name, _digest, data) in enumerate(reader.facts(names)):
        facts = reader.facts_of(data)
        without = [family for family in FAMILIES if family not in facts]
        for family in without:
            off[family] += 1
        seen.add(name, facts, keys(name) if keys else hosts[name], without)
        if not number % 200:
            tick(f"facts of {number} hosts compared")
    out = {
        "schema": SCHEMA,
        "view": "clones",
        "stored": True,
        **seen.result(),
        "off": {family: number for family, number in off.items() if number},
        "unanswered": sorted(set(hosts) - seen.met),
        "trouble": seen.trouble,
    }
    return {**out, "retcode": retcode(out)}


def failed(error):
    """The view of a store that can't be read."""
    empty = {"shared": [], "foreign": [], "hosts": [], "unanswered": [], "trouble": {}}
    return {"schema": SCHEMA, "view": "clones", **empty, "error": error, "retcode": TROUBLE}


class Comparison:
    """Takes the facts of one host after the other, and keeps of each only what is compared."""

    def __init__(self):
        self.trouble, self.met = {}, set()
        self._hosts = []
        self._holders = {kind.name: {} for kind in KINDS}
        self._volumes = []  # (host, path, digest of the machine that made its keys)
        self._machines = {}

    def add(self, name, facts, key=None, off=()):
        """Compare a host as well.

        key
            Fingerprint of its minion's key, where known.
        off
            Families that its policy doesn't look at.
        """
        self.met.add(name)
        wrong = malformed(facts)
        if wrong:
            self.trouble[name] = wrong
            return
        self._hosts.append(name)
        if missing := unseen(facts, off):
            self.trouble[name] = missing
        facts = {**facts, KEY: key}
        for kind in KINDS:
            held = self._holders[kind.name]
            for value, where in kind.seen(facts):
                held.setdefault(str(value), {}).setdefault(name, []).append(str(where))
        own = next((digest for digest, _where in _machines(facts)), None)
        if own:
            self._machines.setdefault(own, []).append(name)
        for path, entry in _headers(facts):
            made = made_on(entry["header"])
            if made and own and made != own:
                self._volumes.append((name, path, made))

    def result(self):
        """``shared``, ``foreign`` and ``hosts``, as :func:`compare` gives them."""
        shared = [
            {
                "kind": kind.name,
                "title": kind.title,
                "value": value,
                "why": kind.why,
                "cure": kind.cure,
                "hosts": dict(sorted(hosts.items())),
            }
            for kind in KINDS
            for value, hosts in sorted(self._holders[kind.name].items())
            if sum(map(len, hosts.values())) > 1
        ]
        foreign = []
        for host, path, made in sorted(self._volumes):
            known = self._machines.get(made, [])
            one = known[0] if len(known) == 1 else None
            foreign.append({"host": host, "where": path, "value": made, "made_on": one})
        return {"shared": shared, "foreign": foreign, "hosts": sorted(self._hosts)}


def malformed(answer):
    """Why an answer can't be compared; ``None`` when it can."""
    if not isinstance(answer, Mapping):
        return (str(answer).strip() if answer else "") or "the answer is empty"
    if answer.get("schema") != FACTS or not isinstance(answer.get("guest"), Mapping):
        return "its answer is not facts that this master knows: bring both to one version"
    return None


def unseen(facts, off=()):
    """What could not be observed on a guest, in words; ``None`` where all was seen."""
    missing = []
    for family, section in SECTIONS:
        if family in off:
            continue
        data = (facts.get(family) or {}).get(section, {"$error": "was not observed"})
        if isinstance(data, Mapping):
            words = [data[k] for k in ("$error", "$unseen") if k in data]
            missing += [f"{family}.{section}: {text}" for text in words]
    return "; ".join(missing) or None


def made_on(header):
    """The digest of the machine that made a header's volume key, or else its keys."""
    tokens = header.get("tokens") or ()
    for kind in ("inguest-volume", "inguest"):
        found = {t.get("machine") for t in tokens if t.get("type") == kind} - {None}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def retcode(view):
    """3: somebody didn't answer, or not with facts. Else 2: something is shared. Else 0."""
    if view.get("error") or view["unanswered"] or view["trouble"] or not view["hosts"]:
        return TROUBLE
    return DRIFT if view["shared"] or view["foreign"] else CLEAN
