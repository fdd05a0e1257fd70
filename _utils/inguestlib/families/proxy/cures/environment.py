"""The environment of people's shells, of systemd's manager and of single services."""

import re

from inguestlib.changes import Edit, File, Unit
from inguestlib.families.proxy import variables
from inguestlib.families.proxy.cures import lines
from inguestlib.families.proxy.cures.programs import SYSCONFIG
from inguestlib.redact import HIDDEN

PAM = "/etc/environment"
MANAGER = "/etc/systemd/system.conf.d/zz-inguest-proxy.conf"
DROPIN = "zz-inguest-proxy.conf"
LOGIN = "zz-inguest-proxy.env"
_NAMES = "|".join(sorted(variables.NAMES))
_ONLY = re.compile(  # nothing but proxy variables on the line
    rf"""\s*(export\s+|declare\s+-x\s+)?(({_NAMES})=("[^"`$]*"|'[^']*'|[^\s"'`$;&|()]*)\s*)+;?\s*"""
)
MINION = "salt-minion.service"


def login(section, want):
    """``(changes, comment)``: the variables of PAM and of login shells.

    They are set in ``/etc/environment``; what other files of the system set to something else is
    taken out of those. A person's own files are left to that person.
    """
    wanted, edits, left, there = want.variables, [], [], {}
    for one in section["settings"]:
        if one["kind"] not in ("proxy", "exceptions") or one["scope"] == "user services":
            continue
        if one["path"] == SYSCONFIG:
            continue
        if one["scope"]:
            left += [one] if one["value"] != wanted.get(one["name"], "") else []
        elif one["path"] == PAM:
            if one["name"] in there:  # said twice: the last one counts
                edits.append((PAM, lines.removed(there[one["name"]])))
            there[one["name"]] = one
        elif one["value"] != wanted.get(one["name"]):
            edit = _without(one)
            edits.append((one["path"], edit)) if edit else left.append(one)
    for name, one in there.items():
        if name not in wanted:
            edits.append((PAM, lines.removed(one)))
        elif one["value"] != wanted[name] or one["credentials"]:
            edits.append((PAM, Edit(one["line"], one["text"], f'{name}="{wanted[name]}"')))
    edits += [(PAM, Edit(0, None, f'{n}="{v}"')) for n, v in wanted.items() if n not in there]
    bad = [one for one in there.values() if one["text"] is None]
    made = [(path, edit) for path, edit in edits if edit and (edit.old is None) == (not edit.line)]
    return lines.files(made), lines.by_hand(left + bad)


def _without(one):
    """A script's line without its setting: only where it says nothing else."""
    text = one["text"] or ""
    if not one["line"] or not _ONLY.fullmatch(text):
        return None
    # A branch of a script must not be empty; a masked login could not be written back.
    kept = "" if HIDDEN in text else f" # {text.strip()}"
    return Edit(one["line"], text, f"{text[: len(text) - len(text.lstrip())]}:{kept}")


def quoted(name, value):
    """An assignment as systemd reads it: percent signs begin specifiers, systemd.unit(5)."""
    value = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{name}={value}"'


def manager(section, want, live):
    """``(changes, comment)``: what every service gets that has nothing of its own."""
    ours = [one for one in section["settings"] if one["scope"] == "services"]
    other = [one for one in ours if one["path"] != MANAGER]
    wanted = want.variables
    if not wanted:
        edits = [(one["path"], lines.removed(one)) for one in other]
        changes = lines.files(e for e in edits if e[1])
        if any(one["path"] == MANAGER for one in ours):
            changes.append(File(MANAGER, absent=True))
        return [*changes, *_reload(live)], ""
    # An empty assignment first: what other files add would stay, systemd-system.conf(5).
    values = " ".join(quoted(name, value) for name, value in wanted.items())
    later = [one for one in other if one["path"].rpartition("/")[2] > DROPIN]
    change = lines.owned(MANAGER, ["[Manager]", f"DefaultEnvironment={values}"])
    return [change, *_reload(live)], lines.by_hand(later)


def unit(name, section, want, policy, live):
    """``(changes, comment)``: one service's drop-in, and its restart where the policy allows it."""
    path = f"/etc/systemd/system/{name}.d/{DROPIN}"
    wanted = want.variables
    body = ["[Service]"]
    if wanted:
        body += [f"Environment={quoted(key, value)}" for key, value in wanted.items()]
        # The list of them: a variable that another file sets is not to stay.
        rest = [key for key in sorted(variables.NAMES) if key not in wanted]
        body.append("UnsetEnvironment=" + " ".join(rest))
    else:
        body.append("UnsetEnvironment=" + " ".join(sorted(variables.NAMES)))
    if wanted and name in policy["credentials"]["units"]:
        body.append(f"EnvironmentFile=-{login_file(name)}")
    changes = [lines.owned(path, body), *_reload(live)]
    scope = next((s for s in section["scopes"] if s["scope"] == f"unit {name}"), {})
    later = [
        one
        for one in section["settings"]
        if one["scope"] == f"unit {name}"
        and f"/{name}.d/" in one["path"]
        and one["path"].rpartition("/")[2] > DROPIN
        and one["path"] != login_file(name)
    ]
    comment = lines.by_hand(later)
    if live and scope.get("active") == "active":
        if may_restart(name, policy):
            changes.append(Unit(name, "restart"))
        else:
            comment = "; ".join(filter(None, [comment, f"{name} runs with its older environment"]))
    return changes, comment


def login_file(unit):
    """Where the environment of a service lies that holds a login: no drop-in, so told to nobody."""
    return f"/etc/systemd/system/{unit}.d/{LOGIN}"


def may_restart(name, policy):
    """Whether the policy lets us restart a service; never the one that runs us."""
    allowed = policy["restart"]
    return name != MINION and (allowed is True or (allowed is not False and name in allowed))


def _reload(live):
    return [Unit("systemd", "daemon-reload")] if live else []
