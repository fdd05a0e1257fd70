"""The scripts of a real open-vm-tools package: as installed, changed, and joined by others."""

import pytest

from ..services.guestbox import TreeBox

POWER, BACKUP = "tools-power-scripts", "tools-backup-scripts"
HOME = "/etc/vmware-tools"


@pytest.fixture(params=["bookworm", "trixie"])
def box(request, offline_tree):
    box = TreeBox(offline_tree(request.param, "tools"))
    box.family = "tools"
    return box


def drifts(found):
    return [r for r, finding in found.items() if str(finding.verdict) != "compliant"]


def test_scripts(box):
    as_installed = box.judge(POWER)
    assert drifts(as_installed) == []
    assert f"{HOME}/scripts/vmware/network" in as_installed, "the packaged scripts are looked at"
    assert drifts(box.judge(BACKUP)) == []

    script = f"{HOME}/poweroff-vm-default"
    packaged = box.read(script)
    box.write(script, f"{packaged}rm -rf /\n")
    (box.root / script[1:]).chmod(0o757)
    own = f"{HOME}/backupScripts.d/10-db"
    box.write(own, "#!/bin/sh\n")
    (box.root / own[1:]).chmod(0o755)
    assert drifts(box.judge(POWER)) == [script]
    assert drifts(box.judge(BACKUP)) == [own]

    box.write(script, packaged)
    box.cure(POWER)
    assert drifts(box.judge(POWER)) == []
    assert drifts(box.judge(BACKUP, scripts={"allowed": [own]})) == []
    box.cure(BACKUP, scripts={"remove": True})
    assert not (box.root / own[1:]).exists()
