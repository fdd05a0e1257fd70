"""snapd: ``snap set system proxy.http=…``, kept in its state; else its service's environment."""

import json

from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "snap"
PROGRAMS = ("/usr/bin/snap", "/usr/lib/snapd/snapd")
STATE = "/var/lib/snapd/state.json"
UNIT = "snapd.service"
_KEYS = {"http": "http", "https": "https", "no-proxy": None}


def observe(guest, params=None):
    """One scope, ``system``. Of the state, which holds secrets, only ``proxy`` is looked at."""
    if not installed(guest, PROGRAMS):
        return section(False)
    unseen, settings, found = [], [], {}
    for key, value in _stored(guest, unseen).items():
        if key in _KEYS and isinstance(value, str):
            scheme = _KEYS[key]
            found[scheme] = setting(
                guest, f"proxy.{key}", "proxy" if scheme else "exceptions", value, STATE, 0,
                schemes=(scheme,) if scheme else (),
            )  # fmt: skip
            settings.append(found[scheme])
    own = {s: found.get(s) for s in ("http", "https")}
    scopes = [scope("system", own, found.get(None), unit=UNIT)]
    return section(True, settings, scopes, unseen, version(guest, "snapd"))


def _stored(guest, unseen):
    state = text(guest, STATE, unseen)
    if not state or '"proxy"' not in state:
        return {}
    try:
        found = json.loads(state)["data"]["config"]["core"]["proxy"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
