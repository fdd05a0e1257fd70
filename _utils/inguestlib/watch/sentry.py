"""One quiet pass: which marks moved, and which families they concern.

Written for speed, because it runs every few seconds in the minion's own process. One ``lstat`` for
each file and each directory; of what was not there, and of links, only the directory that would
hold it, for a name can't come or go without moving its directory's time. A file below ``/usr`` is
seen at once when it is replaced, as package managers do, for the same reason; one that is edited
in place within :data:`TURNS` passes. So are the kernel's tables of addresses and routes.
"""

import os
import time

from inguestlib.watch import marks

TURNS = 8  # passes, in which each file below /usr gets its look
_SIGNS = {
    "file": marks.full,
    "names": marks.full,
    "step": marks.identity,
    "gone": marks.identity,
    "link": marks.link,
}


class Sentry:
    """All families' marks, ready to be compared with the machine.

    root
        Where the guest's paths lie, ``/`` for the machine itself.
    families
        ``{family: {how: {path: signature}}}`` as :func:`inguestlib.watch.marks.of_guest` gives it.
    """

    def __init__(self, root, families):
        self._prefix = "" if root == "/" else root
        self._live = root == "/"
        merged = {}
        self._concerns = {}
        for family, hows in families.items():
            for how, found in hows.items():
                mine = merged.setdefault(how, {})
                for path, sign in found.items():
                    sign = tuple(sign) if isinstance(sign, (list, tuple)) else sign
                    if mine.setdefault(path, sign) != sign:
                        mine[path] = marks.UNSURE  # it moved between two families
                    self._concerns.setdefault((how, path), set()).add(family)
        # Size, mode and owner can't move without the time of change.
        files = [
            (real, mark, *((None,) * 3 if sign == marks.UNSURE else (sign[0], *sign[2:4])))
            for real, mark, sign in self._listed(merged, "file")
        ]
        texts = self._listed(merged, "text")
        self._files, self._vendors = _shared(files, _vendors)
        self._texts, self._tables = _shared(texts, _slow)
        self._turn = None  # the first pass looks at all
        self._folders = self._grouped(merged)
        self._units = [
            (self._prefix + path, ("units", path), sign if sign is marks.UNSURE else sign[0])
            for path, sign in merged.get("units", {}).items()
        ]

    def __len__(self):
        return len(self._concerns)

    def _listed(self, merged, *hows):
        return [
            (self._prefix + path, (how, path), sign)
            for how in hows
            for path, sign in sorted(merged.get(how, {}).items())
        ]

    def _grouped(self, merged):
        """``{directory: [its last signature or None, [(path, mark, signature), …]]}``.

        As long as a directory's times stay, none of its marks needs a look: those of itself,
        and those of the names in it. A device is a group of its own.
        """
        folders = {}
        for how in ("names", "step", "gone", "link", "file"):
            for path, sign in merged.get(how, {}).items():
                if how == "file" and not _vendors(path):
                    continue
                # procfs has no times to go by: each of these is a group of its own
                alone = how in ("names", "step") or (self._live and path.startswith("/proc/"))
                folder = self._prefix + (path if alone else path.rpartition("/")[0] or "/")
                group = folders.setdefault(folder, [None, []])
                group[1].append((self._prefix + path, (how, path), sign))
        return folders

    def moved(self):
        """The marks that are not as they were: ``[(how, path), …]``; one may come twice."""
        lstat = os.lstat
        found = []
        files, texts = self._due()
        for real, mark, inode, written, changed in files:
            try:
                i = lstat(real)
            except OSError:
                found.append(mark)
                continue
            if i.st_ctime_ns != changed or i.st_mtime_ns != written or i.st_ino != inode:
                found.append(mark)
        for folder, group in self._folders.items():
            try:
                i = lstat(folder)
                now = (i.st_ino, i.st_mtime_ns, i.st_ctime_ns)
            except OSError:
                now = None
            if now is None or now != group[0]:
                group[0] = self._settled(now) if self._entries_moved(group[1], found) else None
        for real, mark, want in texts:
            if marks.text(real) != want:
                found.append(mark)
        for real, mark, want in self._units:
            if marks.full(marks.look(real)) != _tuple(want):
                found.append(mark)
        return found

    def _due(self):
        """The files and the texts of this pass."""
        if self._turn is None:
            self._turn = 0
            return self._files + sum(self._vendors, []), self._texts + sum(self._tables, [])
        turn = self._turn = (self._turn + 1) % TURNS
        return self._files + self._vendors[turn], self._texts + self._tables[turn]

    def _entries_moved(self, entries, found):
        """Add the marks of a directory that moved; whether there was none."""
        before = len(found)
        for real, mark, want in entries:
            info = marks.look(real)
            if (info and _SIGNS[mark[0]](info)) != want:
                found.append(mark)
        return len(found) == before

    @staticmethod
    def _settled(now):
        """The signature, unless a name could still come within its tick of the kernel's clock."""
        return now if now and now[2] < time.time_ns() - marks.TICK else None

    def concerned(self, moved):
        """The families that depend on these marks, a set."""
        return set().union(*(self._concerns.get(mark, ()) for mark in moved))


def _vendors(path):
    """Whether a file is its package's: replaced, which moves its directory, and seldom edited."""
    return path.startswith("/usr/") and not path.startswith("/usr/local/")


def _slow(path):
    """Whether it is a long table of the kernel's network, or one that only a boot changes."""
    return path.startswith("/proc/net/") or path == "/proc/cmdline"


def _shared(rows, seldom):
    """Those that every pass looks at, and the others, shared among the turns."""
    others = [row for row in rows if seldom(row[1][1])]
    return (
        [row for row in rows if not seldom(row[1][1])],
        [others[turn::TURNS] for turn in range(TURNS)],
    )


def _tuple(sign):
    return tuple(sign) if isinstance(sign, (list, tuple)) else sign
