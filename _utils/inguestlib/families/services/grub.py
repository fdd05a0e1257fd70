"""What GRUB 2 is told: ``/etc/default/grub`` and its drop-ins, and the generated menu."""

import re
import shlex

MENUS = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
DEFAULTS = "/etc/default/grub"

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


def parse_defaults(files):
    """The variables that the files assign, as the shell would read them in order.

    files
        ``[(path, [(number, text), …]), …]`` in the order in which they are sourced.

    Returns ``{name: {"value", "path", "line", "text"}}``. Only plain assignments count; what
    a command substitution or a condition would do is not known and left out.
    """
    found = {}
    for path, lines in files:
        for number, text in lines:
            match = _ASSIGNMENT.match(text)
            if not match:
                continue
            name, raw = match.groups()
            if "$(" in raw or "`" in raw:
                continue
            quoted_plain = raw.lstrip().startswith("'")
            try:
                words = shlex.split(raw, comments=True)
            except ValueError:
                continue
            value = words[0] if words else ""
            if not quoted_plain:
                value = _VARIABLE.sub(lambda m: found.get(m[1] or m[2], {}).get("value", ""), value)
            found[name] = {"value": value, "path": path, "line": number, "text": text}
    return found


def parse_menu(path, lines):
    """What a generated ``grub.cfg`` does at boot, without any password.

    Returns ``{"path", "timeouts": [{"value", "line", "text"}], "superusers", "first",
    "cmdline"}``. ``superusers`` is where they are set (``"if_password"``: only where a file
    ``user.cfg`` holds a password, as Red Hat does it), ``first`` the first entry and whether
    it is ``"unrestricted"``, ``cmdline`` that entry's kernel line; ``None`` where there is none.
    """
    timeouts, superusers, first, cmdline = [], None, None, None
    for number, text in lines:
        line = text.strip()
        at = {"line": number, "text": line}
        if match := re.match(r"set\s+timeout=[\"']?(-?\d+)", line):
            timeouts.append({**at, "value": int(match[1])})
        elif match := re.match(r"set\s+superusers=[\"']?([^\"']*)", line):
            asks = any("GRUB2_PASSWORD" in text for _n, text in lines[max(number - 4, 0) : number])
            superusers = {**at, "if_password": asks} if match[1].strip() else None
        elif line.startswith("menuentry ") and first is None:
            first = {**at, "unrestricted": "--unrestricted" in line}
        elif first and cmdline is None and re.match(r"linux(16|efi)?\s", line):
            cmdline = {**at, "value": " ".join(line.split()[2:])}
    return {
        "path": path,
        "timeouts": timeouts,
        "superusers": superusers,
        "first": first,
        "cmdline": cmdline,
    }


def parse_loader_entry(path, lines):
    """A boot loader specification entry: its ``options`` line and whether it asks for a user."""
    values = {}
    for number, text in lines:
        words = text.split(None, 1)
        if len(words) == 2 and not words[0].startswith("#"):
            values.setdefault(words[0], []).append((words[1], number, text))
    option = values.get("options", [None])[0]
    return {
        "path": path,
        "cmdline": None
        if option is None
        else {"value": option[0], "line": option[1], "text": option[2]},
        "unrestricted": any("--unrestricted" in v for v, _n, _t in values.get("grub_arg", [])),
    }
