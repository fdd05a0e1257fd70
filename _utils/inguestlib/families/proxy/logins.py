"""Where user and password of a proxy stand on a guest; neither leaves this module.

Every file that may name a proxy is searched, whoever reads it, and the environments of root's
processes. Of what is found the facts say where it stands, who can read it, and whether it is
the policy's (``approved``) or not (``other``).
"""

import re
from urllib.parse import unquote

from inguestlib import secrets
from inguestlib.families.proxy import people, variables
from inguestlib.redact import HIDDEN, redacted, userinfo

SYSTEM = (
    "/etc/environment",
    "/etc/environment.d/*.conf",
    "/etc/security/pam_env.conf",
    "/etc/profile",
    "/etc/profile.local",
    "/etc/profile.d/*sh",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/zsh/*",
    "/etc/csh.*",
    "/etc/sudoers",
    "/etc/sudoers.d/*",
    "/etc/crontab",
    "/etc/cron.d/*",
    "/etc/default/*",
    "/etc/sysconfig/*",
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d/*",
    "/etc/apt/auth.conf",
    "/etc/apt/auth.conf.d/*.conf",
    "/etc/dnf/*.conf",
    "/etc/yum.conf",
    "/etc/yum.repos.d/*.repo",
    "/etc/tdnf/*.conf",
    "/etc/zypp/*.conf",
    "/etc/rhsm/rhsm.conf",
    "/etc/systemd/*.conf",
    "/etc/systemd/*.conf.d/*.conf",
    "/etc/systemd/system/*.service",
    "/etc/systemd/system/*.d/*",
    "/etc/docker/*.json",
    "/etc/containers/*.conf",
    "/etc/containers/*.conf.d/*.conf",
    "/etc/containerd/*.toml",
    "/etc/gitconfig",
    "/etc/pip.conf",
    "/etc/xdg/pip/pip.conf",
    "/etc/npmrc",
    "/usr/etc/npmrc",
    "/etc/wgetrc",
    "/etc/curlrc",
    "/etc/salt/minion",
    "/etc/salt/minion.d/*.conf",
    "/etc/cloud/*.cfg",
    "/etc/cloud/*.cfg.d/*.cfg",
)
PERSONAL = (
    *(".bashrc", ".profile", ".bash_profile", ".bash_login", ".zshrc", ".pam_environment"),
    *(".curlrc", ".config/curlrc", ".wgetrc", ".gitconfig", ".config/git/config", ".npmrc"),
    *(".pip/pip.conf", ".config/pip/pip.conf", ".docker/config.json"),
)
AUTH = ("/etc/apt/auth.conf", "/etc/apt/auth.conf.d/")  # apt_auth.conf(5)

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]*@[^\s\"'<>]*")
_PASSWORD = re.compile(
    r"^\s*[\"']?(?:proxy[-_]?passw(?:or)?d|proxy[-_]?passwd)[\"']?\s*[=:]\s*(.+?)\s*$", re.I
)
_PAIR = re.compile(  # user:password, by itself or before a host
    r"(?:^\s*(?:--)?(?:proxy-user|proxy_userpwd)[\s=:]+|(?:^|\s)(?:-U|--proxy-user)[\s=]+)(\S+)",
    re.I,
)
_BARE = re.compile(r"^\s*[\w-]*proxy\s*[=\s]\s*[\"']?([^\s:/@\"']+:[^\s/\"']*)@", re.I)
_ASKS = re.compile(rb"proxy|machine", re.I)  # the only files that can hold one


def observe(guest, params):
    """``{"files": […], "processes": […], "unseen": [{"path", "why"}]}``.

    A file's ``{"path", "line", "text", "what", "owner", "mode", "uid", "which"}``: ``text`` is the
    line with its credentials masked, ``what`` is ``url``, ``password``, ``pair`` or ``machine``,
    ``which`` is ``approved`` or ``other``. A process's ``{"pid", "name", "unit", "which"}``.
    """
    known = _Known(params)
    files, unseen = [], []
    places = [(path, "") for pattern in SYSTEM for path in guest.glob(pattern)]
    for user, home in people.homes(guest):
        places += [(f"{home}/{name}", user) for name in PERSONAL if guest.exists(f"{home}/{name}")]
    for path, owner in places:
        try:
            data = None if guest.is_dir(path) else guest.read_bytes(path)
        except OSError as exc:
            unseen.append({"path": path, "why": str(exc)})
            continue
        if data and _ASKS.search(data) and b"\0" not in data:
            files += _in_file(guest, path, owner, known)
    return {"files": files, "processes": _in_processes(guest, known), "unseen": unseen}


class _Known:
    """The login that the policy holds; its secret is asked for when there is what to compare."""

    def __init__(self, params):
        self._login = params["credentials"]

    def url(self, text):
        """Whether the URL's user and password are the policy's."""
        user, password = userinfo(text)
        return self.login(unquote(user or ""), None if password is None else unquote(password))

    def pair(self, text):
        user, colon, password = text.strip("\"'").partition(":")
        return self.login(user, password if colon else None)

    def login(self, user, password):
        mine = self._login["password"]
        if user != (self._login["user"] or ""):
            return "other"
        if mine is None or password is None:
            return "approved" if user and mine is None and password is None else "other"
        return self.password(password)

    def password(self, text):
        mine = self._login["password"]
        # some of these files double or escape what others write plainly
        return "approved" if mine and text in secrets.forms({"": mine}) else "other"


def _in_file(guest, path, owner, known):
    meta = guest.stat(path)
    rights = {"mode": f"{meta.mode:04o}", "uid": meta.uid} if meta else {"mode": None, "uid": None}
    for number, whole in guest.lines(path):
        line = whole
        if line.lstrip().startswith(("#", ";", "//")):
            line = line.lstrip("#;/ \t")  # whoever can read the file can read its comments
        found = list(_in_line(line, path, known))
        if found:
            text = redacted(whole)
            for _what, secret, _which in found:  # once more: nothing of it may be told
                # (a word so short stands in other words as well)
                text = text.replace(secret, HIDDEN) if len(secret or "") > 3 else text
            yield {
                "path": path,
                "line": number,
                "text": text,
                "what": found[0][0] if len(found) == 1 else "several",
                "owner": owner,
                **rights,
                "which": next((w for _, _, w in found if w == "other"), "approved"),
            }
    if path.startswith(AUTH):
        yield from _in_auth(guest, path, owner, rights, known)


def _in_line(line, path, known):
    if "roxy" in line.lower() or path.endswith("curlrc"):
        for url in _URL.findall(line):
            user, password = userinfo(url)
            if user is not None or password is not None:
                plain = url.replace("%%", "%") if "/systemd/" in path else url
                yield "url", password or user, known.url(plain)
        if found := _PASSWORD.search(line):
            password = found[1].rstrip(",;").strip("\"'")
            yield "password", password, known.password(password)
        if found := _PAIR.search(line) or _BARE.search(line):
            yield "pair", found[1].partition(":")[2], known.pair(found[1])


def _in_auth(guest, path, owner, rights, known):
    """apt's logins: those for a host that is named as a proxy with its port."""
    words = [(word, n) for n, line in guest.lines(path) for word in line.split()]
    machine, user, first = "", "", 0
    for (word, number), (value, _n) in zip(words, words[1:], strict=False):
        if word == "machine":
            machine, user, first = value, "", number
        elif word == "login":
            user = value
        elif word == "password" and re.fullmatch(r"(https?://)?[^/]+:\d+/?", machine):
            yield {
                "path": path,
                "line": first,
                "text": f"machine {machine}",
                "what": "machine",
                "owner": owner,
                **rights,
                "which": known.login(user, value),
            }


def _in_processes(guest, known):
    found = []
    for process in guest.processes:
        if process.uid != 0 or process.contained:
            continue
        try:
            data = guest.read_bytes(f"/proc/{process.pid}/environ") or b""
        except OSError:  # it has ended, or it may not be looked into
            continue
        if b"_proxy=" not in data and b"_PROXY=" not in data:
            continue
        for word in data.decode("utf-8", "replace").split("\0"):
            name, _, value = word.partition("=")
            if name in variables.NAMES and userinfo(value)[0] is not None:
                row = {"pid": process.pid, "name": process.name, "unit": process.unit}
                found.append({**row, "which": known.url(value)})
                break
    return sorted(found, key=lambda row: (row["unit"] or "", row["name"], row["pid"]))
