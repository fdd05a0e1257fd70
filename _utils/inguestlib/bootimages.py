"""Build initramfs images anew, so that there is a whole one at every moment, and back again.

initramfs-tools writes ``<image>.new`` and renames it; when it fails the old image stays. dracut
copies over the old image, and removes it when the copy fails: here it writes beside it.
"""

import contextlib
import os
import shutil

from inguestlib import images, kernels

OWNERS = ("initramfs-debian", "initramfs-dracut")  # of changes.REFRESHES
TIMEOUT = 1800  # seconds for all images; a generic kernel's takes half a minute on a slow disk

_NEW = ".inguest-new"


def paths(guest):
    """``{release: path of its initramfs}`` of the installed kernels that have one."""
    found = {release: kernels.initramfs(guest, release) for release in kernels.installed(guest)}
    return {release: path for release, path in found.items() if path}


def dracut(guest, run):
    """Build every image by dracut beside the old one, then put it in its place.

    run
        ``run(argv, timeout)``; raises when the program fails.
    """
    for release, path in paths(guest).items():
        real = guest.path(path)
        new = real + _NEW
        try:
            run(("dracut", "--force", new, release), TIMEOUT)
            with open(new, "rb") as file:
                os.fsync(file.fileno())
            os.replace(new, real)
            images.sync_dir(os.path.dirname(real))
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)


def keep(guest, folder, number):
    """Copy all images into a journal's folder; durable before this returns.

    Returns ``{"boot_images": [{"path", "copy", "was", "kernel_path", "kernel"}, …]}``: ``was``
    and ``kernel`` identify the image and its kernel as they stand.
    """
    kept = []
    installed = kernels.installed(guest)
    for i, (release, path) in enumerate(sorted(paths(guest).items())):
        copy = f"{number}.image{i}"
        shutil.copyfile(guest.path(path), os.path.join(folder, copy))
        _sync(os.path.join(folder, copy))
        kept.append(
            {
                "path": path,
                "copy": copy,
                "was": _identity(guest.path(path)),
                "kernel_path": installed[release],
                "kernel": _identity(guest.path(installed[release])),
            }
        )
    images.sync_dir(folder)
    return {"boot_images": kept}


def made(guest):
    """What identifies the images now, to be told from those of others at an undo."""
    return {path: _identity(guest.path(path)) for path in paths(guest).values()}


def restore(guest, record, folder):
    """Put back the images that a rebuild has replaced.

    One that somebody else has made since is left: of another kernel, or after our rebuild.
    """
    after = record.get("after")
    for one in record["boot_images"]:
        real = guest.path(one["path"])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(real + _NEW)
        now = _identity(real)
        if now == one["was"] or _identity(guest.path(one["kernel_path"])) != one["kernel"]:
            continue
        if after is not None and now not in (None, after.get(one["path"])):
            continue
        _put(os.path.join(folder, one["copy"]), real, one["was"])


def _put(copy, real, was):
    new = real + _NEW
    try:
        shutil.copyfile(copy, new)
        os.chmod(new, was["mode"])
        os.chown(new, was["uid"], was["gid"])
        os.utime(new, ns=(was["mtime_ns"], was["mtime_ns"]))
        _sync(new)
        os.replace(new, real)
        images.sync_dir(os.path.dirname(real))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)


def _identity(real):
    """What tells one file from another at a path; ``None`` where there is none."""
    try:
        info = os.stat(real)
    except FileNotFoundError:
        return None
    return {
        "ino": info.st_ino,
        "size": info.st_size,
        "mtime_ns": info.st_mtime_ns,
        "mode": info.st_mode & 0o7777,
        "uid": info.st_uid,
        "gid": info.st_gid,
    }


def _sync(real):
    fd = os.open(real, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
