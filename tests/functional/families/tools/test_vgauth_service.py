"""The alias store and vgauth.conf, as the real VGAuthService of the distribution writes and reads.

It runs in a chroot of the tree: it needs no host of VMware's.
"""

import shlex
import ssl
import subprocess
from hashlib import sha256

import pytest

from inguestlib.families.tools.vgauth import CONF, STORE
from support import need

from ..services.guestbox import TreeBox

ALIASES, SETTINGS, AUDIT = (f"tools-vgauth-{part}" for part in ("aliases", "settings", "audit"))
LOG = "var/log/vmware-vgauthsvc.log.0"
SERVICE = """
mkdir -p /run/vmware
rm -f /run/vmware/guestServicePipe
VGAuthService -s >/dev/null 2>&1 &
service=$!
until [ -S /run/vmware/guestServicePipe ]; do
    kill -0 $service || exit 9
    sleep 0.05
done
{commands}
code=$?
kill $service
wait $service
exit $code
"""


class Box(TreeBox):
    """A Debian tree with open-vm-tools."""

    family = "tools"

    def run(self, *commands):
        """What the commands print while VGAuthService runs, and what it logged."""
        (self.root / LOG).unlink(missing_ok=True)
        script = SERVICE.format(commands=" && ".join(commands) or "true")
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        inner = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" sh'
        argv = [*namespaces, "sh", "-c", f'{inner} -c "$1"', str(self.root), script]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        return done.stdout, (self.root / LOG).read_text()

    def vgauth(self, *words):
        """The command line tool, while the service runs."""
        return self.run(shlex.join(["vmware-vgauth-cmd", *words]))[0]

    def verdicts(self, control, **params):
        """``{resource: (verdict, evidence)}``."""
        found = self.judge(control, **params)
        return {r: (str(f.verdict), f.evidence) for r, f in found.items()}


@pytest.fixture(params=["bookworm", "trixie"])
def box(request, offline_tree):
    need.root()
    return Box(offline_tree(request.param, "tools"))


@pytest.fixture
def certificate(box):
    """A certificate in the tree, and its fingerprint."""
    need.program("openssl")
    path = box.root / "root/backup.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-keyout", "/dev/null", "-out", str(path), "-subj", "/CN=backup"]
    subprocess.run(argv, check=True, capture_output=True)
    return sha256(ssl.PEM_cert_to_DER_cert(path.read_text())).hexdigest()


def test_what_the_service_wrote_is_found_allowed_and_removed(box, certificate):
    assert box.verdicts(ALIASES)[STORE][0] == "compliant"

    base = ("--username=root", "--file=/root/backup.pem")
    add = [
        shlex.join(["vmware-vgauth-cmd", "add", *base, *more])
        for more in (["--subject=a & <b>"], ["--subject=backup"], ["--global", "--subject=backup"])
    ]
    box.run(*add)
    mine = f"{STORE}/user-root.xml root sha256:{certificate}"
    mapped = f"{STORE}/mapping.xml root sha256:{certificate}"
    found = box.verdicts(ALIASES)
    assert {r: verdict for r, (verdict, _) in found.items()} == {mine: "drift", mapped: "drift"}
    assert found[mine][1].endswith("root: a & <b>, backup")

    allowed = {"allowed": [certificate]}
    assert {v for v, _ in box.verdicts(ALIASES, vgauth_aliases=allowed).values()} == {"compliant"}

    one = {"allowed": [{"certificate": certificate, "subject": "backup"}], "remove": True}
    assert targets(box.cure(ALIASES, vgauth_aliases=one)) == [f"{STORE}/user-root.xml"]
    listed = box.vgauth("list", "--username=root")
    assert "backup" in listed and "<b>" not in listed

    changed = box.cure(ALIASES, vgauth_aliases={"remove": True})
    assert targets(changed) == [f"{STORE}/mapping.xml", f"{STORE}/user-root.xml"]
    assert "CERTIFICATE" not in box.vgauth("list", "--username=root")
    assert sorted(p.name for p in (box.root / STORE[1:]).iterdir()) == [
        "mapping.xml",
        "user-root.xml",
    ], "the service trusts what is left of its files"
    box.vgauth("add", *base, "--subject=later")


def targets(done):
    return sorted(change["path"] for change in done["plan"])


def prefs(log):
    """The settings that the service says it has read."""
    found = [line.rpartition("]")[2].strip() for line in log.splitlines()]
    return [line for line in found if "=" in line and line.startswith(("allow", "audit", "enable"))]


def test_the_service_reads_vgauth_conf_as_it_is_judged(box):
    conf = box.root / CONF[1:]
    shipped = conf.read_text()
    assert {v for v, _ in box.verdicts(SETTINGS).values()} == {"compliant"}
    assert {v for v, _ in box.verdicts(AUDIT).values()} == {"compliant"}

    mine = "[service]\nallowSymlinks = true\nno key\n[auditing]\nauditSuccessEvents=false\n"
    conf.write_text(shipped + mine)
    assert prefs(box.run()[1]) == ["allowSymlinks=true"], "it stops at the line"
    drifting = [r for r, (v, _) in box.verdicts(SETTINGS).items() if v == "drift"]
    assert drifting == [f"{CONF} [service] allowSymlinks"]
    assert {v for v, _ in box.verdicts(AUDIT).values()} == {"compliant"}

    conf.write_text(shipped + mine.replace("no key", "# no key"))
    box.cure(SETTINGS)
    box.cure(AUDIT)
    assert prefs(box.run()[1]) == [], "back to the defaults"
    assert "# no key\n" in conf.read_text()
