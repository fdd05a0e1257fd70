"""Where the logs of a guest go: rsyslog and the other agents, their units and destinations."""

import fnmatch

from inguestlib.families.services import daemon, forwarders, rsyslog, sdconf
from inguestlib.systemd import unitfile

OWNED = "/etc/rsyslog.d/zz-inguest-forward.conf"
JOURNALD = "/etc/systemd/journald.conf.d/zz-inguest.conf"
# The bundle of public and locally added authorities, by family.
BUNDLES = {
    "debian": "/etc/ssl/certs/ca-certificates.crt",
    "redhat": "/etc/pki/tls/certs/ca-bundle.crt",
    "suse": "/etc/ssl/ca-bundle.pem",
    "photon": "/etc/pki/tls/certs/ca-bundle.crt",
}
_SETTINGS = (
    "workdirectory",
    "defaultnetstreamdrivercafile",
    "defaultnetstreamdrivercertfile",
    "defaultnetstreamdriverkeyfile",
)
_DRIVERS = ("/usr/lib*/rsyslog/lmnsd_*.so", "/usr/lib/*/rsyslog/lmnsd_*.so")
_SPOOLS = ("/var/spool/rsyslog", "/var/lib/rsyslog")


def bundle(family):
    """Where a family of distributions keeps the authorities it trusts."""
    return BUNDLES.get(family, BUNDLES["debian"])


def observe(guest, params):
    """``{"rsyslog": {…} or None, "agents": […], "tls_files": […]}``.

    ``rsyslog`` has ``daemon`` (see :mod:`.daemon`; ``None`` without systemd), ``actions`` (see
    :class:`rsyslog.Reader`), ``settings`` (those of other files than inguest's), ``included``
    (whether inguest's file is read), ``owned`` (that file's text), ``starved`` (where journald
    is told to pass nothing on), ``drivers`` (the TLS libraries installed) and ``spool``.
    An agent has ``name``, ``daemon`` and ``targets``; agents without a target are left out.
    ``tls_files`` are the bundles that are there, and the files for TLS that the policy names.
    """
    agents = []
    for name, (unit, read) in forwarders.AGENTS.items():
        targets = read(guest)
        if targets:
            agents.append({"name": name, "daemon": daemon.observe(guest, unit), "targets": targets})
    named = [params["logs"][key] for key in ("ca", "cert", "key")]
    bundles = {*BUNDLES.values(), *filter(None, named)}
    return {
        "rsyslog": _rsyslog(guest),
        "agents": agents,
        "tls_files": sorted(path for path in bundles if guest.exists(path)),
    }


def _starved(guest, reader):
    """Where it is said that rsyslog gets nothing from the journal, or ``None``.

    Without ``imjournal`` it lives on what journald passes on; whether that is on where no file
    says so is the distribution's choice, and right in those that ship rsyslog that way.
    """
    said = sdconf.last(guest, "journald.conf", "Journal", "ForwardToSyslog")
    if guest.init != "systemd" or said is None or "imjournal" in reader.modules:
        return None
    if unitfile.boolean(said.value, True):
        return None
    return f"{said.path}:{said.line} ForwardToSyslog={said.value}"


def _rsyslog(guest):
    if not guest.exists("/usr/sbin/rsyslogd"):
        return None
    reader = rsyslog.Reader(guest)
    files = [path for pattern in _DRIVERS for path in guest.glob(pattern)]
    names = {path.rpartition("lmnsd_")[2].removesuffix(".so") for path in files}
    settings = {k: reader.settings[k] for k in _SETTINGS if k in reader.settings}
    return {
        "daemon": daemon.observe(guest, "rsyslog.service", "syslog.service"),
        "starved": _starved(guest, reader),
        "actions": reader.actions,
        "settings": {k: value for k, (value, path) in settings.items() if path != OWNED},
        "included": any(fnmatch.fnmatchcase(OWNED, pattern) for pattern in reader.patterns),
        "drivers": sorted(names & {"gtls", "ossl"}),
        "owned": guest.read(OWNED),
        "spool": next((path for path in _SPOOLS if guest.is_dir(path)), None),
    }
