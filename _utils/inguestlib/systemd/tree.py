"""The directories of unit files: search path, precedence, links. Listings only, nothing parsed."""

import os
from functools import cached_property
from typing import NamedTuple

from inguestlib.systemd import names

# systemd.unit(5), "System Unit Search Path", highest precedence first. ``/lib`` is a
# directory of its own only where /usr is not merged; there it is the build's own directory.
SEARCH_PATH = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
)
CONFIG = "/etc/systemd/system"
GENERATORS = (
    "/run/systemd/generator.early",
    "/run/systemd/generator",
    "/run/systemd/generator.late",
)
GENERATED_LATE = "/run/systemd/generator.late"
TRANSIENT = "/run/systemd/transient"

_DEPENDENCY_DIRS = (".wants", ".requires", ".upholds")


class UnitDir(NamedTuple):
    """One existing directory of the search path and what lies in it."""

    path: str
    entries: dict

    @property
    def runtime(self):
        """Whether what it holds is gone after a reboot."""
        return self.path.startswith("/run/")


class Tree:
    """The unit files of a guest by name."""

    def __init__(self, guest):
        self.guest = guest

    @cached_property
    def dirs(self):
        """The :class:`UnitDir` that exist, in order of precedence."""
        out, seen = [], set()
        for path in SEARCH_PATH:
            real = self.guest.resolve(path)
            if real is None or (path == "/lib/systemd/system" and real.startswith("/usr/")):
                continue
            if real not in seen:
                seen.add(real)
                out.append(UnitDir(path, self.guest.entries(path, sizes=True)))
        return tuple(out)

    @cached_property
    def _expanded(self):
        """The search path with and without its links resolved, for telling alias from link."""
        out = []
        for path in SEARCH_PATH:
            out += [path, self.guest.resolve(path) or path]
        return tuple(dict.fromkeys(out))

    @cached_property
    def _index(self):
        """``(files, dropin_dirs)``: names to paths, highest precedence first."""
        files, dropin_dirs = {}, {}
        for directory in self.dirs:
            for name, kind in directory.entries.items():
                if name.endswith(".d"):
                    if kind in ("dir", "link"):
                        dropin_dirs.setdefault(name, []).append(f"{directory.path}/{name}")
                elif kind != "dir":
                    files.setdefault(name, []).append(f"{directory.path}/{name}")
        return files, dropin_dirs

    @cached_property
    def plain(self):
        """``{name: path}`` of the names that a regular file has first: no link, no mask."""
        first = {name: paths[0] for name, paths in self._index[0].items()}
        return {name: path for name, path in first.items() if self.kind(path) == "file"}

    def places(self, name):
        """The paths of the files and links of that name, highest precedence first."""
        return self._index[0].get(name, ())

    def names(self):
        """All names that have a file or a link, sorted."""
        return sorted(name for name in self._index[0] if names.is_valid(name))

    def target(self, path):
        """Where a link in the tree leads, its last component not followed; ``None``: no link."""
        text = self.guest.readlink(path)
        if text is None:
            return None
        parent, _, base = os.path.normpath(os.path.join(os.path.dirname(path), text)).rpartition(
            "/"
        )
        return f"{self.guest.resolve(parent or '/') or parent}".rstrip("/") + "/" + base

    def kind(self, path):
        """``file``, ``empty``, ``link``, ``dir``, ``other``, or ``None`` where there is nothing."""
        parent, _, name = path.rpartition("/")
        directory = self._by_path.get(parent)
        if directory is not None:
            return directory.entries.get(name)
        meta = self.guest.lstat(path)
        if meta is None:
            return None
        return "empty" if meta.kind == "file" and not meta.size else meta.kind

    @cached_property
    def _by_path(self):
        return {directory.path: directory for directory in self.dirs}

    def inside(self, path):
        """Whether a path lies below a directory of the search path."""
        return any(path.startswith(directory + "/") for directory in self._expanded)

    def nothing(self, path):
        """Whether a path leads to /dev/null or to an empty file: systemd's way to mask."""
        if path == "/dev/null":
            return True
        kind = self.kind(path)
        if kind != "link":
            return kind in ("empty", "other")
        meta = self.guest.stat(path)
        return meta is not None and (
            meta.kind == "other" or (meta.kind == "file" and not meta.size)
        )

    # ---- links by what they say ----------------------------------------------------------

    @cached_property
    def links(self):
        """``{directory: {name: target}}`` of the links that lie directly in the search path."""
        out = {}
        for directory in self.dirs:
            found = {}
            for name, kind in directory.entries.items():
                if kind == "link" and names.is_valid(name):
                    target = self.guest.readlink(f"{directory.path}/{name}")
                    if target is not None:
                        found[name] = target
            out[directory.path] = found
        return out

    @cached_property
    def links_to(self):
        """``{directory: {basename of the target: [names]}}``."""
        out = {}
        for path, found in self.links.items():
            back = out.setdefault(path, {})
            for name, target in found.items():
                back.setdefault(target.rpartition("/")[2], []).append(name)
        return out

    @cached_property
    def dependency_dirs(self):
        """``{"multi-user.target.wants": [(UnitDir, {entry: kind}), …]}`` over the search path."""
        out = {}
        for directory in self.dirs:
            for name, kind in directory.entries.items():
                if name.endswith(_DEPENDENCY_DIRS) and kind in ("dir", "link"):
                    found = self.guest.entries(f"{directory.path}/{name}")
                    if found:
                        out.setdefault(name, []).append((directory, found))
        return out

    @cached_property
    def wanted(self):
        """``{directory: {entry: [dependency directories]}}``: the links that enable units."""
        out = {directory.path: {} for directory in self.dirs}
        for name, places in self.dependency_dirs.items():
            for directory, found in places:
                if directory.entries[name] != "dir":
                    continue  # systemctl looks at real directories only
                for entry, kind in found.items():
                    if kind == "link":
                        out[directory.path].setdefault(entry, []).append(name)
        return out

    # ---- drop-ins ------------------------------------------------------------------------

    @cached_property
    def _order(self):
        return [directory.path for directory in self.dirs]

    def dropins(self, groups, kind=""):
        """The ``*.conf`` paths of ``<stem>.d`` directories in the order in which they are read.

        Sorted by file name over all directories; of two with the same name the one in the
        directory of higher precedence counts.

        groups
            One list of stems for each name of the unit, its own name first.
        kind
            Adds the directories of the whole type (``service.d``), last.
        """
        known = self._index[1]
        found = []
        for stems in groups:
            mine = [path for stem in stems for path in known.get(stem + ".d", ())]
            if len(mine) > 1:  # by the search path first, then by how specific the name is
                mine.sort(key=lambda path: self._order.index(path.rpartition("/")[0]))
            found += mine
        found += known.get(kind + ".d", ())
        if not found:
            return ()
        chosen = {}
        for path in found:
            for entry, what in self.guest.entries(path).items():
                if entry.endswith(".conf") and what != "dir" and entry[0] != ".":
                    chosen.setdefault(entry, f"{path}/{entry}")
        return tuple(chosen[name] for name in sorted(chosen))
