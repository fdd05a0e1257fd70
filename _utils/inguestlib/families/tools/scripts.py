"""Scripts that vmtoolsd runs as root: whose they are, who could change them, who allowed them."""

import hashlib

from inguestlib import packagefiles
from inguestlib import schema as s
from inguestlib.changes import File
from inguestlib.families.tools import names, rights
from inguestlib.model import compliant, drift, unknown
from inguestlib.packages import DPKG_STATUS

HOME = "/etc/vmware-tools"

_HASH = r"sha256:[0-9a-f]{64}"
_PATH = r"/\S.*"

SCHEMA = {
    "scripts": s.Struct(
        {
            "allowed": s.ListOf(
                s.Either(
                    s.Struct(
                        {
                            "path": s.Str(s.REQUIRED, _PATH, help="the script's path"),
                            "sha256": s.Str(
                                s.REQUIRED, "[0-9a-f]{64}", help="the digest of its content"
                            ),
                        }
                    ),
                    s.Str(pattern=f"{_PATH}|{_HASH}", wanted="a path or sha256:DIGEST"),
                ),
                help="scripts that Tools may run at snapshots and power operations, by path, by "
                "sha256:DIGEST, or both",
            ),
            "remove": s.Bool(False, help="remove the scripts that are not allowed"),
        },
        help="what Tools run as root at quiesced snapshots and power operations",
    )
}


# ---- observing -----------------------------------------------------------------------------


def observe(guest, path):
    """One script, plain data; ``None`` where the path leads to no file.

    ``path``, ``target`` (without links), ``mode``, ``uid``, ``executable``, ``sha256``,
    ``folder`` (why others could replace it, or ``""``), ``package`` (whose it is, or ``None``) and
    ``intact``: whether it is as packaged, ``None`` where the database doesn't tell.
    """
    meta, target = guest.stat(path), guest.resolve(path)
    if meta is None or meta.kind != "file":
        return None
    data = guest.read_bytes(path) or b""
    package, intact = _origin(guest, path, data)
    return {
        "path": path,
        "target": target,
        "mode": meta.mode,
        "uid": meta.uid,
        "executable": bool(meta.mode & 0o111),
        "sha256": hashlib.sha256(data).hexdigest(),
        "folder": rights.folder(guest, target.rpartition("/")[0]),
        "package": package,
        "intact": intact,
    }


def _origin(guest, path, data):
    """``(package or None, whether the content is the package's)``."""
    mine = packagefiles.files(guest, _packages(guest))  # nearly every script is one of these
    package = mine[path].package if path in mine else packagefiles.owner(guest, path)
    if package is None:
        return None, None
    owned = mine if path in mine else packagefiles.files(guest, (package,))
    one = owned.get(path) or owned.get(guest.resolve(path) or "")
    digest = one.digest if one and one.digest else _conffile(guest, package, path)
    if not digest:
        return package, None
    algorithm, _, wanted = digest.partition(":")
    try:
        found = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    except ValueError:  # a FIPS guest may have no MD5 at all
        return package, None
    return package, found == wanted


def _packages(guest):
    manager = next((package.manager for package in guest.packages.values()), "")
    return names.of(guest.distro.family, manager).packages


def _conffile(guest, package, path):
    """The digest of a configuration file as dpkg's status has it, or ``""``."""
    if guest.packages[package].manager != "dpkg":
        return ""
    found = guest.once(("conffiles", package), lambda: _conffiles(guest, package))
    return found.get(path, "")


def _conffiles(guest, package):
    text = "\n" + (guest.read(DPKG_STATUS) or "")
    paragraph = text.partition(f"\nPackage: {package}\n")[2].partition("\n\n")[0]
    rows = (line.split() for line in paragraph.split("\n") if line.startswith(" /"))
    return {row[0]: f"md5:{row[1]}" for row in rows if len(row) > 1 and len(row[1]) == 32}


# ---- judging -------------------------------------------------------------------------------


def allowed(script, policy):
    """Whether the policy names it, by path, by digest or by both."""
    for one in policy["scripts"]["allowed"]:
        if isinstance(one, dict):
            if (one["path"], one["sha256"]) == (script["path"], script["sha256"]):
                return True
        elif one in (script["path"], f"sha256:{script['sha256']}"):
            return True
    return False


def judge(script, policy, must_run=False):
    """The finding about one script.

    must_run
        A script that can't be executed makes the operation fail.
    """
    path = script["path"]
    faults, changes = [], []
    if script["uid"] or script["mode"] & rights.WRITABLE:
        faults.append(f"owned by uid {script['uid']}, mode {script['mode']:04o}")
        mode = f"{script['mode'] & ~rights.WRITABLE:04o}"
        changes.append(File(path, mode=mode, user=0))
    if script["folder"]:
        faults.append(f"others could replace it: {script['folder']}")
    if must_run and not script["executable"]:
        faults.append("not executable, so that the operation fails")
    if not allowed(script, policy):
        foreign = _foreign(script)
        faults += foreign
        if foreign and policy["scripts"]["remove"] and script["package"] is None:
            changes = [File(path, absent=True)]
    return _finding(script, faults, changes)


def _foreign(script):
    """Why a script that the policy doesn't name is not trusted."""
    if script["package"] is None:
        return ["of no package, and not allowed"]
    if script["intact"] is False:
        return [f"not as {script['package']} brought it, and not allowed"]
    return []


def _finding(script, faults, changes):
    observed = faults or script["package"] or "allowed"
    origin = f"of {script['package']}" if script["package"] else "of no package"
    evidence = (
        f"{script['path']}: {origin}, uid {script['uid']}, mode {script['mode']:04o}, "
        f"sha256:{script['sha256']}"
    )
    expected = "root's, packaged or allowed"
    if faults:
        note = "allow it (inguest:tools:scripts:allowed), set remove: true there, or reinstall"
        note = "" if changes else note
        return drift(
            script["path"], observed, expected, evidence=evidence, comment=note, changes=changes
        )
    if script["package"] and script["intact"] is None:
        note = "the package database holds no digest of it; allow it by sha256"
        return unknown(script["path"], note, evidence=evidence)
    return compliant(script["path"], observed, expected, evidence=evidence)
