"""The git revision of the states that a guest is kept by, where it is known.

Over a master it is only known when the pillar says it. A minion that reads its states from a
checkout of its own sees it there: in the files of git, for no program may be started for it.
"""

import os
import re

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_LINKS = 5  # symbolic references that are followed


def known(pillar, opts):
    """The revision, or ``None``.

    pillar
        The pillar ``inguest:``, or ``None``; its ``revision`` comes first.
    opts
        The minion's options: where ``file_client`` is ``local``, the ``file_roots`` of the
        ``saltenv`` are looked at.
    """
    said = (pillar or {}).get("revision")
    if said:
        return str(said)
    if opts.get("file_client") != "local":
        return None
    roots = (opts.get("file_roots") or {}).get(opts.get("saltenv") or "base") or []
    for root in roots:
        found = of_checkout(root)
        if found:
            return found
    return None


def of_checkout(folder):
    """The revision of the checkout that a folder is part of, or ``None``."""
    git = _git(os.path.abspath(folder))
    if git is None:
        return None
    shared = _text(os.path.join(git, "commondir"))  # a worktree keeps its branches elsewhere
    common = os.path.normpath(os.path.join(git, shared)) if shared else git
    name = "HEAD"
    for _ in range(_LINKS):
        home = git if name == "HEAD" else common
        text = _text(os.path.join(home, name)) or _packed(common, name)
        if not text.startswith("ref:"):
            return text if _HASH.match(text) else None
        name = os.path.normpath(text[4:].strip())
        if not name.startswith("refs/"):
            return None
    return None


def _git(folder):
    """The directory of git's own files, for the nearest folder upwards that has one."""
    while True:
        git = os.path.join(folder, ".git")
        if os.path.isdir(git):
            return git
        text = _text(git)
        if text.startswith("gitdir:"):
            return os.path.normpath(os.path.join(folder, text[7:].strip()))
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _packed(common, name):
    for line in _text(os.path.join(common, "packed-refs")).splitlines():
        revision, _, ref = line.partition(" ")
        if ref == name:
            return revision
    return ""


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
