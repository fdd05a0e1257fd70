"""A small tree of a guest, written by hand, that can be judged and cured."""

import atexit
import functools
import os
import shutil

from inguestlib import apply, audit, policy
from inguestlib.effects import Effects
from inguestlib.families import all_families
from inguestlib.guest import Guest

OS_RELEASE = {
    "debian": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
    "ubuntu": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
    "redhat": 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n',
    "suse": 'ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.6"\n',
    "photon": 'ID=photon\nVERSION_ID="5.0"\n',
}
_BASE = {
    "/usr/lib/systemd/systemd": "",
    "/usr/lib/systemd/system/multi-user.target": "[Unit]\nRequires=basic.target\n",
    "/usr/lib/systemd/system/basic.target": "[Unit]\nRequires=sysinit.target\n",
    "/usr/lib/systemd/system/sysinit.target": "[Unit]\n",
    "/usr/lib/systemd/system/graphical.target": "[Unit]\nRequires=multi-user.target\n",
    "/usr/lib/systemd/system/rescue.target": "[Unit]\n",
}
_LINKS = {
    "/sbin": "usr/sbin",
    "/lib": "usr/lib",
    "/usr/sbin/init": "../lib/systemd/systemd",
    "/etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
}


class TreeBox:
    """A tree below ``root`` that is there already; paths are the guest's."""

    family = "services"

    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        real = self.root / path[1:]
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(text)

    def read(self, path):
        return (self.root / path[1:]).read_text()

    def judge(self, control, **params):
        """``{resource: finding}`` of one control."""
        policy_ = _policy(self.family, params).for_guest("box")
        guest = Guest(str(self.root))
        facts = audit.observe(guest, policy_, [self.family], [control])
        found = audit.judge(facts, policy_, [self.family], [control])
        assert len({f.resource for f in found}) == len(found), "one finding for each resource"
        return {f.resource: f for f in found}

    def cure(self, control, **params):
        """Apply, and prove that a second run has nothing to do; the families' outcome."""
        arguments = (str(self.root), _policy(self.family, params))
        chosen = {"families": [self.family], "controls": [control], "name": "box"}
        planned = apply.plan(*arguments, **chosen)["families"][self.family]
        done = apply.apply(*arguments, _effects(), **chosen)["families"][self.family]
        assert done["result"] == "applied", done["comment"]
        assert done["plan"] == planned["plan"]
        again = apply.plan(*arguments, **chosen)["families"][self.family]
        assert again["plan"] == [], "a second run has nothing to do"
        return done


class Box(TreeBox):
    """A tree below ``root``, made of a few files."""

    def __init__(self, root, os_name, files):
        super().__init__(root)
        for path, text in {**_BASE, "/etc/os-release": OS_RELEASE[os_name], **files}.items():
            self.write(path, text)
        for path, to in _LINKS.items():
            self.link(path, to)

    def link(self, path, to):
        real = self.root / path[1:]
        real.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(real):
            real.symlink_to(to)

    def unit(self, name, enabled=True, wanted_by="multi-user.target"):
        """Install a service, enabled or not."""
        path = f"/usr/lib/systemd/system/{name}"
        self.write(path, f"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy={wanted_by}\n")
        if enabled:
            self.link(f"/etc/systemd/system/{wanted_by}.wants/{name}", path)


def _policy(family, params):
    pillar = {family: {"mode": "enforce", **params}}
    return policy.load(pillar, families=all_families(), needed=[family])


@functools.lru_cache(maxsize=1)
def _effects():
    """Salt's real execution functions, loaded once."""
    import tempfile

    import salt.config
    import salt.loader

    folder = tempfile.mkdtemp(prefix="inguest-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    opts = salt.config.minion_config(None)
    opts.update({"root_dir": folder, "cachedir": folder, "extension_modules": folder})
    opts.update({"file_client": "local", "grains": {}, "id": "box"})
    return Effects(salt.loader.minion_mods(opts))
