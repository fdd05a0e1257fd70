"""A run of enforcement for people: plain data, and its text for a terminal."""

from inguestlib.fleet.answers import CLEAN, DRIFT, TROUBLE
from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.text import clean, painter, wrap
from inguestlib.fleet.view import gist
from inguestlib.model import SCHEMA

_STYLE = {
    "planned": "yellow",
    "done": "green",
    "failed": "red bold",
    "failing": "red bold",
    "changed": "yellow",
    "applied": "cyan",
    "audited": "cyan",
    "stopped": "red bold",
    "running": "cyan",
}
_ALIKE = 4  # names of hosts in a row


def of(name, state, data, hosts, said=(), unreported=()):
    """What ``inguest.enforce`` returns.

    said
        What has changed since a plan that was to be approved, in words.
    unreported
        Hosts of the target that the store does not know.
    """
    plan = data["plan"]
    shown = {
        host: {
            "wave": number,
            "state": hosts[host]["state"],
            "why": hosts[host].get("why", ""),
            "changes": plan["hosts"][host]["changes"],
        }
        for number, wave in enumerate(plan["waves"])
        for host in wave
    }
    out = {
        "schema": SCHEMA,
        "view": "enforce",
        "id": name,
        "state": state,
        "reason": data["reason"],
        "plan": plan["digest"],
        "waves": plan["waves"],
        "stop_after": plan["stop_after"],
        "hosts": shown,
        "changed_since": list(said),
        "clean": plan["clean"],
        "unanswered": plan["unanswered"],
        "unreported": list(unreported),
        "trouble": plan["trouble"],
    }
    return {**out, "retcode": retcode(out)}


def refused(error):
    """What is returned where nothing could be begun, or the store or the fleet went away."""
    return {"schema": SCHEMA, "view": "enforce", "error": error, "retcode": TROUBLE}


def retcode(out):
    """3: a host failed or could not be planned, or what was approved is no longer what it was.

    Else 2: something is left to be done. Else 0.
    """
    states = {host["state"] for host in out["hosts"].values()}
    if out["unanswered"] or out["trouble"] or out["changed_since"]:
        return TROUBLE
    if out["state"] == "stopped" or states & {"failed", "failing"}:
        return TROUBLE
    return CLEAN if states <= {"done"} else DRIFT


def text(data, *, columns=100, colour=False):
    """The text.

    columns
        The width of the terminal.
    """
    paint = painter(colour)
    if data.get("error"):
        return paint(gist(data["error"]), "magenta")
    out = []
    rows = _rows(data)
    if rows:
        out += ["", *render(["WAVE", "STATE", "HOSTS", "WHAT"], rows, columns, paint)]
    for title, names in (
        ("No answer (not in the plan)", data["unanswered"]),
        ("Never reported (not in the plan)", data["unreported"]),
    ):
        if names:
            out += ["", paint(title, "yellow")]
            out += [f"  {line}" for line in wrap(", ".join(map(clean, names)), columns - 2)]
    if data["trouble"]:
        out += ["", paint("Trouble (not in the plan)", "magenta")]
        for name, message in data["trouble"].items():
            out += [f"  {line}" for line in wrap(f"{clean(name)}: {gist(message)}", columns - 2)]
    if data["changed_since"]:
        out += ["", paint("Changed since the plan that was approved", "red bold")]
        for words in data["changed_since"]:
            out += [f"  {line}" for line in wrap(clean(words), columns - 2)]
    out += ["", *_end(data, paint)]
    return "\n".join(out).lstrip("\n")


def _rows(data):
    """A row for all hosts of a wave with the same state and reason."""
    rows = {}
    for name, host in data["hosts"].items():
        parts = [f"{family}: {', '.join(done)}" for family, done in host["changes"].items()]
        key = (host["wave"], host["state"], host["why"] or "\n".join(parts))
        rows.setdefault(key, []).append(name)
    return [
        [
            Cell("canary" if wave == 0 else str(wave)),
            Cell(state, _STYLE.get(state, "")),
            Cell(_some(names, all_of=state in ("failed", "failing", "changed")), "bold"),
            Cell("\n".join(clean(line) for line in what.split("\n"))),
        ]
        for (wave, state, what), names in rows.items()
    ]


def _some(names, all_of):
    if all_of or len(names) <= _ALIKE:
        return ", ".join(map(clean, names))
    rest = len(names) - _ALIKE + 1
    return f"{', '.join(map(clean, names[: _ALIKE - 1]))} and {rest} more"


def _end(data, paint):
    states = [host["state"] for host in data["hosts"].values()]
    counted = " · ".join(
        paint(f"{states.count(s)} {s}", _STYLE.get(s, "")) for s in _STYLE if s in states
    )
    waves = len(data["waves"])
    out = []
    if not states:
        return ["nothing to do: no host has a drift that its policy would have cured"]
    out.append(
        f"{len(states)} host{'s' * (len(states) != 1)} in {waves} wave{'s' * (waves != 1)}: "
        f"{counted}; it stops after {data['stop_after']} failed"
    )
    if data["state"] == "planned":
        out.append(f"planned, nothing was changed; begin it with approve={data['id']}")
    else:
        why = f": {clean(data['reason'])}" if data["reason"] else ""
        out.append(paint(data["state"], _STYLE.get(data["state"], "")) + why + f"  ({data['id']})")
        if data["state"] == "running":
            out.append(f"it was interrupted; go on with resume={data['id']}")
    return out
