"""One proxy setting at one place of a guest, as it may be told: never with user and password.

A value is cut where it is read, before it becomes a fact; what is cut leaves no trace but
``credentials: true``. Everything else here works on the cut value.
"""

import re
from urllib.parse import urlsplit

from inguestlib.families.proxy.variables import NAMES
from inguestlib.redact import HIDDEN, redacted

# What may stand before a `=` on the line of a proxy variable: those, and what introduces them.
_ASSIGNED = re.compile(r"(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)\s*=")
_KNOWN = NAMES | {"Environment", "DefaultEnvironment", "env", "DEFAULT", "OVERRIDE"}

SCHEMES = ("http", "https")
KINDS = ("proxy", "exceptions", "credentials", "switch", "discovery")


def split_userinfo(value):
    """``(value without user and password, user and password or None)`` of a proxy's URL.

    All that stands before the last ``@`` is taken for the user information: a password may
    hold a slash or an ``@`` that should have been escaped.
    """
    head, at, rest = value.rpartition("@")
    if not at:
        return value, None
    scheme, colons, userinfo = head.partition("://")
    if not colons:
        return rest, head
    return f"{scheme}://{rest}", userinfo


def listed(value):
    """:func:`split_userinfo` of each entry of a list: a URL may have strayed into it."""
    if not value or "@" not in value:
        return value, None
    parts = [split_userinfo(entry) for entry in value.split(",")]
    return ",".join(shown for shown, _ in parts), "".join(user or "" for _, user in parts)


def setting(guest, name, kind, value, path, line, *, schemes=(), scope="", **more):
    """A setting as plain data.

    ``{"name", "kind", "schemes", "scope", "value", "credentials", "path", "line", "text", "mode",
    "uid", "gid"}`` and what ``more`` gives.

    name
        As the owner writes it: ``http_proxy``, ``Acquire::http::Proxy``.
    kind
        One of :data:`KINDS`. ``credentials``: a user or a password with a key of its own; its
        value is never kept.
    value
        As it was read; ``""`` says that its owner switches the proxy off for ``schemes``.
    path, line
        Where it stands; line 0 where the file has no lines that could be named.
    text
        In the result: the whole line, its credentials masked; ``None`` where that can't be.
    scope
        For whom it counts, ``""`` for all: ``user root``, ``repo base``, ``host x``.
    """
    if kind == "credentials":
        shown, userinfo = None, value
    elif kind in ("proxy", "discovery"):
        shown, userinfo = split_userinfo(value or "")
    else:
        shown, userinfo = listed(value)
    meta = guest.stat(path)
    return {
        "name": name,
        "kind": kind,
        "schemes": list(schemes),
        "scope": scope,
        "value": shown,
        "credentials": bool(userinfo),
        "path": path,
        "line": line,
        "text": _line(guest, path, line, userinfo, name in NAMES),
        "mode": f"{meta.mode:04o}" if meta else None,
        "uid": meta.uid if meta else None,
        "gid": meta.gid if meta else None,
        **more,
    }


def _line(guest, path, number, userinfo, variable):
    """The line's text, credentials masked as an edit compares it; ``None`` when that can't be.

    Beside a variable others may stand on the line, and what they hold is nobody's business here.
    """
    lines = guest.lines(path)
    if not 0 < number <= len(lines):
        return None
    text = redacted(lines[number - 1][1])
    if variable and not _KNOWN.issuperset(_ASSIGNED.findall(text)):
        return None
    left = text.replace(f"{HIDDEN}@", "")
    return None if "@" in left or (userinfo and userinfo in left) else text


def evidence(one):
    """``path:line name=value`` of a setting, without credentials."""
    shown = "***" if one["kind"] == "credentials" else one["value"]
    if one["credentials"] and one["kind"] != "credentials":
        shown += " (with credentials)"
    where = f"{one['path']}:{one['line']}" if one["line"] else one["path"]
    return f"{where} {one['name']}={shown}"


def endpoint(value, scheme="http"):
    """``(scheme, host, port)`` of a proxy's URL, ``None`` when it is none.

    A missing scheme is ``scheme``, a missing port 1080, as curl takes them; all but curl's family
    want them written.
    """
    text = value if "://" in value else f"{scheme}://{value}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    default = {"http": 80, "https": 443}.get(parts.scheme, 1080)
    return parts.scheme.lower(), host.rstrip("."), port or default


def same_proxy(one, other):
    """Whether two URLs name the same proxy; how the URL is spelled does not count."""
    return endpoint(one) == endpoint(other)
