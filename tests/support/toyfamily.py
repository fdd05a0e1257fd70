"""A small family that needs every kind of change that an offline root can show."""

from inguestlib import schema as s
from inguestlib.changes import HEADER, Edit, File, Link, Unit
from inguestlib.model import Family, compliant, control, drift

CONF, OTHER, OWN, LINK = "/etc/toy.conf", "/etc/other.conf", "/etc/toy.d/zz-inguest.conf", "/etc/l"
GONE, LOOSE = "/etc/leftover", "/etc/loose"
WANTS = "/etc/systemd/system/multi-user.target.wants/toy.service"


def _files(guest, _params):
    loose = guest.lstat(LOOSE)
    return {
        "lines": {path: guest.lines(path) for path in (CONF, OTHER, OWN)},
        "link": guest.readlink(LINK),
        "enabled": guest.readlink(WANTS) is not None,
        "leftover": guest.exists(GONE),
        "mode": f"{loose.mode:04o}" if loose else None,
    }


@control(id="toy-server", title="The server is ours", why="Test.", severity="high")
def server(facts, policy):
    lines = facts["files"]["lines"][CONF]
    bad = [(n, text) for n, text in lines if text.startswith("server ") and "10.0.0.53" not in text]
    for n, text in bad:
        yield drift(
            f"{CONF}:{n}",
            text,
            policy["server"],
            evidence=f"{CONF}:{n} {text}",
            changes=[File(CONF, edits=(Edit(n, text, f"server {policy['server']}"),))],
        )
    if not bad:
        yield compliant(CONF, evidence=f"{CONF} names no other server")


@control(id="toy-owned", title="Our files and links stand", why="Test.", severity="low")
def owned(facts, policy):
    seen = facts["files"]
    want = f"{HEADER}\nserver {policy['server']}\n"
    checks = (
        (OWN, "".join(f"{t}\n" for _n, t in seen["lines"][OWN]) == want, File(OWN, content=want)),
        (OTHER, any(t == "x = 1" for _n, t in seen["lines"][OTHER]), File(OTHER, block="x = 1")),
        (LINK, seen["link"] == "toy.conf", Link(LINK, "toy.conf")),
        ("toy.service", seen["enabled"], Unit("toy.service", "enable")),
        (GONE, not seen["leftover"], File(GONE, absent=True)),
        (LOOSE, seen["mode"] == "0640", File(LOOSE, mode="0640")),
    )
    for resource, good, change in checks:
        if good:
            yield compliant(resource, evidence=f"{resource} is as wanted")
        else:
            yield drift(resource, changes=[change])


FAMILY = Family(
    "toy",
    "A toy",
    {"server": s.Address(s.REQUIRED, help="the server's address")},
    {"files": _files},
    (server, owned),
)

PILLAR = {"toy": {"mode": "enforce", "server": "10.0.0.53"}}


def build(root):
    """A tree in which everything drifts."""
    for folder in ("etc/systemd/system", "usr/lib/systemd/system", "var/lib", "usr/share"):
        (root / folder).mkdir(parents=True)
    etc = root / "etc"
    (etc / "hostname").write_text("toy1\n")
    (etc / "os-release").write_text("ID=debian\nVERSION_ID=12\n")
    (etc / "toy.conf").write_text("# ours\nserver 8.8.8.8\n  last line without newline")
    (etc / "toy.conf").chmod(0o600)
    # The file that others own is reached by an absolute link, as in many images.
    (root / "usr/share/other.conf").write_bytes(b"caf\xe9 = old\n")
    (etc / "other.conf").symlink_to("/usr/share/other.conf")
    (etc / "l").write_text("a file where a link should be\n")
    (etc / "leftover").write_bytes(bytes(range(256)))
    (etc / "loose").write_text("x\n")
    (etc / "loose").chmod(0o666)
    (root / "usr/lib/systemd/system/toy.service").write_text(
        "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    )
    return root


def snapshot(root):
    """``{path: (kind, mode, uid, gid, content or target, mtime of files)}`` of a whole tree."""
    import os

    found = {}
    for folder, names, files in os.walk(root):
        for name in [*names, *files]:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            rest = None
            if os.path.islink(path):
                rest = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    rest = file.read()
            found[os.path.relpath(path, root)] = (
                oct(info.st_mode),
                info.st_uid,
                info.st_gid,
                rest,
            )
    return found
