"""The environment of people's shells: PAM first, then what login shells run.

``/etc/environment`` is PAM's: neither services nor containers see it. Scopes: ``login`` (root's
login shell), ``pam`` (what PAM sets: cron jobs, ``su``, a command by ssh), ``user NAME`` (what a
person's own files add) and ``user services`` (environment.d(5)).
"""

from inguestlib.families.proxy import people, variables
from inguestlib.families.proxy.consumers.section import section, version
from inguestlib.families.proxy.setting import setting

NAME = "environment"

PAM = (
    ("/etc/security/pam_env.conf", variables.pam_env_conf),
    ("/etc/environment", variables.environment_file),
)
OWN = (".bash_profile", ".bash_login", ".profile")  # bash reads the first of them that is there
SYSCONFIG = "/etc/sysconfig/proxy"


def observe(guest, params=None):
    """See :func:`.section.section`; scopes have ``variables``.

    ``python`` beside it: the versions of the Python clients that are there, ``None`` unknown.
    """
    settings, unseen = [], []
    pam = _Layers(guest, settings, unseen)
    for path, parse in PAM:
        pam.read(path, parse)
    login = pam.copy()
    for path in system_files(guest):
        if path == SYSCONFIG:
            login.add(path, _sysconfig(guest.read(path) or ""))
        else:
            login.read(path, variables.shell)
    scopes = [{"scope": "pam", "variables": dict(pam.variables)}]
    for user, home in people.homes(guest):
        own = login.copy(f"user {user}")
        first = next((f"{home}/{n}" for n in OWN if guest.exists(f"{home}/{n}")), None)
        for path in filter(None, (first, f"{home}/.bashrc", f"{home}/.pam_environment")):
            own.read(path, variables.shell)
        if user == "root":
            scopes.append({"scope": "login", "variables": own.variables})
        elif own.variables != login.variables:
            scopes.append({"scope": f"user {user}", "variables": own.variables})
    if not any(s["scope"] == "login" for s in scopes):
        scopes.append({"scope": "login", "variables": login.variables})
    manager = _Layers(guest, settings, unseen, "user services")
    for path in environment_d(guest):
        # Debian and others link /etc/environment there
        manager.read(guest.resolve(path) or path, variables.environment_d)
    scopes.append({"scope": "user services", "variables": manager.variables})
    return {**section(True, settings, scopes, unseen), "python": _python(guest)}


def _python(guest):
    """``{"urllib": None, "requests": version}`` of the system's Python."""
    if not guest.exists("/usr/bin/python3"):
        return {}
    found = version(guest, "python3-requests", "python311-requests", "python313-requests")
    return {"urllib": None, **({"requests": found} if found else {})}


def system_files(guest):
    """The files that every login shell runs, in order."""
    found = ["/etc/profile"]
    if guest.distro.family not in ("redhat", "photon"):
        found.append("/etc/bash.bashrc")
    scripts = guest.glob("/etc/profile.d/*.sh")
    found += scripts
    if _reads_sysconfig(guest, ["/etc/profile", *scripts]):
        found.append(SYSCONFIG)
    found += ["/etc/profile.local", "/etc/bashrc"]
    return [path for path in found if guest.exists(path)]


def _reads_sysconfig(guest, scripts):
    """SUSE's and Photon's profile turn this file into variables; nobody else's does."""
    if not guest.exists(SYSCONFIG):
        return False
    if guest.distro.family in ("suse", "photon"):
        return True
    return any("sysconfig/proxy" in _text(guest, path) for path in scripts)


def _text(guest, path):
    try:
        return guest.read(path) or ""
    except OSError:
        return ""


def _sysconfig(text):
    """What the profile makes of ``/etc/sysconfig/proxy``: nothing unless PROXY_ENABLED is yes."""
    found = variables.sysconfig(text)
    enabled = found.get("PROXY_ENABLED")
    if not enabled or (enabled.value or "").lower() != "yes":
        return []
    out = []
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"):
        if name in found and found[name].value:
            names = [name.lower()] + (["NO_PROXY"] if name == "NO_PROXY" else [])
            out += [found[name]._replace(name=one) for one in names]
    return out


def environment_d(guest):
    """The files of environment.d(5) by name; of one name that in ``/etc`` wins, then ``/run``."""
    found = {}
    for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib"):
        for path in guest.glob(f"{folder}/environment.d/*.conf"):
            found.setdefault(path.rpartition("/")[2], path)
    return [found[name] for name in sorted(found)]


class _Layers:
    """An environment that file after file adds to."""

    def __init__(self, guest, settings, unseen, scope=""):
        self.guest, self.settings, self.unseen, self.scope = guest, settings, unseen, scope
        self.variables = {}
        self._raw = {}  # with credentials: never leaves this object

    def copy(self, scope=""):
        out = _Layers(self.guest, self.settings, self.unseen, scope)
        out.variables, out._raw = dict(self.variables), dict(self._raw)
        return out

    def read(self, path, parse):
        try:
            text = self.guest.read(path)
        except OSError as exc:
            self.unseen.append({"path": path, "why": str(exc)})
            return
        if text is not None and "_proxy" in text.lower():
            self.add(path, parse(text))

    def add(self, path, assigned):
        if not assigned:
            return
        made = []
        for one in assigned:
            if one.value is None or (one.value == "" and not one.known):
                continue
            value, known = variables.expanded(one.value, self._raw)
            made.append(self._setting(one.name, value, path, one.line, known and one.known))
        self.settings += made
        where, self._raw = variables.run(assigned, self._raw)
        for name in [n for n in self.variables if n not in self._raw]:
            del self.variables[name]
        for name, (value, line, known) in where.items():
            self.variables[name] = self._setting(name, value, path, line, known)

    def _setting(self, name, value, path, line, known):
        return setting(
            self.guest, name, variables.kind(name), value, path, line,
            schemes=variables.schemes(name), scope=self.scope, known=known,
        )  # fmt: skip
