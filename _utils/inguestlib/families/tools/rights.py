"""Who could change what lies at a path: root alone, or others."""

WRITABLE = 0o022  # by group and others


def loose(meta):
    """Whether others than root own it or may write to it."""
    return bool(meta.uid or meta.mode & WRITABLE)


def folder(guest, path):
    """Why others than root could change what lies in a folder, or ``""``: it and those above it."""
    if not path.startswith("/"):
        return "not an absolute path"
    parts = [part for part in path.split("/") if part]
    for depth in range(1, len(parts) + 1):
        here = "/" + "/".join(parts[:depth])
        meta = guest.stat(here)
        if meta is None:
            return f"{here} does not exist"
        if loose(meta):
            return f"{here} is owned by uid {meta.uid}, mode {meta.mode:04o}"
    return ""
