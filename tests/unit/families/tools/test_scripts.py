"""Scripts that Tools run as root: packaged or allowed, and nobody else's to change."""

import hashlib

import pytest

from inguestlib.families.tools import conffile, power, quiesce, scripts
from inguestlib.guest import Guest
from support.cases import write

from .judged import OFFLINE, judge, plan

HOME = scripts.HOME
SCRIPT = {
    "path": f"{HOME}/backupScripts.d/10-db",
    "target": f"{HOME}/backupScripts.d/10-db",
    "mode": 0o755,
    "uid": 0,
    "executable": True,
    "sha256": "a" * 64,
    "folder": "",
    "package": None,
    "intact": None,
}
OF_PACKAGE = {"package": "backup", "intact": True}
DEFAULTS = tuple(f"{op}-vm-default" for op in power.OPERATIONS)


def one(script, params=None, control=quiesce.backup_scripts):
    conf = {"files": {conffile.TOOLS: None, conffile.GLOBAL: None, conffile.VGAUTH: None}}
    seen = {"quiesce": [{**SCRIPT, **script}], "conf": conf}
    return judge(control, seen, scripts=params or {})[SCRIPT["path"]]


@pytest.mark.parametrize(
    "script, allowed, verdict",
    [
        ({}, [], "drift"),
        ({}, [SCRIPT["path"]], "compliant"),
        ({}, ["/etc/other"], "drift"),
        ({}, [f"sha256:{'a' * 64}"], "compliant"),
        ({}, [f"sha256:{'b' * 64}"], "drift"),
        ({}, [{"path": SCRIPT["path"], "sha256": "a" * 64}], "compliant"),
        ({}, [{"path": SCRIPT["path"], "sha256": "b" * 64}], "drift"),
        (OF_PACKAGE, [], "compliant"),
        ({**OF_PACKAGE, "intact": False}, [], "drift"),
        ({**OF_PACKAGE, "intact": False}, [f"sha256:{'a' * 64}"], "compliant"),
        ({**OF_PACKAGE, "intact": None}, [], "unknown"),
        ({**OF_PACKAGE, "mode": 0o775}, [], "drift"),
        ({**OF_PACKAGE, "uid": 1000}, [], "drift"),
        ({**OF_PACKAGE, "folder": "/etc is owned by uid 1"}, [], "drift"),
        ({**OF_PACKAGE, "executable": False}, [], "drift"),
    ],
)
def test_a_script(script, allowed, verdict):
    finding = one(script, {"allowed": allowed})
    assert finding.verdict == verdict
    assert f"sha256:{'a' * 64}" in finding.evidence


def test_owner_and_mode_are_mended_and_nothing_goes_unless_the_policy_says_so():
    path = SCRIPT["path"]
    assert plan(one({"mode": 0o4777, "uid": 5})) == [f"set mode 4755, user 0 on {path}"]
    assert plan(one({})) == []
    assert plan(one({}, {"remove": True})) == [f"remove {path}"]
    assert plan(one({"mode": 0o777}, {"remove": True})) == [f"remove {path}"]
    assert plan(one({**OF_PACKAGE, "intact": False}, {"remove": True})) == []
    assert plan(one({}, {"remove": True, "allowed": [path]})) == []


@pytest.fixture
def tree(tmp_path):
    """A tree with the default scripts as dpkg's own files have them, and what is laid over it."""

    def made(files=(), conf=""):
        packaged = {f"{HOME}/{name}": "default\n" for name in DEFAULTS}
        packaged |= {f"{HOME}/statechange.subr": "sub\n", f"{HOME}/scripts/vmware/network": "net\n"}
        sums = "".join(f" {p} {hashlib.md5(t.encode()).hexdigest()}\n" for p, t in packaged.items())
        status = (
            "Package: open-vm-tools\nStatus: install ok installed\nArchitecture: amd64\n"
            f"Version: 2:12.2.0-1\nConffiles:\n{sums}Description: x\n\n"
            "Package: backup\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
        )
        info = "/var/lib/dpkg/info"
        listed = "\n".join(packaged) + "\n"
        sum_ = hashlib.md5(b"db\n").hexdigest()
        write(
            tmp_path,
            {
                **packaged,
                "/etc/os-release": "ID=debian\n",
                "/var/lib/dpkg/status": status,
                f"{info}/open-vm-tools.list": f"/.\n{listed}",
                f"{info}/open-vm-tools.conffiles": listed,
                f"{info}/backup.list": f"/.\n{HOME}/backupScripts.d/20-db\n",
                f"{info}/backup.md5sums": f"{sum_}  {HOME[1:]}/backupScripts.d/20-db\n",
                conffile.TOOLS: conf,
                **dict(files),
            },
        )
        for path in (tmp_path / HOME[1:]).rglob("*"):
            path.chmod(0o755)
        return Guest(str(tmp_path))

    return made


def power_findings(guest, **params):
    seen = {"conf": conffile.observe(guest, {}), "power": power.observe(guest, {})}
    found = judge(power.power_scripts, seen, OFFLINE, **params)
    return {r.rpartition("/")[2]: f for r, f in found.items()}


def drifts(found):
    return [name for name, finding in found.items() if finding.verdict == "drift"]


def test_the_packaged_scripts(tree):
    found = power_findings(tree())
    assert drifts(found) == []
    assert set(found) == {
        *(f"tools.conf [powerops] {op}-script" for op in power.OPERATIONS),
        *DEFAULTS,
        "statechange.subr",
        "network",
    }


@pytest.mark.parametrize(
    "files, drifting",
    [
        ({f"{HOME}/poweroff-vm-default": "evil\n"}, ["poweroff-vm-default"]),
        ({f"{HOME}/statechange.subr": "evil\n"}, ["statechange.subr"]),
        ({f"{HOME}/scripts/vmware/own": "x\n"}, ["own"]),
        ({f"{HOME}/scripts/resume-vm-default.d/own": "x\n"}, ["own"]),
        ({f"{HOME}/scripts/other.d/own": "x\n"}, []),
    ],
)
def test_other_scripts(tree, files, drifting):
    assert drifts(power_findings(tree(files))) == drifting


def test_what_is_not_executable_does_not_run(tree, tmp_path):
    guest = tree({f"{HOME}/scripts/vmware/README": "x\n"})
    (tmp_path / HOME[1:] / "scripts/vmware/README").chmod(0o644)
    assert drifts(power_findings(guest)) == []


@pytest.mark.parametrize(
    "conf, drifting",
    [
        ("[powerops]\npoweron-script=\n", []),
        ("[powerops]\npoweron-script=poweron-vm-default\n", []),
        ('[powerops]\npoweron-script="poweron-vm-default"\n', []),
        (f"[powerops]\npoweron-script={HOME}/poweron-vm-default\n", []),
        ("[powerops]\npoweron-script=/srv/own\n", ["tools.conf [powerops] poweron-script", "own"]),
        ("[powerops]\npoweron-script=/srv/gone\n", ["tools.conf [powerops] poweron-script"]),
    ],
)  # fmt: skip
def test_the_script_that_tools_conf_names(tree, conf, drifting):
    found = power_findings(tree({"/srv/own": "x\n"}, conf))
    assert drifts(found) == drifting
    if drifting:
        assert plan(found[drifting[0]]) == [
            f"edit {conffile.TOOLS} [powerops] poweron-script removed"
        ]


def test_an_allowed_script_in_place_of_the_default(tree):
    guest = tree({"/srv/own": "x\n"}, "[powerops]\nresume-script=/srv/own\n")
    assert drifts(power_findings(guest, scripts={"allowed": ["/srv/own"]})) == []


def test_a_default_that_is_gone(tree, tmp_path):
    guest = tree()
    (tmp_path / HOME[1:] / "suspend-vm-default").unlink()
    key = "tools.conf [powerops] suspend-script"
    assert drifts(power_findings(guest)) == [key]
    guest = tree({"/srv/own": "x\n"}, "[powerops]\nsuspend-script=/srv/own\n")
    (tmp_path / HOME[1:] / "suspend-vm-default").unlink()
    assert not power_findings(guest)[key].changes, "there is nothing to go back to"


def test_quiesce_scripts_and_whose_they_are(tree):
    legacy = "/usr/sbin/pre-freeze-script"
    folder = f"{HOME}/backupScripts.d"
    conf = "[vmbackup]\nignoreFrozenFileSystems=true\n"
    guest = tree({legacy: "x\n", f"{folder}/10-own": "x\n", f"{folder}/20-db": "db\n"}, conf)
    seen = {"conf": conffile.observe(guest, {}), "quiesce": quiesce.observe(guest, {})}
    assert [(s["path"], s["package"], s["intact"]) for s in seen["quiesce"]] == [
        (legacy, None, None),
        (f"{folder}/10-own", None, None),
        (f"{folder}/20-db", "backup", True),
    ]
    found = judge(quiesce.backup_scripts, seen, OFFLINE)
    ignoring = f"{conffile.TOOLS} [vmbackup] ignoreFrozenFileSystems"
    assert plan(found[ignoring]) == [
        f"edit {conffile.TOOLS} [vmbackup] ignoreFrozenFileSystems removed"
    ]


def test_no_script_at_all(tree):
    guest = tree()
    seen = {"conf": conffile.observe(guest, {}), "quiesce": quiesce.observe(guest, {})}
    found = judge(quiesce.backup_scripts, seen, OFFLINE)
    assert {str(f.verdict) for f in found.values()} == {"compliant"}
    assert quiesce.FOLDER in found
