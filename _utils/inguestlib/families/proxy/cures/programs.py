"""The programs' own settings, each in its owner's file. Pure functions.

Each takes the consumer's section of facts and what it is to have, and returns
``(changes, comment)``. Where a program has no setting of its own and takes its environment's,
nothing is added: that environment is cured instead.
"""

import re

from inguestlib.changes import Edit
from inguestlib.families.proxy import setting
from inguestlib.families.proxy.cures import lines
from inguestlib.redact import HIDDEN

APT = "/etc/apt/apt.conf.d/zz-inguest-proxy.conf"
SALT = "/etc/salt/minion.d/zz-inguest-proxy.conf"
SYSCONFIG = "/etc/sysconfig/proxy"
_ALONE = re.compile(r'\s*Acquire(::[\w.-]+)+\s+"[^"]*"\s*;\s*', re.IGNORECASE)


def values(section, wanted):
    """git, pip, npm, wget, curl, docker, podman: what is set is set to what it is to be."""
    edits, left = [], []
    for one in section["settings"]:
        if one["kind"] == "exceptions":
            value = wanted.exceptions
        elif one["kind"] == "proxy":
            value = wanted.proxies[one["schemes"][0]]
        else:
            continue
        if one["value"] == value and not one["credentials"]:
            continue
        if one["scope"] and not one["scope"].startswith(("repo ", "site ")):
            left.append(one)  # a person's own
            continue
        json = one["path"].endswith(".json")
        edit = lines.replaced(one, value) if value or json else lines.removed(one)
        edits.append((one["path"], edit)) if edit else left.append(one)
    return lines.files(edits), lines.by_hand(left)


def pip(section, wanted):
    """With a proxy of its own it knows no exceptions at all: it is given its environment's."""
    if not wanted.exceptions:
        return values(section, wanted)
    edits, left = [], []
    for one in section["settings"]:
        edit = None if one["scope"].startswith("user ") else lines.removed(one)
        edits.append((one["path"], edit)) if edit else left.append(one)
    return lines.files(edits), lines.by_hand(left)


def apt(section, wanted, destinations):
    """A file of ours; what is read after it, and what is for single hosts, is taken out."""
    proxies = wanted.proxies
    body = [f'Acquire::{s}::Proxy "{url or "DIRECT"}";' for s, url in proxies.items()]
    if any(proxies.values()):
        hosts = dict.fromkeys(d.host for d in destinations)
        # apt takes the name of a host for a part of the option's name
        named = [host for host in hosts if ":" not in host]
        body += [f'Acquire::{s}::Proxy::{host} "DIRECT";' for host in named for s in proxies]
    edits, left = [], []
    for one in section["settings"]:
        later = one["path"] == "/etc/apt/apt.conf" or one["path"] > APT
        host = one["scope"].startswith("host ") and one["value"]
        if one["path"] == APT or not (later or host or one["kind"] == "discovery"):
            continue
        edit = commented(one)
        edits.append((one["path"], edit)) if edit else left.append(one)
    return [lines.owned(APT, body, "//"), *lines.files(edits)], lines.by_hand(left)


def commented(one):
    """The edit that makes a comment of an option of apt, ``None`` where its line says more."""
    if not (one["text"] and _ALONE.fullmatch(one["text"])):
        return None
    # a masked login could not be written back
    return Edit(one["line"], one["text"], None if HIDDEN in one["text"] else f"// {one['text']}")


def dnf(section, wanted):
    """The line below ``[main]``, and those of repositories that say otherwise."""
    changes, comment = values(section, wanted)
    main = next((s["main"] for s in section["scopes"] if s.get("main")), None)
    url = wanted.proxies["https"] or wanted.proxies["http"]
    has = any(one["kind"] == "proxy" and not one["scope"] for one in section["settings"])
    if has or not url:
        return changes, comment
    if main is None:
        return changes, "; ".join(filter(None, [comment, "its main file has no [main]"]))
    edit = Edit(main["line"], main["text"], f"{main['text']}\nproxy={url}")
    return lines.files([(c.path, e) for c in changes for e in c.edits] + [(main["path"], edit)]), (
        comment
    )


def sysconfig(section, wanted):
    """zypper, and the profile of SUSE and Photon: ``/etc/sysconfig/proxy``."""
    on = any(wanted.proxies.values())
    values_ = {"PROXY_ENABLED": "yes" if on else "no"}
    if on:
        values_["HTTP_PROXY"] = wanted.proxies["http"]
        values_["HTTPS_PROXY"] = wanted.proxies["https"]
        values_["NO_PROXY"] = wanted.exceptions
    there = {one["name"]: one for one in section["settings"] if one["path"] == SYSCONFIG}
    edits, left = [], []
    for name, value in values_.items():
        line = f'{name}="{value}"'
        one = there.get(name)
        if one is None:
            edits.append((SYSCONFIG, Edit(0, None, line)))
        elif one["value"] != value or one["credentials"]:
            known = one["text"] is not None
            edits.append((SYSCONFIG, Edit(one["line"], one["text"], line))) if known else (
                left.append(one)
            )
    return lines.files(edits), lines.by_hand(left)


def salt(section, wanted):
    """A file of ours; the bus to the master is not concerned by it."""
    url = wanted.proxies["https"] or wanted.proxies["http"]
    used = [one for one in section["settings"] if one["path"] != SALT]
    if not url and not used:
        return (
            ([], "") if not section["settings"] else ([lines.owned(SALT, ["proxy_host: ''"])], "")
        )
    body = ["proxy_host: ''"]
    if url:
        _scheme, host, port = setting.endpoint(url)
        names = [entry for entry in wanted.exceptions.split(",") if entry]
        body = [f'proxy_host: "{host}"', f"proxy_port: {port}", "no_proxy:"]
        body += [f'  - "{name}"' for name in names]
    comment = "the minion reads it when it is started again, which is left to you"
    return [lines.owned(SALT, body)], comment


def by_command(section, wanted):
    """snapd keeps its settings in its state: only its own command can set them."""
    del section
    words = " ".join(f"proxy.{s}={url}" for s, url in wanted.proxies.items() if url)
    return [], f"run snap set system {words}" if words else "run snap unset system proxy"
