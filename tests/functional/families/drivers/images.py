"""Initramfs images and Debian trees with a kernel, for the tests beside this file."""

import os
import subprocess

from support import need

IN_TREE = 'mount -t proc proc "$0/proc"; mount -t tmpfs tmp "$0/tmp"; exec chroot "$0" "$@"'


def inside(root, *argv, check=True):
    """Run in the tree, with a /proc and a /tmp that are gone afterwards."""
    need.program("unshare")
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", IN_TREE]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [*command, str(root), *argv], capture_output=True, text=True, env=environment, timeout=300
    )
    assert not check or done.returncode == 0, done
    return done


def newc(files):
    """A newc archive of ``{name: bytes}``, as the kernel's documentation lays it out."""
    out = b""
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        encoded = os.fsencode(name) + b"\0"
        fields = (number, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        out += head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)
    return out + b"\0" * (-len(out) % 512)


def packed(data, *argv):
    """The data through a program of this machine."""
    need.program(argv[0])
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout
