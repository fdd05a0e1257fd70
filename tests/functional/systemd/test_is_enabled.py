"""Every state that the core tells of a unit, beside what systemctl tells of it."""

import os
import subprocess

import pytest

from inguestlib.guest import Guest
from inguestlib.systemd import names
from support import need

pytestmark = pytest.mark.functional

INSTALL = (
    "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
)
STATIC = "[Service]\nExecStart=/bin/true\n"

ETC = "/etc/systemd/system"
LIB = "/usr/lib/systemd/system"
RUN = "/run/systemd/system"


class Hand:
    """A tree written by hand."""

    def __init__(self, root):
        self.root = root
        for path in (ETC, LIB, RUN):
            os.makedirs(f"{root}{path}")

    def file(self, path, text=INSTALL):
        os.makedirs(os.path.dirname(f"{self.root}{path}"), exist_ok=True)
        with open(f"{self.root}{path}", "w") as out:
            out.write(text)

    def link(self, path, target):
        os.makedirs(os.path.dirname(f"{self.root}{path}"), exist_ok=True)
        os.symlink(target, f"{self.root}{path}")

    def units(self):
        return Guest(self.root).units


@pytest.fixture
def tree(tmp_path):
    return Hand(str(tmp_path / "root"))


def systemctl(root, name):
    """The word, or ``not-found``/``bad`` for what systemctl refuses in other words."""
    need.program("systemctl")
    done = subprocess.run(
        ["systemctl", f"--root={root}", "is-enabled", name], capture_output=True, text=True
    )
    if done.stdout.strip():
        return done.stdout.strip()
    missing = ("No such file or directory", "Link has been severed")
    return "not-found" if any(text in done.stderr for text in missing) else "bad"


def differences(root, wanted=None):
    units = Guest(root).units
    out = {}
    for name in wanted or units.tree.names():
        mine, theirs = units.state(name), systemctl(root, name)
        if mine != theirs:
            out[name] = (mine, theirs)
    return out


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("variant", ["base", "resolved", "networkmanager", "ifupdown", "unbound"])
def test_real_packages(offline_tree, suite, variant):
    root = str(offline_tree(suite, variant))
    assert len(Guest(root).units.tree.names()) > 100
    assert differences(root) == {}


def test_oddities(tree):
    tree.file(f"{LIB}/disabled.service")
    tree.file(f"{LIB}/static.service", STATIC)
    tree.file(f"{LIB}/enabled.service")
    tree.link(f"{ETC}/multi-user.target.wants/enabled.service", f"{LIB}/enabled.service")
    tree.file(f"{LIB}/required.service", STATIC + "[Install]\nRequiredBy=multi-user.target\n")
    tree.link(f"{ETC}/multi-user.target.requires/required.service", f"{LIB}/required.service")
    # a link of the right name is enough, wherever it leads
    tree.file(f"{LIB}/elsewhere.service")
    tree.link(f"{ETC}/multi-user.target.wants/elsewhere.service", "/nonexistent/other.service")
    # a file instead of a link enables nothing
    tree.file(f"{LIB}/plainfile.service")
    tree.file(f"{ETC}/multi-user.target.wants/plainfile.service")
    tree.file(f"{LIB}/runtime.service")
    tree.link(f"{RUN}/multi-user.target.wants/runtime.service", f"{LIB}/runtime.service")
    tree.file(f"{LIB}/vendor.service")
    tree.link(f"{LIB}/multi-user.target.wants/vendor.service", "../vendor.service")
    # masks
    tree.file(f"{LIB}/masked.service")
    tree.link(f"{ETC}/masked.service", "/dev/null")
    tree.link(f"{ETC}/multi-user.target.wants/masked.service", f"{LIB}/masked.service")
    tree.file(f"{LIB}/emptied.service")
    tree.file(f"{ETC}/emptied.service", "")
    tree.file(f"{LIB}/vendormasked.service", "")
    tree.link(f"{LIB}/vendornull.service", "/dev/null")
    tree.file(f"{LIB}/runmasked.service")
    tree.link(f"{RUN}/runmasked.service", "/dev/null")
    tree.link(f"{ETC}/relnull.service", "../../../dev/null")
    tree.file("/opt/empty.service", "")
    tree.link(f"{ETC}/linkedempty.service", "/opt/empty.service")
    # aliases
    tree.file(f"{LIB}/real.service", INSTALL + "Alias=nick.service\n")
    tree.link(f"{ETC}/nick.service", f"{LIB}/real.service")
    tree.file(f"{LIB}/other.service")
    tree.link(f"{LIB}/vendoralias.service", "other.service")
    tree.file(f"{LIB}/aliased.service", STATIC)
    tree.link(f"{ETC}/unofficial.service", f"{LIB}/aliased.service")
    tree.link(f"{ETC}/second.service", "unofficial.service")
    tree.link(f"{ETC}/dangling.service", f"{LIB}/nothing.service")
    tree.link(f"{ETC}/wrongtype.service", f"{LIB}/some.socket")
    tree.file(f"{LIB}/some.socket", "[Socket]\nListenStream=1\n")
    tree.file(f"{LIB}/hidden.service")
    tree.file(f"{ETC}/hidden.service", STATIC)
    # linked
    tree.file("/opt/linked.service")
    tree.link(f"{ETC}/linked.service", "/opt/linked.service")
    tree.file("/opt/othername.service")
    tree.link(f"{ETC}/linkedas.service", "/opt/othername.service")
    tree.file("/opt/linkedrun.service")
    tree.link(f"{RUN}/linkedrun.service", "/opt/linkedrun.service")
    tree.file("/opt/linkedenabled.service")
    tree.link(f"{ETC}/linkedenabled.service", "/opt/linkedenabled.service")
    tree.link(f"{ETC}/multi-user.target.wants/linkedenabled.service", "/opt/linkedenabled.service")
    tree.link(f"{ETC}/linkedgone.service", "/opt/gone.service")
    tree.link(f"{ETC}/vendorlink.service", f"{LIB}/vendorlink.service")
    tree.file(f"{LIB}/vendorlink.service")
    # Also= alone
    tree.file(f"{LIB}/also.service", STATIC + "[Install]\nAlso=enabled.service\n")
    tree.file(f"{LIB}/alsoreset.service", STATIC + "[Install]\nAlso=enabled.service\nAlso=\n")
    tree.file(f"{LIB}/wantedreset.service", INSTALL + "WantedBy=\n")
    # [Install] in a drop-in, and one taken away by a drop-in
    tree.file(f"{LIB}/dropin.service", STATIC)
    tree.file(f"{ETC}/dropin.service.d/10.conf", "[Install]\nWantedBy=multi-user.target\n")
    tree.file(f"{LIB}/undone.service")
    tree.file(f"{ETC}/undone.service.d/10.conf", "[Install]\nWantedBy=\n")
    tree.file(f"{LIB}/masking.service", STATIC)
    tree.file(f"{LIB}/masking.service.d/10.conf", "[Install]\nWantedBy=multi-user.target\n")
    tree.file(f"{ETC}/masking.service.d/10.conf", "")
    # templates
    tree.file(f"{LIB}/tpl@.service")
    tree.link(f"{ETC}/multi-user.target.wants/tpl@one.service", f"{LIB}/tpl@.service")
    tree.file(f"{LIB}/def@.service", INSTALL + "DefaultInstance=dflt\n")
    tree.link(f"{ETC}/multi-user.target.wants/def@dflt.service", f"{LIB}/def@.service")
    tree.file(f"{LIB}/defother@.service", INSTALL + "DefaultInstance=dflt\n")
    tree.link(f"{ETC}/multi-user.target.wants/defother@x.service", f"{LIB}/defother@.service")
    tree.file(f"{LIB}/vend@.service", STATIC)
    tree.link(f"{LIB}/multi-user.target.wants/vend@a.service", "../vend@.service")
    tree.link(f"{ETC}/instalias@a.service", f"{LIB}/tpl@.service")
    tree.file(f"{ETC}/tpl@own.service", STATIC)
    tree.link(f"{ETC}/tpl@masked.service", "/dev/null")
    tree.link(f"{ETC}/wronginst@a.service", f"{LIB}/tpl@b.service")
    tree.link(f"{ETC}/tplalias@.service", f"{LIB}/tpl@.service")
    # generated and transient
    tree.file("/run/systemd/generator/gen.mount", "[Mount]\nWhat=/dev/x\n")
    tree.file("/run/systemd/transient/trans.service", STATIC)
    tree.file("/etc/systemd/system.control/ctl.service.d/50.conf", "[Service]\nNice=1\n")
    # precedence and syntax
    tree.file("/usr/local/lib/systemd/system/local.service")
    tree.file(f"{LIB}/local.service", STATIC)
    tree.file(f"{LIB}/cont.service", "[Install]\nWantedBy=\\\n# no\n multi-user.target\n")
    tree.file(f"{LIB}/comment.service", "[Install]\n#WantedBy=multi-user.target\n")
    tree.file(f"{LIB}/sect.service", "[Unit]\nWantedBy=multi-user.target\n")
    tree.file(f"{LIB}/upheld.timer", "[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n")
    tree.link(f"{ETC}/timers.target.wants/upheld.timer", f"{LIB}/upheld.timer")
    tree.file(f"{LIB}/directory.service/x", "")
    tree.file(f"{LIB}/srv.mount", "[Mount]\nWhat=/dev/x\n[Install]\nWantedBy=local-fs.target\n")
    tree.link(f"{ETC}/nick.mount", f"{LIB}/srv.mount")
    tree.file(f"{LIB}/tpl@.mount", "[Mount]\nWhat=/dev/x\n")
    more = [
        "absent.service",
        "tpl@one.service",
        "tpl@two.service",
        "tpl@masked.service",
        "def@dflt.service",
        "defother@x.service",
        "vend@a.service",
        "vend@b.service",
        "instalias@a.service",
        "instalias@b.service",
        "tplalias@x.service",
        "absent@x.service",
    ]
    assert differences(tree.root, [*tree.units().tree.names(), *more]) == {}


def test_a_tree_whose_usr_is_not_merged(tree):
    tree.file("/lib/systemd/system/both.service")
    tree.file(f"{LIB}/both.service", STATIC)
    tree.file("/lib/systemd/system/one.service")
    tree.link(f"{ETC}/multi-user.target.wants/one.service", "/lib/systemd/system/one.service")
    assert differences(tree.root) == {}


def test_unit_directory_that_is_a_link(tree):
    os.rmdir(f"{tree.root}{ETC}")
    tree.file("/persist/system/own.service")
    os.symlink("/persist/system", f"{tree.root}{ETC}")
    tree.link("/persist/system/nick.service", f"{ETC}/own.service")
    assert tree.units().state("own.service") in ("disabled", "indirect")
    assert tree.units().state("nick.service") == "alias"


def test_the_manager_ignores_a_link_to_itself(tree):
    """systemctl refuses it, the boot takes the vendor's file."""
    tree.file(f"{LIB}/self.service")
    tree.link(f"{ETC}/self.service", f"{LIB}/self.service")
    unit = tree.units().get("self.service")
    assert (unit.path, unit.enablement) == (f"{LIB}/self.service", "bad")


def test_names_that_are_no_units(tree):
    assert tree.units().get("no such thing") is None
    assert tree.units().state("absent") == "not-found"
    assert not any(not names.is_valid(n) for n in tree.units().names())
