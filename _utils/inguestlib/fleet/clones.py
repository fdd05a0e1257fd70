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


@record
class Kind:
    """One kind of identity.

    seen
        ``seen(facts)`` gives ``(value, where)`` for each one in the facts of one guest.
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
    if found.get("digest"):
        yield found["digest"], "/etc/machine-id"


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
)


def compare(expected, answers, error=""):
    """What a fleet shares: plain data.

    expected
        The ids that were asked.
    answers
        ``{id: facts}``, or whatever else a minion sent.

    Returns ``{"schema": 1, "view": "clones", "shared": [{"kind", "title", "value", "why", "cure",
    "hosts": {id: [where, …]}}], "foreign": [{"host", "where", "value", "made_on": id | None}],
    "hosts": [ids], "unanswered": [ids], "trouble": {id: message}, "retcode"}``. ``shared`` also
    has what one host holds twice: a copied disk that is attached beside its original. ``foreign``
    are volumes whose keys were made on another machine than the one that has them now.
    """
    facts, trouble = {}, {}
    for name in sorted(answers):
        wrong = malformed(answers[name])
        if wrong:
            trouble[name] = wrong
            continue
        facts[name] = answers[name]
        if missing := unseen(facts[name]):
            trouble[name] = missing
    shared = []
    for kind in KINDS:
        for value, hosts in sorted(_holders(kind, facts).items()):
            if sum(map(len, hosts.values())) > 1:
                shared.append(
                    {
                        "kind": kind.name,
                        "title": kind.title,
                        "value": value,
                        "why": kind.why,
                        "cure": kind.cure,
                        "hosts": hosts,
                    }
                )
    out = {
        "schema": SCHEMA,
        "view": "clones",
        "shared": shared,
        "foreign": _foreign(facts),
        "hosts": sorted(facts),
        "unanswered": sorted(set(expected) - set(answers)),
        "trouble": trouble,
        **({"error": error} if error else {}),
    }
    return {**out, "retcode": retcode(out)}


def malformed(answer):
    """Why an answer can't be compared; ``None`` when it can."""
    if not isinstance(answer, Mapping):
        return (str(answer).strip() if answer else "") or "the answer is empty"
    if answer.get("schema") != FACTS or not isinstance(answer.get("guest"), Mapping):
        return "its answer is not facts that this master knows: bring both to one version"
    return None


def unseen(facts):
    """What could not be observed on a guest, in words; ``None`` where all was seen."""
    missing = []
    for family, section in SECTIONS:
        data = (facts.get(family) or {}).get(section, {"$error": "was not observed"})
        if isinstance(data, Mapping):
            words = [data[k] for k in ("$error", "$unseen") if k in data]
            missing += [f"{family}.{section}: {text}" for text in words]
    return "; ".join(missing) or None


def _holders(kind, facts):
    """``{value: {host: [where, …]}}``."""
    out = {}
    for host, seen in facts.items():
        for value, where in kind.seen(seen):
            out.setdefault(str(value), {}).setdefault(host, []).append(str(where))
    return out


def _foreign(facts):
    owners = {}
    for host, seen in facts.items():
        for digest, _where in _machines(seen):
            owners.setdefault(digest, []).append(host)
    out = []
    for host, seen in facts.items():
        own = next((digest for digest, _where in _machines(seen)), None)
        for path, entry in _headers(seen):
            made = made_on(entry["header"])
            if made and own and made != own:
                known = owners.get(made, [])
                one = known[0] if len(known) == 1 else None
                out.append({"host": host, "where": path, "value": made, "made_on": one})
    return out


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
