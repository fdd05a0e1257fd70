"""The cure on what takes itself for a running guest: its own update-initramfs, Salt's functions.

A chroot of a Debian tree whose sysfs is a few files: VMware's SMBIOS and a disk of its own. That
the guest then boots on the image is shown by ``tests/guest/test_drivers.py``.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import need, salt_rig
from support.cases import write

CORE = Path(__file__).parents[4] / "_utils"
CONTROL = "drivers-in-initramfs"
APPLY = """
import json, sys, tempfile
sys.path[:0] = ["/mnt/core"]
import salt.config, salt.loader
from inguestlib import apply, policy
from inguestlib.effects import Effects
from inguestlib.families import all_families
opts = salt.config.minion_config(None)
folder = tempfile.mkdtemp()
opts.update(root_dir=folder, cachedir=folder, extension_modules=folder, id="box")
opts.update(file_client="local", grains={"kernel": "Linux"})
pillar = {"drivers": {"mode": "enforce", "initramfs": {"enforce": True}}}
loaded = policy.load(pillar, families=all_families(), needed=["drivers"])
effects = Effects(salt.loader.minion_mods(opts))
out = apply.apply("/", loaded, effects, ["drivers"], ["drivers-in-initramfs"], settle=0, name="box")
print("\\n" + json.dumps(out))
"""
LEAN = {
    "/etc/initramfs-tools/conf.d/lean": "MODULES=list\n",
    "/etc/initramfs-tools/modules": "# mine\next4\n",
    "/etc/modprobe.d/lean.conf": "blacklist vmw_pvscsi\n",
    "/sys/class/dmi/id/sys_vendor": "VMware, Inc.\n",
}


class Box:
    """A tree that can be entered."""

    def __init__(self, root):
        self.root = root
        (self.image,) = (root / "boot").glob("initrd.img-*")

    def inside(self, *argv):
        """Run in the tree, with the tests' Python and the core; everything mounted goes again."""
        need.program("unshare")
        mounts = [("mount", "-t", "proc", "proc", f"{self.root}/proc")]
        for source, target in {**salt_rig.binds(), str(CORE): "/mnt/core"}.items():
            (self.root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
            mounts.append(("mount", "--bind", source, f"{self.root}{target}"))
        script = " && ".join(" ".join(mount) for mount in mounts)
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c"]
            + [f'{script} && exec chroot "$0" "$@"', str(self.root), *argv],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done
        return done.stdout

    def apply(self):
        """``(the family's outcome, {resource: verdict})``."""
        python = f"{salt_rig.GUEST_SALT}/bin/{Path(sys.executable).name}"
        out = json.loads(self.inside(python, "-c", APPLY).splitlines()[-1])
        return out["families"]["drivers"], {f["resource"]: f["verdict"] for f in out["findings"]}

    def digest(self):
        return hashlib.sha256(self.image.read_bytes()).hexdigest()


@pytest.fixture
def box(offline_tree):
    root = offline_tree("bookworm", "kernel")
    write(root, {path: text for path, text in LEAN.items() if not path.endswith("/modules")})
    (root / "etc/initramfs-tools/modules").write_text(LEAN["/etc/initramfs-tools/modules"])
    box = Box(root)
    box.inside("update-initramfs", "-u", "-k", "all")
    return box


def test_what_is_missing_is_put_in_and_what_fails_leaves_no_trace(box):
    lacking = box.digest()
    hook = box.root / "etc/initramfs-tools/hooks/broken"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    outcome, _verdicts = box.apply()
    assert outcome["result"] == "reverted"
    assert "update-initramfs" in outcome["comment"]
    assert box.digest() == lacking
    for path, text in LEAN.items():
        assert (box.root / path.lstrip("/")).read_text() == text
    assert os.listdir(box.root / "var/lib/inguest") == []
    hook.unlink()

    outcome, verdicts = box.apply()
    assert outcome["result"] == "applied", outcome["comment"]
    assert list(outcome["changes"])[-1] == "initramfs-debian"
    assert verdicts[f"vmw_pvscsi in /boot/{box.image.name}"] == "compliant"
    assert set(verdicts.values()) == {"compliant"}
    assert "# mine\next4\n" in (box.root / "etc/initramfs-tools/modules").read_text()

    outcome, _verdicts = box.apply()
    assert outcome["result"] == "clean"
