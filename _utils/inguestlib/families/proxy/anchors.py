"""Which trust anchors were added to a distribution's own, and what its programs really trust.

Every distribution has a directory for added anchors, a tool that makes the bundle which
programs read, and a set of its own. An anchor is added where it lies in that directory, is
selected beside the distribution's set, lies in the directory that OpenSSL searches, or stands in
the bundle with no source that explains it.
"""

import re
from typing import NamedTuple

from inguestlib.families.proxy import certificate


class Layout(NamedTuple):
    """Where a distribution keeps its trust.

    added
        Directory of added anchors; ours is put there, with ``suffix``.
    tools
        Where the program lies that makes the bundle; ``refresh`` names it in a change.
    bundle
        What programs read, in PEM.
    own
        Patterns of the files that hold the distribution's own anchors.
    """

    added: str
    suffix: str
    tools: tuple
    refresh: str
    bundle: str
    own: tuple
    deep: bool = False


LAYOUTS = {
    "debian": Layout(
        "/usr/local/share/ca-certificates",
        ".crt",
        ("/usr/sbin/update-ca-certificates",),
        "ca-debian",
        "/etc/ssl/certs/ca-certificates.crt",
        (),  # by /etc/ca-certificates.conf
        deep=True,
    ),
    "redhat": Layout(
        "/etc/pki/ca-trust/source/anchors",
        ".pem",
        ("/usr/bin/update-ca-trust",),
        "ca-redhat",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        ("/usr/share/pki/ca-trust-source/*.p11-kit", "/usr/share/pki/ca-trust-source/anchors/*"),
    ),
    "suse": Layout(
        "/etc/pki/trust/anchors",
        ".pem",
        ("/usr/sbin/update-ca-certificates",),
        "ca-suse",
        "/var/lib/ca-certificates/ca-bundle.pem",
        ("/usr/share/pki/trust/*.p11-kit", "/usr/share/pki/trust/anchors/*"),
    ),
    "photon": Layout(
        "/etc/ssl/certs",
        ".pem",
        ("/usr/bin/rehash_ca_certificates.sh",),
        "ca-photon",
        "/etc/pki/tls/certs/ca-bundle.crt",
        # The package names its files by the hash of their subject.
        ("/etc/ssl/certs/[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].pem",),
    ),
}
CONF, SHARE, SEARCHED = "/etc/ca-certificates.conf", "/usr/share/ca-certificates", "/etc/ssl/certs"
# ssl-cert's own certificate of a server on Debian, which is no authority.
_NO_ANCHOR = ("ca-certificates.crt", "ssl-cert-snakeoil.pem")
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")  # of CApath, SSL_CTX_load_verify_locations(3)
MOST = 1000  # of added files that are read


def observe(guest, params):
    """What is trusted beside the distribution's own.

    ``{"family", "layout", "tool", "bundle", "anchors", "unexplained", "given", "trusted"}``:

    - ``anchors``: ``[{"path", "line", "text", "fingerprint", "subject", "not_after",
      "trusted"}, …]``; ``line`` where a line of ``/etc/ca-certificates.conf`` selects it;
    - ``unexplained``: the same for what stands only in the bundle;
    - ``given``: of the policy's certificates what is known of them, by name;
    - ``trusted``: which of the policy's fingerprints the bundle holds.

    ``layout`` is ``None`` where the distribution's is not known.
    """
    family = guest.distro.family
    layout = LAYOUTS.get(family)
    given = {name: _given(guest, one) for name, one in params["ca"]["certificates"].items()}
    facts = {"family": family, "layout": None, "given": given}
    if layout is None:
        return facts
    bundle = guest.read_bytes(layout.bundle)
    found = certificate.bodies((bundle or b"").decode("ascii", "replace"))
    selected, added = _selected(guest) if family == "debian" else ([], [])
    added += _added(guest, layout)
    explained = {body for path in selected for body in _bodies(guest, path)}
    own = [path for pattern in layout.own for path in guest.glob(pattern)]
    explained |= {body for path in own for body in _bodies(guest, path)}
    anchors = [row for path, line, text in added for row in _rows(guest, path, line, text)]
    explained |= {row["body"] for row in anchors}
    rest = [certificate.decoded(body) for body in dict.fromkeys(found) if body not in explained]
    trusted = set(found)
    for row in anchors:
        row["trusted"] = row.pop("body") in trusted
    wanted = {one["fingerprint"]: one.pop("body", None) for one in given.values()}
    return {
        **facts,
        "layout": layout._asdict(),
        "tool": next((tool for tool in layout.tools if guest.exists(tool)), None),
        "bundle": {"path": layout.bundle, "count": None if bundle is None else len(found)},
        "anchors": anchors,
        "unexplained": [certificate.described(der) for der in rest if der],
        "trusted": {one: body in trusted for one, body in wanted.items() if one},
    }


def _given(guest, one):
    """What is known of a certificate that the policy names; ``problem`` says why it can't be."""
    text, where = one["pem"], "the policy"
    if text is None and one["file"]:
        where = one["file"]
        text = guest.read(one["file"])
    out = {"from": where, "pem": None, "fingerprint": one["fingerprint"], "problem": None}
    found = certificate.in_bytes(text.encode("utf-8", "surrogateescape")) if text else []
    if len(found) != 1:
        says = "does not exist" if text is None else f"holds {len(found)} certificates, not one"
        out["problem"] = f"{where} {says}" if one["file"] or text else None
        return out
    known = certificate.described(found[0])
    if one["fingerprint"] and known["fingerprint"] != one["fingerprint"]:
        out["problem"] = f"{where} holds another certificate: sha256 {known['fingerprint']}"
        return out
    body = "".join(certificate.pem(found[0]).splitlines()[1:-1])
    return {**out, **known, "pem": certificate.pem(found[0]), "body": body}


def _selected(guest):
    """Debian's conf: ``(files of its own set, [(path, line, text) of others])``."""
    own, others = [], []
    for number, text in guest.lines(CONF):
        name = text.strip()
        if not name or name[0] in "#!":
            continue
        if name.startswith("mozilla/"):
            own.append(f"{SHARE}/{name}")
        else:
            others.append((f"{SHARE}/{name}", number, text))
    return own, others


def _added(guest, layout):
    """``[(path, 0, None), …]`` of the files that add anchors."""
    if layout.added == SEARCHED:
        hashed = set(guest.glob(layout.own[0]))
        paths = [f"{SEARCHED}/{n}" for n, kind in _files(guest, SEARCHED) if n.endswith(".pem")]
        return [(path, 0, None) for path in paths if path not in hashed][:MOST]
    paths = list(_walk(guest, layout.added, layout.deep))
    if layout.deep:
        paths = [path for path in paths if path.endswith(layout.suffix)]
    return [(path, 0, None) for path in [*paths, *_loose(guest)]][:MOST]


def _files(guest, folder):
    return [(n, kind) for n, kind in guest.entries(folder).items() if kind in ("file", "link")]


def _walk(guest, folder, deep, depth=0):
    for name, kind in guest.entries(folder).items():
        path = f"{folder}/{name}"
        if kind in ("file", "link") and not guest.is_dir(path):
            yield path
        elif deep and depth < 8 and guest.is_dir(path):
            yield from _walk(guest, path, deep, depth + 1)


def _loose(guest):
    """Regular files that OpenSSL finds by the hash of their subject: no tool has put them there."""
    entries = guest.entries(SEARCHED)
    files = {n for n, kind in entries.items() if kind == "file" and n not in _NO_ANCHOR}
    hashed = {name for name in files if _HASHED.fullmatch(name)}
    for name, kind in entries.items() if files else ():
        if kind == "link" and _HASHED.fullmatch(name):
            target = guest.readlink(f"{SEARCHED}/{name}").rpartition("/")[2]
            hashed |= {target} & files
    return [f"{SEARCHED}/{name}" for name in sorted(hashed)]


def _bodies(guest, path):
    try:
        data = guest.read_bytes(path)
    except OSError:
        return []
    return certificate.bodies((data or b"").decode("ascii", "replace"))


def _rows(guest, path, line, text):
    rows = []
    for der in certificate.in_bytes(guest.read_bytes(path) or b""):
        body = "".join(certificate.pem(der).splitlines()[1:-1])
        known = certificate.described(der)
        rows.append({"path": path, "line": line, "text": text, **known, "body": body})
    return rows
