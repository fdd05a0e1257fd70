"""A PAM service file as libpam reads it: pam.d(5)."""

import re

from inguestlib.redact import redacted

FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d")  # the first that has the file counts
_INCLUDES = ("include", "substack")
_LINE = re.compile(r"(-?)(auth|account|password|session)\s+(\[[^\]]*\]|\S+)\s+(.*)", re.I)


def find(guest, service):
    """Where a service's file lies, or ``None``."""
    return next((p for p in (f"{f}/{service}" for f in FOLDERS) if guest.exists(p)), None)


def parse(lines):
    """``[{"type", "control", "module", "args", "line", "last", "text"}, …]`` of a file's lines.

    An include has the included file as its ``module`` and ``include``, ``substack`` or
    ``@include`` (whose ``type`` is ``""``: it brings all four) as its ``control``. A line that
    libpam can't read has the control ``?``: there the whole service fails. A backslash at the
    end goes on in the next line; ``last`` is the last one. Credentials are masked.
    """
    rules, held, first, shown = [], "", 0, ""
    for number, text in lines:
        text = redacted(text)
        part = text.split("#", 1)[0].rstrip()
        if not first:
            first, shown = number, text
        held += part[:-1] + " " if part.endswith("\\") else part
        if part.endswith("\\"):
            continue
        if held.strip():
            rules.append({**_rule(held.strip()), "line": first, "last": number, "text": shown})
        held, first = "", 0
    return rules


def _rule(text):
    words = text.split()
    if words[0].lower() == "@include":
        return _made("", "@include", words[1] if len(words) > 1 else "", [])
    found = _LINE.fullmatch(text)
    if not found or not found[4].split():
        return _made("", "?", "", [])
    module, *args = found[4].split()
    return _made(found[2].lower(), found[3].lower(), module, args)


def _made(type_, control, module, args):
    return {"type": type_, "control": control, "module": module.rpartition("/")[2], "args": args}


def included(rule):
    """The name of the file that a rule includes, or ``None``."""
    return rule["module"] if rule["control"] in (*_INCLUDES, "@include") else None


def of(rules, type_):
    """The rules of one type, ``@include`` among them."""
    return [rule for rule in rules if rule["type"] in (type_, "")]


def decides(rule):
    """Whether success of this rule ends the stack, or skips what comes next."""
    control = rule["control"]
    if control == "sufficient":
        return True
    words = control.strip("[]").split()
    actions = dict(word.split("=", 1) for word in words if "=" in word)
    action = actions.get("success", actions.get("default", ""))
    return action == "done" or action.isdecimal() and action != "0"


def passes(rule):
    """Whether a rule lets everybody in by itself."""
    return rule["module"] == "pam_permit.so" and rule["control"] != "optional"
