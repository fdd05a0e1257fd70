"""What the service manager knows at run time: one question for all units.

Asked on systemd's private socket, else on the system bus, else by one ``systemctl``.
"""

from typing import NamedTuple

from inguestlib.systemd import bus


class Runtime(NamedTuple):
    """One loaded unit. ``unit_path`` is its D-Bus object, ``""`` when systemctl was asked."""

    name: str
    load: str
    active: str
    sub: str
    unit_path: str = ""
    job: str = ""


class State(NamedTuple):
    """The answer: the units by name, the manager's state, and who answered."""

    units: dict
    system: str
    source: str


def ask(guest):
    """The :class:`State` of a live guest.

    Raises :class:`OSError` when nobody answers, with what each of them said.
    """
    said = []
    for path, hello in ((bus.PRIVATE, False), (bus.SYSTEM, True)):
        try:
            with bus.Connection(path, hello) as connection:
                return _by_bus(connection, path)
        except (OSError, bus.BusError) as exc:
            said.append(f"{path}: {exc}")
    try:
        return _by_systemctl(guest)
    except OSError as exc:
        said.append(f"systemctl: {exc}")
    raise OSError("the service manager does not answer: " + "; ".join(said))


def _by_bus(connection, path):
    answers = connection.calls(
        [
            (bus.MANAGER_PATH, bus.MANAGER, "ListUnits", "", ()),
            (bus.MANAGER_PATH, bus.PROPERTIES, "Get", "ss", (bus.MANAGER, "SystemState")),
        ]
    )
    for answer in answers:
        if isinstance(answer, bus.BusError):
            raise answer
    (listed,), (state,) = answers
    units = {
        name: Runtime(name, load, active, sub, unit_path, job_type)
        for name, _, load, active, sub, _, unit_path, _, job_type, _ in listed
    }
    return State(units, state, path)


def _by_systemctl(guest):
    keys = "Id,LoadState,ActiveState,SubState"
    answer = guest.ask(("systemctl", "show", "*", "--all", f"--property={keys}"))
    if answer.rc != 0:
        raise OSError(answer.err.strip() or f"systemctl show ended with {answer.rc}")
    units = {}
    for block in answer.out.split("\n\n"):
        found = dict(line.split("=", 1) for line in block.split("\n") if "=" in line)
        if "Id" in found:
            state = (found.get(k, "") for k in ("LoadState", "ActiveState", "SubState"))
            units[found["Id"]] = Runtime(found["Id"], *state)
    failed = any(u.active == "failed" for u in units.values())
    return State(units, "degraded" if failed else "running", "systemctl show")


def details(state, questions):
    """``{name: {property: value}}`` of loaded units, asked on one connection.

    questions
        ``[(unit name, part, property), …]``; a part is ``Unit``, ``Service``, ``Socket``, …: the
        end of the D-Bus interface's name. The property ``"*"`` asks for all of a part, which
        costs some milliseconds for each unit.

    What is not loaded, or cannot be asked on a bus, is left out.
    """
    questions = [q for q in questions if q[0] in state.units and state.units[q[0]].unit_path]
    out = {}
    if not questions:
        return out
    asked = []
    for name, part, key in questions:
        interface = f"{bus.SYSTEMD}.{part}"
        ask = ("GetAll", "s", (interface,)) if key == "*" else ("Get", "ss", (interface, key))
        asked.append((state.units[name].unit_path, bus.PROPERTIES, *ask))
    with bus.Connection(state.source, state.source == bus.SYSTEM) as connection:
        answers = connection.calls(asked)
    for (name, _, key), answer in zip(questions, answers, strict=True):
        if isinstance(answer, bus.BusError):
            continue  # unloaded since it was listed
        (found,) = answer
        out.setdefault(name, {}).update(found if key == "*" else {key: found})
    return out
