"""What comes next in an enforcement, and what an answer means. Pure, and so resumable.

A host goes through these states; the last three are final::

    planned -> applied -> audited -> done
                   \\         \\--> failing -> failed       changed

``applied``: the guest has made its changes and verified them; what could cut it off still waits
there. ``audited``: it answered a new audit, and the drift is gone. ``failing``: what waits there is
to be undone. ``changed``: its drift is no longer the one that was planned; nothing was done.
"""

from typing import NamedTuple

from inguestlib.fleet.answers import malformed
from inguestlib.fleet.view import gist

FINAL = ("done", "failed", "changed")
FUNCTIONS = {
    "apply": "inguest.apply",
    "audit": "inguest.audit",
    "confirm": "inguest.confirm",
    "revert": "inguest.revert",
}
_NEEDS = {"apply": "planned", "audit": "applied", "confirm": "audited", "revert": "failing"}
NO_ANSWER = "did not answer"


class Step(NamedTuple):
    """One question to several hosts of one wave."""

    wave: int
    name: str
    hosts: tuple


class End(NamedTuple):
    """The run is over: ``done``, or ``stopped`` with the reason."""

    state: str
    reason: str


def failures(hosts):
    """The hosts that failed, or are about to; ``hosts`` is ``{name: {"state", …}}``."""
    return sorted(n for n, host in hosts.items() if host["state"] in ("failing", "failed"))


def following(plan, hosts):
    """The next :class:`Step`, or the :class:`End`.

    A wave that has begun is always brought to its end: what waits on its guests is confirmed or
    undone. Before the next one the failures of the whole fleet are counted.
    """
    for number, wave in enumerate(plan["waves"]):
        states = {name: hosts[name]["state"] for name in wave}
        if all(state in FINAL for state in states.values()):
            continue
        if all(state == "planned" for state in states.values()):
            reason = stop(plan, hosts, number)
            if reason:
                return End("stopped", reason)
        for name in ("apply", "audit", "confirm", "revert"):
            mine = tuple(h for h in wave if states[h] == _NEEDS[name])
            if mine:
                return Step(number, name, mine)
    reason = stop(plan, hosts, len(plan["waves"]))
    return End("stopped" if reason else "done", reason)


def stop(plan, hosts, wave):
    """Why nothing more may be begun before this wave, or an empty string."""
    failed = failures(hosts)
    canaries = sorted(set(failed) & set(plan["waves"][0])) if wave and plan["waves"] else []
    if canaries:
        return f"a canary failed: {', '.join(canaries)}"
    if len(failed) >= plan["stop_after"]:
        return f"{len(failed)} of the fleet failed; it stops after {plan['stop_after']}"
    return ""


def arguments(step, plan, hosts, window):
    """What the hosts of a step are told: keyword arguments of its function."""
    options = plan["options"]
    chosen = {k: options[k] for k in ("families", "controls") if options.get(k)}
    if step.name == "apply":
        expect = {name: plan["hosts"][name]["digest"] for name in step.hosts}
        overlay = {"policy": {"confirm": {"window": window}}}
        return {**chosen, **overlay, "confirm": "later", "expect": expect, "test": False}
    if step.name == "audit":
        return chosen
    if step.name == "confirm":
        return {"ids": {name: hosts[name]["journals"] for name in step.hosts}}
    return {}


def taken(step, plan, hosts, answers):
    """``{host: its new record}`` of a step's hosts after their answers.

    answers
        ``{host: answer}``; a host that is missing there did not answer.
    """
    meaning = {"apply": _applied, "audit": _audited, "confirm": _confirmed, "revert": _reverted}
    out = {}
    for name in step.hosts:
        planned, known = plan["hosts"][name], hosts[name]
        answer = answers.get(name)
        out[name] = {**known, **meaning[step.name](planned, known, answer, name in answers)}
    return out


def _applied(_planned, _known, answer, answered):
    if not answered:
        # It may have done it all the same: what waits there reverts by itself.
        return _failed(NO_ANSWER)
    wrong = malformed(answer)
    if wrong:
        return _failed(gist(wrong))
    if answer.get("refused"):
        return {"state": "changed", "why": str(answer["refused"])}
    parts = answer.get("families") or {}
    journals = list((answer.get("confirm") or {}).get("journals") or ())
    reverted = [f"{n}: {p.get('comment')}" for n, p in parts.items() if p["result"] == "reverted"]
    if reverted:
        return _failed("; ".join(reverted), journals)
    return {"state": "applied", "journals": journals}


def _audited(planned, known, answer, answered):
    journals = known.get("journals") or []
    if not answered:
        return _failed(f"{NO_ANSWER} to the audit afterwards", journals)
    wrong = malformed(answer)
    if wrong:
        return _failed(f"the audit afterwards: {gist(wrong)}", journals)
    wanted = {tuple(cure) for cure in planned["cures"]}
    left = sorted(
        f"{f['control']} on {f['resource']}"
        for f in answer["findings"]
        if f["verdict"] in ("drift", "error") and (f["control"], f["resource"]) in wanted
    )
    if left:
        return _failed(f"still there after the apply: {', '.join(left[:5])}", journals)
    return {"state": "audited" if journals else "done"}


def _confirmed(_planned, known, answer, answered):
    if not answered:
        return _failed(f"{NO_ANSWER} to the confirmation; what it cures reverts by itself")
    if not isinstance(answer, dict):
        return _failed(gist(str(answer)))
    lost = sorted(name for name in known["journals"] if answer.get(name) != "confirmed")
    if lost:
        return _failed("it had reverted by itself before it was confirmed")
    return {"state": "done"}


def _reverted(_planned, known, answer, answered):
    if answered and isinstance(answer, list):
        return {"state": "failed", "why": f"{known['why']}; undone"}
    return {"state": "failed", "why": f"{known['why']}; it reverts by itself"}


def _failed(why, journals=()):
    """Failed; while something waits on the guest it is undone first."""
    state = "failing" if journals else "failed"
    return {"state": state, "why": why, "journals": list(journals)}
