"""File systems of image files, mounted on the machine that runs the tests."""

import contextlib
import subprocess

from support import need


@contextlib.contextmanager
def mounted(image, directory, options="rw"):
    """The file system of an image, mounted on a directory, which is made."""
    need.root()
    directory.mkdir(exist_ok=True)
    argv = ["mount", "-o", f"loop,{options}", str(image), str(directory)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        need.unmet(f"no file system of an image can be mounted: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)
