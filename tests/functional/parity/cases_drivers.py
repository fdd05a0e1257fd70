"""Drift of an image's drivers: what the guest's next kernel and its initramfs will be told."""

from support.cases import Case, write

RELEASE = "6.1.0-18-amd64"
MODULES = f"/usr/lib/modules/{RELEASE}"
BASE = {
    "/etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
    f"/boot/vmlinuz-{RELEASE}": "",
    f"{MODULES}/modules.dep": "".join(
        f"kernel/{name}.ko:\n"
        for name in ("vmxnet3", "vmw_pvscsi", "vmw_balloon", "vmw_vsock_vmci_transport", "vsock")
    ),
    **{
        f"{MODULES}/kernel/{name}.ko": ""
        for name in ("vmxnet3", "vmw_pvscsi", "vmw_balloon", "vmw_vsock_vmci_transport", "vsock")
    },
    "/lib": ("->", "usr/lib"),
}
TOOLS = {
    "/usr/sbin/mkinitramfs": "",
    "/etc/initramfs-tools/initramfs.conf": "MODULES=dep\nCOMPRESS=zstd\n",
    "/etc/initramfs-tools/modules": "# what the next image holds\nraid1\n",
}


def case(name, control, files, **params):
    return Case(
        name,
        "drivers",
        lambda root: write(root, {**BASE, **files}),
        {"drivers": {"mode": "enforce", **params}},
        (control,),
        (control,),
    )


CASES = [
    case(
        "an initramfs of its builder's drivers",
        "drivers-in-initramfs",
        TOOLS,
        initramfs={"enforce": True},
    ),
    case(
        "an initramfs of its builder's drivers, by dracut",
        "drivers-in-initramfs",
        {"/usr/bin/dracut": "", "/etc/dracut.conf.d/01-dist.conf": 'hostonly="yes"\n'},
        initramfs={"enforce": True},
    ),
    case(
        "a driver on a blacklist",
        "drivers-in-initramfs",
        {
            **TOOLS,
            "/etc/initramfs-tools/modules": "vmw-pvscsi\n",
            "/etc/modprobe.d/cis.conf": "install dccp /bin/true\nblacklist vmw_pvscsi\n",
        },
        initramfs={"enforce": True},
    ),
    case("a channel that may be opened", "drivers-balloon-vmci", {}, channel={"vsock": "refuse"}),
    case(
        "a balloon on a blacklist",
        "drivers-balloon-vmci",
        {"/etc/modprobe.d/x.conf": "install vmw_balloon /bin/false\n"},
    ),
    case(
        "a timeout that somebody hid",
        "drivers-scsi-timeout",
        {
            "/usr/lib/udev/rules.d/99-vmware-scsi-udev.rules": 'ATTRS{vendor}=="VMware*", '
            'ATTR{timeout}="180"\n',
            "/etc/udev/rules.d/99-vmware-scsi-udev.rules": ("->", "/dev/null"),
        },
    ),
]
