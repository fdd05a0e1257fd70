"""The kernels of a guest, and whether each of them can have a driver: built in, or a module."""

import re

from inguestlib import kernels


def observe(guest, modules):
    """``{release: {"image", "initramfs", "modules": {name: {"how", "evidence"}}}}``.

    ``how`` is ``builtin``, ``module``, ``gone`` (listed, and the file is not there),
    ``unlisted`` (a file that depmod has not listed), or ``absent``.
    """
    found = {}
    for release, image in kernels.installed(guest).items():
        found[release] = {
            "image": image,
            "initramfs": kernels.initramfs(guest, release),
            "modules": {name: _look(guest, release, name) for name in modules},
        }
    return found


def _look(guest, release, name):
    base = f"/lib/modules/{release}"
    # A hyphen in a module's file name is an underscore for the kernel.
    pattern = re.escape(name).replace("_", "[_-]").replace(r"\-", "[_-]")
    file_name = rf"^\S*/{pattern}\.ko(?:\.\w+)?".encode()
    if line := _line(guest, f"{base}/modules.builtin", file_name + rb"$"):
        return {"how": "builtin", "evidence": line}
    if line := _line(guest, f"{base}/modules.dep", file_name + rb"(?=:)"):
        path = line.split(" ", 1)[1]
        path = path if path.startswith("/") else f"{base}/{path}"
        there = guest.exists(path)
        return {"how": "module" if there else "gone", "evidence": line}
    option = _option(guest, release, name)
    for path in guest.glob(f"{base}/kernel/drivers/*/{name}.ko*") + guest.glob(
        f"{base}/kernel/drivers/*/{name}/{name}.ko*"
    ):
        return {"how": "unlisted", "evidence": f"{path} is not in {base}/modules.dep"}
    if not guest.exists(f"{base}/modules.dep"):
        return {"how": "unseen", "evidence": f"{base}/modules.dep: no such file"}
    return {"how": "absent", "evidence": f"{base}/modules.dep lists no {name}.ko{option}"}


def _line(guest, path, pattern):
    """``path:line match`` of the first match, or ``None``."""
    data = guest.read_bytes(path)
    match = re.search(pattern, data, re.M) if data else None
    if match is None:
        return None
    number = data.count(b"\n", 0, match.start()) + 1
    return f"{path}:{number} {match[0].decode('utf-8', 'surrogateescape')}"


_OPTIONS = {
    "vmxnet3": "CONFIG_VMXNET3",
    "vmw_pvscsi": "CONFIG_VMWARE_PVSCSI",
    "vmw_balloon": "CONFIG_VMWARE_BALLOON",
    "vmw_vmci": "CONFIG_VMWARE_VMCI",
    "vmw_vsock_vmci_transport": "CONFIG_VMWARE_VMCI_VSOCKETS",
    "nvme": "CONFIG_BLK_DEV_NVME",
}


def _option(guest, release, name):
    option = _OPTIONS.get(name)
    if not option:
        return ""
    path = f"/boot/config-{release}"
    line = _line(guest, path, rb"^(?:# )?" + option.encode() + rb"[= ].*$")
    return f"; {line}" if line else ""
