"""A round: observe the families concerned, each on a guest of its own, judge and compare."""

import datetime as dt
import time
from typing import NamedTuple

from inguestlib import audit
from inguestlib.guest import Guest
from inguestlib.watch import marks, verdicts


class Round(NamedTuple):
    """What a round gives: the families' new memory, and what is to be told."""

    families: dict  # {name: {"marks", "known"}} of those that were judged
    drift: list
    cured: list
    changed: list
    gone: list
    findings: list  # all of the families judged, in full
    facts: dict  # of these families


def judge(root, policy, name, before, families=None):
    """Judge families again.

    root
        ``/`` or the directory of an offline tree.
    policy
        As loaded; it is seen from ``name`` (the minion id) at this moment.
    before
        ``{family: {"marks", "known"}}`` of the rounds before.
    families
        Names; all that are not off by default.

    Raises whatever the audit raises; a broken check is a finding, not an error.
    """
    policy = policy.for_guest(name)
    done, parts, all_findings, all_facts = {}, [], [], {}
    asked = {}
    for family, _controls in audit.select(policy):
        if families is not None and family.name not in families:
            continue
        begun = time.time_ns()
        guest = Guest(root)
        facts = audit.observe(guest, policy, [family.name])
        found, _waivers = audit.judged(facts, policy, [family.name])
        findings = audit.plain([finding.to_dict() for finding in found])
        known = before.get(family.name, {}).get("known")
        if known is None and before:
            known = {}  # a family that the policy did not ask for until now
        outcome = verdicts.compare(known, findings)
        done[family.name] = {"marks": marks.of_guest(guest, begun), "known": outcome.known}
        parts.append(outcome)
        all_findings += findings
        all_facts |= facts
        asked |= facts.get("asked", {})
    lists = ([row for part in parts for row in part[i]] for i in range(1, 5))
    return Round(done, *lists, all_findings, {**all_facts, "asked": asked})


def units_moved(root, before, families):
    """Those of the families whose units are up or down otherwise than they saw it.

    One question to the service manager for all of them. Where it gives no answer: all. The mark
    of those that it does not concern moves along in ``before``.
    """
    prefix = "" if root == "/" else root
    info = marks.look(prefix + marks.UNITS)
    sign = marks.full(info)
    if info is not None and info.st_ctime_ns > time.time_ns() - marks.TICK:
        sign = marks.UNSURE
    state = Guest(root).units.runtime
    now = marks.running(state) if state else None
    concerned = set()
    for family in families:
        units = before[family]["marks"]["units"]
        if now is None or units[marks.UNITS][1] != now:
            concerned.add(family)
        else:
            units[marks.UNITS] = (sign, now)
    return concerned


def until(policy, name, now=None):
    """When a waiver of this host next begins or ends, in seconds since 1970; ``None``: never."""
    policy = policy.for_guest(name, now)
    stamp = policy.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    times = [
        moment
        for waiver in policy.waivers
        if waiver.state(name, policy.now) != "elsewhere"
        for moment in (waiver.start, waiver.expires)
        if moment and moment > stamp
    ]
    if not times:
        return None
    first = dt.datetime.strptime(min(times), "%Y-%m-%dT%H:%M:%SZ")
    return first.replace(tzinfo=dt.timezone.utc).timestamp() + 1
