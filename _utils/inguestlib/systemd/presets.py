"""systemd.preset(5): what a first boot or ``systemctl preset`` would enable."""

import fnmatch

from inguestlib.systemd import names

# First the directory of higher precedence when two files have the same name.
PRESET_DIRS = (
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
)


def parse(text, path=""):
    """``[(action, pattern, instances, path, line), …]`` of one preset file."""
    rules = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        action, *rest = line.split()
        if action in ("enable", "disable") and rest:
            instances = tuple(rest[1:]) if action == "enable" else ()
            rules.append((action, rest[0], instances, path, number))
    return rules


def load(guest):
    """The rules of a guest in the order in which they are tried."""
    chosen = {}
    for directory in PRESET_DIRS:
        for name in guest.listdir(directory):
            if name.endswith(".preset"):
                chosen.setdefault(name, f"{directory}/{name}")
    rules = []
    for name in sorted(chosen):
        rules += parse(guest.read(chosen[name]) or "", chosen[name])
    return rules


def query(rules, name):
    """``(enable, "path:line" or "")``: the first rule that matches wins, none means enable."""
    instance = names.split(name)[1]
    for action, pattern, instances, path, line in rules:
        if instances:
            hit = pattern == names.template(name) and instance in instances
            hit = hit or pattern == name
        else:
            hit = fnmatch.fnmatchcase(name, pattern)
        if hit:
            return action == "enable", f"{path}:{line}"
    return True, ""
