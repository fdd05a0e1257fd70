"""Decide what a guest says, and say it: a report, what changed, or a heartbeat."""

import datetime as dt
import logging
from typing import NamedTuple

import inguestlib
from inguestlib import messages
from inguestlib.model import digest
from inguestlib.reporting import chain, compare, outbox, stable, states

_LOG = logging.getLogger(__name__)


class Told(NamedTuple):
    """What was said; the package's docstring explains the fields."""

    kind: str
    seq: int
    digest: str | None
    envelope: dict | None
    why: list
    changed: list
    gone: list
    before: dict


def report(place, facts, audit, revision=None, *, full=False, anew=False, now=None):
    """Say what a whole audit found: a report when something is new, else a heartbeat.

    facts
        Those that were judged, as :func:`inguestlib.audit.observe` gives them.
    audit
        The audit's report, as :func:`inguestlib.audit.report` gives it.
    revision
        The git revision of the states, or ``None`` where it isn't known.
    full
        A report in any case, with the facts.
    anew
        Likewise, and what waits in the outbox is given up: after ``salt-run inguest.accept`` the
        master takes it as a new beginning.

    Raises :class:`inguestlib.reporting.chain.ChainError`,
    :class:`inguestlib.messages.MessageError`, and ``OSError`` when the disk is full; then nothing
    was said.
    """
    now = now or _now()
    with chain.opened(place, anew) as link:
        parts = stable.digests(facts)
        known = {
            "policy": audit["policy"],
            "revision": revision,
            "version": inguestlib.__version__,
            "waivers": digest(audit["waivers"]),
            "findings": compare.rows(audit["findings"]),
            "facts": parts,
        }
        whole = stable.combined(parts)
        why = ["asked"] if full or anew else compare.reasons(link.state, known, whole)
        if not why:
            return _heartbeat(link, audit["policy"], whole, revision, now, [])
        if not anew and _full(link):
            if not link.state.seq:
                raise chain.ChainError("the outbox is full")
            return _heartbeat(link, audit["policy"], whole, revision, now, why)
        body = {
            "kind": "report",
            "policy": audit["policy"],
            "facts": whole,
            "revision": revision,
            "guest": facts["guest"],
            "summary": audit["summary"],
            "findings": audit["findings"],
            "waivers": audit["waivers"],
        }
        if full or anew or whole != link.state.given:
            body["data"] = facts
            known["given"] = whole
        differs, gone = compare.changed(link.state.findings, known["findings"])
        before = compare.verdicts(link.state.findings)
        del known["version"]
        envelope, said = link.append(body, known, now, anew)
        return _told("report", link, envelope, said, why, audit["findings"], differs, gone, before)


def delta(place, families, facts, findings, policy, revision=None, *, now=None):
    """Say what changed in some families since the last message; nothing when nothing did.

    families
        Their names.
    facts
        As :func:`inguestlib.audit.observe` gives them for these families.
    findings
        All of these families', plain data, as they are in a report.
    policy
        The policy's digest.

    Raises :class:`inguestlib.reporting.chain.NoChain` while a report has to come first, and what
    :func:`report` raises.
    """
    now = now or _now()
    families = sorted(families)
    with chain.opened(place) as link:
        state = link.state
        if not state.seq:
            raise chain.NoChain("there was no report yet that this could follow")
        if (state.policy, state.revision, state.version) != (
            policy,
            revision,
            inguestlib.__version__,
        ):
            raise chain.NoChain("policy, revision or version are others than in the last message")
        mine = [row for row in state.findings if row[2] in families]
        rows = compare.rows(findings)
        differs, gone = compare.changed(mine, rows)
        before = compare.verdicts(mine)
        if not (differs or gone) or _full(link):
            return Told("nothing", state.seq, state.digest, None, [], [], [], {})
        known = {
            "findings": compare.merged(state.findings, families, rows),
            "facts": {**state.facts, **stable.digests(facts)},
        }
        body = {
            "kind": "delta",
            "policy": policy,
            "facts": stable.combined(known["facts"]),
            "revision": revision,
            "changed": _these(findings, differs),
            "gone": [list(key) for key in gone],
            "summary": compare.summary(known["findings"]),
            "families": families,
        }
        envelope, said = link.append(body, known, now)
        return _told("delta", link, envelope, said, ["findings"], findings, differs, gone, before)


def again(place, since=None, now=None):
    """The messages that are due to be sent again, in order; noted as sent.

    since
        All from this ``seq`` on, however short they waited.

    Each is ``{"seq", "digest", "kind", "time", "envelope"}``.
    """
    with chain.opened(place) as link:
        return link.due(now or _now(), since)


def shown(home):
    """What the guest of this home has told, plain data; see ``inguest.outbox``.

    Raises :class:`inguestlib.reporting.chain.ChainError`.
    """
    state = states.read(home) or states.State("", "")
    waiting = []
    for seq in outbox.numbers(home):
        message = outbox.get(home, seq)
        if message is None or not state.settled < seq <= state.seq:
            continue
        about = {key: message[key] for key in ("seq", "kind", "time")}
        size = len(message["envelope"]["body"]) + len(message["envelope"]["signature"])
        times = (state.sent or {}).get(str(seq), [0, 0])[1]
        waiting.append({**about, "bytes": size, "sent": times})
    told = ("seq", "digest", "kind", "time", "policy", "revision", "key", "refused")
    return {
        **{name: getattr(state, name) for name in told},
        "facts": stable.combined(state.facts) if state.facts else None,
        "acknowledged": state.settled,
        "waiting": waiting,
    }


def _heartbeat(link, policy, facts, revision, now, why):
    state = link.state
    body = {
        "schema": 1,
        "kind": "heartbeat",
        "host": link.place.host,
        "seq": state.seq,
        "last": state.digest,
        "time": messages.stamp(now),
        "policy": policy,
        "facts": facts,
        "revision": revision,
        "version": inguestlib.__version__,
    }
    envelope, _said = messages.pack(body, link.place.signer)
    return Told("heartbeat", state.seq, state.digest, envelope, why, [], [], {})


def _full(link):
    size = outbox.size(link.home)
    if size < outbox.FULL:
        return False
    _LOG.error(
        "inguest: %d bytes of reports wait for the master, which acknowledges none; what changes "
        "from now on is told when it does. Is its engine running? See inguest.outbox.",
        size,
    )
    return True


def _told(kind, link, envelope, said, why, findings, differs, gone, before):
    keys = {*differs, *gone}
    return Told(
        kind,
        link.state.seq,
        said,
        envelope,
        why,
        _these(findings, differs),
        [list(key) for key in gone],
        {key: verdict for key, verdict in before.items() if key in keys},
    )


def _these(findings, keys):
    wanted = set(keys)
    return [f for f in findings if (f["control"], f["resource"]) in wanted]


def _now():
    return dt.datetime.now(dt.timezone.utc)
