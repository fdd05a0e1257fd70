"""
Watch a guest for drift
=======================

What the beacon ``inguest`` calls; by hand it shows what is watched, and makes one round now.
"""

import functools
import logging
import os
import time

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import audit, messages, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from inguestlib.reporting import chain, minion, outbox, tell
from inguestlib.reporting import revision as revisions
from inguestlib.watch import memory, process, verdicts, watcher
from inguestlib.watch import round as rounds  # noqa: F401  # imported for the rounds to come

INTERFACE = 1

__virtualname__ = "inguest"

_LOG = logging.getLogger(__name__)
_WATCHERS = {}
_RESENT = {}

MOST = 200  # findings in one event; the signed message has all
RESEND_EVERY = 30  # seconds between two looks into the outbox

all_families()  # all of the library is loaded now, and so of one age


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def watch(beacon=None):
    """
    See whether something moved since the last look, judge again what that concerns, and send an
    event when a verdict changed.

    The first time everything is judged, and nothing is told: it is what later looks are compared
    with.

    beacon
        The name of the beacon that calls. Then the judging runs in a process of its own, unless the
        minion's ``multiprocessing`` is off, and what is returned are events for Salt to send.

    Returns, without ``beacon``, ``why`` it was judged (``null`` when nothing moved), what
    ``moved``, the ``families`` judged, and the findings that are ``drift`` and ``cured`` now.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.watch
    """
    process.reap()
    own = _watcher()
    pillar = __pillar__.get("inguest")
    due = own.due(pillar)
    if due is None:
        if beacon:
            _resend(own.folder)
        return [] if beacon else _shown(None, None)
    held = memory.lock(own.folder)
    if held is None:
        return [] if beacon else {**_shown(None, None), "why": "another round runs right now"}
    own.began()
    try:
        if beacon and __opts__.get("multiprocessing", True):
            process.aside(lambda: _whole(own, pillar, due, beacon))
            return []
        if not beacon:
            return _shown(due, _whole(own, pillar, due, "inguest"))
        events, _told, report = _round(own, pillar, due, beacon)
        report()
    finally:
        os.close(held)
    return [{**event["data"], "tag": event["tag"].rpartition("/")[2]} for event in events]


def watched(family=None, path=None):
    """
    What the beacon looks at: for each family the paths, by how they are looked at.

    family
        Only this one.
    path
        Only this path, to see which families depend on it.

    ``file`` is a file's content, times, mode and owner; ``names`` a directory's names; ``step`` a
    directory or device, whose mode and owner count; ``gone`` what is not there and would matter;
    ``link`` a symbolic link; ``text`` the content of a file of procfs or sysfs; ``units`` the state
    of systemd's units.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.watched path=/etc/resolv.conf
    """
    kept = memory.load(minion.home(__opts__))
    found = {}
    for name, known in (kept["families"] if kept else {}).items():
        if family not in (None, name):
            continue
        shown = {
            how: sorted(p for p in paths if path in (None, p))
            for how, paths in known["marks"].items()
        }
        found[name] = {how: paths for how, paths in shown.items() if paths}
    return {name: hows for name, hows in found.items() if hows or path is None}


def _watcher():
    root = minion.root(__opts__)
    key = (minion.home(__opts__), root)
    if key not in _WATCHERS:
        _WATCHERS[key] = watcher.Watcher(*key)
    return _WATCHERS[key]


def _whole(own, pillar, due, beacon):
    """A round, its events sent; then the report, if one has to come first for the next changes."""
    events, told, report = _round(own, pillar, due, beacon)
    _send(events)
    report()
    return told


def _round(own, pillar, due, beacon):
    """``(events, Told or None, what remains to be done)``; a failure is an event, once."""
    chainless = []
    try:
        loaded = policy.load(pillar, families=all_families(), resolve=_sdb)
        revision = revisions.known(pillar, __opts__)
        told = watcher.work(
            *(own.folder, own.root, __opts__["id"], pillar, loaded, due),
            functools.partial(_deliver, revision=revision, chainless=chainless),
        )
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is told as a finding
        events = _failed(own.folder, beacon, f"{exc.__class__.__name__}: {exc}")
        return events, None, lambda: None
    memory.note_failure(own.folder, "")
    if due.why == "start" and chain.last(own.folder, __opts__["id"]) is None:
        chainless.append(due.why)
    report = functools.partial(_report, loaded, revision) if chainless else lambda: None
    return _events(beacon, told), told, report


def _sdb(uri):
    """The value that an ``sdb://`` URI of the policy stands for; an error where there is none."""
    return __salt__["sdb.get"](uri, strict=True)


def _deliver(done, loaded, revision, chainless):
    """The envelope of what changed, a link of the chain of reports; ``None`` without one.

    ``chainless`` gets an item where a report has to come first.
    """
    if minion.without_master(__opts__):
        return None
    said = (sorted(done.families), done.facts, done.findings, loaded.digest, revision)
    try:
        return tell.delta(minion.place(__opts__), *said).envelope
    except chain.NoChain as exc:
        chainless.append(exc)
    except (chain.ChainError, messages.MessageError) as exc:
        _LOG.error("inguest beacon: the change is told without a signed message: %s", exc)
    return None


def _report(loaded, revision):
    """A report says all that changed, and later changes can follow it.

    Not by ``inguest.report``: what that sees of the pillar may be older than what is due.
    """
    if minion.without_master(__opts__):
        return
    try:
        guest = Guest(minion.root(__opts__))
        facts, found = audit.audited(guest, loaded, name=__opts__["id"])
        told = tell.report(minion.place(__opts__), facts, found, revision)
    except (chain.ChainError, messages.MessageError) as exc:
        _LOG.error("inguest beacon: there is no report that changes could follow: %s", exc)
        return
    beat = told.kind == "heartbeat"
    tag = messages.HEARTBEAT_TAG if beat else messages.REPORT_TAG
    __salt__["event.send"](tag, {"message": told.envelope})


def _resend(folder):
    """Send again what the master did not acknowledge."""
    now = time.time()
    if 0 <= now - _RESENT.get(folder, 0) < RESEND_EVERY:
        return
    _RESENT[folder] = now
    if not os.path.isdir(folder) or not outbox.due(folder):
        return
    if __opts__.get("multiprocessing", True):
        process.aside(__salt__["inguest.resend"])
    else:
        __salt__["inguest.resend"]()


def _events(beacon, told):
    """The events of a round, as Salt's beacons send them. The first one carries the message."""
    base = f"salt/beacon/{__opts__['id']}/{beacon}/"
    events = []
    message = told.message
    for tag, findings in (("drift", told.drift), ("cured", told.cured)):
        if findings:
            data = {
                "id": __opts__["id"],
                "host": __opts__["id"],
                "findings": [verdicts.small(finding) for finding in findings[:MOST]],
            }
            if len(findings) > MOST:
                data["left_off"] = len(findings) - MOST
            if message:
                data["message"], message = message, None
            events.append({"tag": base + tag, "data": data, "beacon_name": beacon})
    if message:  # a verdict is unknown now: neither drift nor cured
        __salt__["event.send"](messages.REPORT_TAG, {"message": message})
    return events


def _failed(folder, beacon, message):
    if memory.failed(folder) == message:
        return []
    memory.note_failure(folder, message)
    _LOG.error("inguest beacon: %s; the same failure is not logged again", message)
    finding = {
        "control": "inguest-beacon",
        "family": "inguest",
        "severity": "medium",
        "verdict": "error",
        "resource": beacon,
        "observed": None,
        "expected": None,
        "evidence": "",
        "comment": message,
    }
    data = {"id": __opts__["id"], "host": __opts__["id"], "findings": [finding]}
    tag = f"salt/beacon/{__opts__['id']}/{beacon}/error"
    return [{"tag": tag, "data": data, "beacon_name": beacon}]


def _send(events):
    """Hand events to the minion, which sends them as if its beacon had returned them."""
    if events:
        __salt__["event.fire"]({"beacons": events}, "__beacons_return")


def _shown(due, told):
    return {
        "why": due.why if due else None,
        "moved": [path for _how, path in due.moved] if due else [],
        "families": list(told.families) if told else [],
        "drift": [verdicts.small(finding) for finding in told.drift] if told else [],
        "cured": [verdicts.small(finding) for finding in told.cured] if told else [],
    }
