"""Files that are whole after a kill or a power cut: the old content or the new, never a part."""

import contextlib
import os

from inguestlib.images import sync_dir, write


def put(path, data, step=lambda label: None):
    """Replace a file's content; durable when this returns. The file is the owner's alone.

    step
        Called with a label after everything that lasts; a test kills there.
    """
    name = os.path.basename(path)
    new = path + ".new"
    write(new, data)
    step(f"{name}: written")
    os.rename(new, path)
    step(f"{name}: renamed")
    sync_dir(os.path.dirname(path))
    step(f"{name}: durable")


def get(path):
    """The content as bytes, or ``None`` when there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def drop(path):
    """Remove a file, if it is there. When a power cut brings it back, it is removed again."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def folder(path):
    """Make a directory that is the owner's alone, with those above it."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    if os.stat(path).st_mode & 0o777 != 0o700:
        os.chmod(path, 0o700)
