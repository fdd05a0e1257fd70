"""How what a consumer takes becomes what the policy wants, at its owner. Pure functions.

The changes of a place or a program depend on facts and policy alone, so that every finding
about it carries the very same ones.
"""

from inguestlib.families.proxy import views as views_
from inguestlib.families.proxy.cures import environment, programs
from inguestlib.families.proxy.cures.environment import may_restart
from inguestlib.families.proxy.cures.wanted import LOCAL, METADATA, both, wanted

__all__ = ["edits", "may_restart", "place", "program"]

_READERS = (("curl", None), ("go", None), ("requests", None), ("wget", None))


def place(name, facts, policy):
    """``(changes, comment)`` for an environment: ``login``, ``pam``, ``services``, ``unit NAME``…

    ``((), why)`` where a person has to do it.
    """
    known, _broken = views_.sections(facts)
    live = facts.guest["live"]
    if name == "services":
        want = _wanted("services", known, policy, name)
        if want is None:
            return (), ""
        if any(want.proxies.values()) and not isinstance(policy["consumers"]["services"], dict):
            return (), "set inguest:proxy:consumers:services to give every service the proxy"
        return _said(environment.manager(known["systemd"], want, live), want)
    if name.startswith("unit "):
        unit = name.removeprefix("unit ")
        who = next((v.consumer for v in views_.views(known) if v.place == name), "unit")
        want = _wanted(who, known, policy, name, unit)
        return (
            ((), "")
            if want is None
            else _said(environment.unit(unit, known["systemd"], want, policy, live), want)
        )
    want = _wanted("environment", known, policy, "login")
    if want is None:
        return (), ""
    section = known["environment"]
    changes, comment = environment.login(section, want)
    if name == "user services":
        mine = [{**one, "scope": ""} for one in section["settings"] if one["scope"] == name]
        if all(one["path"] != environment.PAM for one in mine):
            changes, comment = (), ""
        mine = [one for one in mine if one["path"] != environment.PAM]
        more, also = programs.values({"settings": mine}, want)
        return _said(([*changes, *more], "; ".join(filter(None, [comment, also]))), want)
    if any(one["path"] == programs.SYSCONFIG for one in section["settings"]) and (
        policy["consumers"].get("zypper") is None
    ):
        sysconfig = known.get("zypper", {"settings": []})
        if not sysconfig["settings"]:
            sysconfig = section
        more, also = programs.sysconfig(sysconfig, want)
        changes, comment = [*changes, *more], "; ".join(filter(None, [comment, also]))
    return _said((changes, comment), want)


def program(view, facts, policy, lists=False):
    """``(changes, comment)`` for a consumer: of its own settings, and of where it runs.

    lists
        Whether its exceptions are concerned: many read them in the environment, whatever
        gave them the proxy.
    """
    known, _broken = views_.sections(facts)
    section = known.get(view.consumer)
    changes, comments = [], []
    if section is not None and view.consumer not in ("environment", "systemd"):
        want = _wanted(view.consumer, known, policy, view.place)
        if want is None:
            return (), ""
        made, comment = _own(view, section, want, known, policy)
        changes += made
        comments += [comment, want.limits]
    if view.place and (lists or _takes_environment(view)):
        made, comment = place(view.place, facts, policy)
        changes += made
        comments.append(comment)
    return tuple(changes), "; ".join(dict.fromkeys(filter(None, comments)))


def edits(facts, policy):
    """``{(path, line): Edit}`` of the lines that any of these cures would change."""
    known, _broken = views_.sections(facts)
    made = [place(name, facts, policy)[0] for name in views_.environments(known)]
    made += [program(view, facts, policy, lists=True)[0] for view in views_.views(known)]
    return {
        (change.path, edit.line): edit
        for changes in made
        for change in changes
        if change.kind == "file"
        for edit in change.edits
        if edit.line
    }


def _takes_environment(view):
    """Whether the environment counts for it; its own setting, once it is right, hides that."""
    return view.consumer not in ("apt", "dnf", "tdnf", "zypper", "salt", "snap")


def _own(view, section, want, known, policy):
    name = view.consumer
    if name == "apt":
        return programs.apt(section, want, _direct(known, policy))
    if name in ("dnf", "tdnf"):
        return programs.dnf(section, want)
    if name == "pip":
        return programs.pip(section, want)
    if name == "zypper":
        return programs.sysconfig(section, want)
    if name == "salt":
        return programs.salt(section, want)
    if name == "snap":
        return programs.by_command(section, want)
    return programs.values(section, want)


def _masters(known):
    return [one["host"] for one in known.get("salt", {}).get("masters", ()) if one["line"]]


def _direct(known, policy):
    hosts = [*policy["bypass"], *_masters(known), *([METADATA] if policy["metadata"] else [])]
    return [d for one in (*LOCAL, *hosts) for d in both(one)]


def _wanted(consumer, known, policy, place_, unit=None):
    """By the dialects of those who read this list."""
    readers = [
        (view.dialect, view.version)
        for view in views_.views(known)
        if view.dialect and (view.place == place_ if unit or consumer in ("services", "environment")
                             else view.consumer == consumer)
    ]  # fmt: skip
    return wanted(policy, consumer, list(dict.fromkeys(readers)) or _READERS, _masters(known), unit)


def _said(made, want):
    changes, comment = made
    return tuple(changes), "; ".join(filter(None, [comment, want.limits]))
