"""services-panic-reboot: sysctl.d in its order, and our file that wins."""

import pytest

from inguestlib.families.services import sysctld
from inguestlib.guest import Guest

from .guestbox import Box

CONTROL = "services-panic-reboot"
OWNED = "/etc/sysctl.d/zz-inguest-panic.conf"


@pytest.mark.parametrize("os_name", ["debian", "redhat", "suse", "photon"])
def test_an_untouched_guest_gets_one_file(tmp_path, os_name):
    box = Box(tmp_path, os_name, {})
    assert {f.verdict for f in box.judge(CONTROL).values()} == {"drift"}
    box.cure(CONTROL)
    lines = box.read(OWNED).splitlines()
    assert lines[1:] == ["kernel.panic = 10", "kernel.panic_on_oops = 1"]
    assert {f.verdict for f in box.judge(CONTROL).values()} == {"compliant"}


def test_only_what_others_do_not_say_is_ours(tmp_path):
    box = Box(tmp_path, "redhat", {"/usr/lib/sysctl.d/50-vendor.conf": "-kernel/panic = -1\n"})
    found = box.judge(CONTROL)
    assert found["kernel.panic"].verdict == "compliant"
    assert found["kernel.panic"].evidence == "/usr/lib/sysctl.d/50-vendor.conf:1 -kernel/panic = -1"
    box.cure(CONTROL)
    assert box.read(OWNED).splitlines()[1:] == ["kernel.panic_on_oops = 1"]


def test_what_comes_after_our_file_is_taken_out(tmp_path):
    late = "/etc/sysctl.d/zzz.conf"
    box = Box(tmp_path, "debian", {late: "# late\nkernel.panic=0\nvm.swappiness=1\n"})
    box.cure(CONTROL)
    assert box.read(late) == "# late\n# Overridden: kernel.panic=0\nvm.swappiness=1\n"


def test_softlockups_and_hung_tasks_by_policy(tmp_path):
    box = Box(tmp_path, "suse", {})
    params = {"panic": {"seconds": 30, "softlockup": True, "hung_task": True, "oops": False}}
    box.cure(CONTROL, **params)
    assert box.read(OWNED).splitlines()[1:] == [
        "kernel.panic = 30",
        "kernel.softlockup_panic = 1",
        "kernel.hung_task_panic = 1",
    ]


def test_the_order_of_sysctl_d(tmp_path):
    box = Box(
        tmp_path,
        "debian",
        {
            "/etc/sysctl.conf": "kernel.panic=1\n",
            "/etc/sysctl.d/20-a.conf": "kernel.panic=2\n",
            "/run/sysctl.d/20-a.conf": "kernel.panic=3\n",
            "/usr/lib/sysctl.d/30-b.conf": "kernel.panic=4\n",
            "/usr/lib/sysctl.d/40-c.conf": "kernel.panic=5\n",
            "/usr/lib/sysctl.d/99-notconf": "kernel.panic=6\n",
        },
    )
    box.link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
    box.link("/etc/sysctl.d/40-c.conf", "/dev/null")
    seen = sysctld.settings(Guest(str(tmp_path)), ["kernel.panic"])["kernel.panic"]
    assert [at["value"] for at in seen] == ["2", "4", "1"]
    assert seen[-1]["path"] == "/etc/sysctl.conf"


def test_the_watchdog_is_told(tmp_path):
    box = Box(
        tmp_path, "debian", {"/etc/systemd/system.conf": "[Manager]\nRuntimeWatchdogSec=30\n"}
    )
    assert box.judge(CONTROL)["kernel.panic"].comment == "RuntimeWatchdogSec=30"
