"""The one door to a machine, live or an offline tree.

Nothing else in the core opens a file or starts a process. Every answer is kept
for the life of the :class:`Guest`, which is one audit: the families may ask as
often as they like.
"""

import contextlib
import errno
import fnmatch
import os
import stat as _stat
from functools import cached_property
from typing import NamedTuple

from inguestlib import asked, distro, fsflags, identity, packages, procfs
from inguestlib.command import GuestError, run

_POPULATED = ("/etc", "/usr")
MAX_LINKS = 40  # as the kernel: ELOOP after that


class Meta(NamedTuple):
    """What ``lstat`` says of a path. ``mode`` holds the permission bits only."""

    kind: str  # file, dir, link, other
    mode: int
    uid: int
    gid: int
    size: int
    mtime: float
    ino: int
    dev: int
    target: str | None = None


class Guest:
    """Reads a machine.

    root
        ``/`` is the live machine; any other directory is an offline tree (a
        mounted image, a chroot). Paths are the guest's own: absolute, without the
        root. In an offline tree a symbolic link is followed inside the root and
        never out of it.

    Raises :class:`GuestError` when the root is not a directory.
    """

    def __init__(self, root="/"):
        self.root = os.path.realpath(root)
        if not os.path.isdir(self.root):
            raise GuestError(errno.ENOTDIR, "the root is not a directory", root)
        self.live = self.root == "/"
        self._memo = {}
        self._infos = {}
        self._resolved = {}
        self._opened = set()

    def __repr__(self):
        return f"Guest(root={self.root!r})"

    # ---- memory ------------------------------------------------------------------------

    def once(self, key, question):
        """The answer of ``question()``, asked once for each ``key``; errors are kept as well."""
        if key not in self._memo:
            try:
                self._memo[key] = (question(), None)
            except OSError as exc:
                self._memo[key] = (None, exc)
        answer, error = self._memo[key]
        if error is not None:
            raise error
        return answer

    @property
    def asked(self):
        """``{guest path: {kind, …}}``: what the answers depend on; see :mod:`inguestlib.asked`."""
        return asked.paths(self._memo, self._opened)

    @property
    def steps(self):
        """``{guest path: what lstat said, or None}`` of every component that was looked at."""
        return self._infos

    def recall(self, key):
        """The answer that :meth:`once` has for ``key``; ``None`` where nobody asked."""
        return self._memo.get(key, (None, None))[0]

    # ---- paths -------------------------------------------------------------------------

    def _real(self, guest_path):
        """The host's path of a guest path whose links are already resolved."""
        return guest_path if self.live else self.root + guest_path

    def _lstat(self, guest_path):
        if guest_path not in self._infos:
            try:
                self._infos[guest_path] = os.lstat(self._real(guest_path))
            except (OSError, ValueError) as exc:
                if not _no_such(exc):
                    raise
                self._infos[guest_path] = None
        return self._infos[guest_path]

    def _follow(self, path, last=True, missing_ok=False):
        """A guest path without links, resolved inside the root.

        ``last`` also follows the final component. Dangling gives ``None``, or with
        ``missing_ok`` the path that would be made.
        """
        todo = [part for part in path.split("/") if part not in ("", ".")][::-1]
        done, links = [], 0
        while todo:
            part = todo.pop()
            if part == "..":
                if done:
                    done.pop()
                continue
            here = "/" + "/".join([*done, part])
            info = self._lstat(here)
            if info is None:
                if not missing_ok:
                    return None
                done.append(part)
                continue
            if _stat.S_ISLNK(info.st_mode) and (todo or last):
                links += 1
                if links > MAX_LINKS:
                    return None
                target = os.readlink(self._real(here))
                if target.startswith("/"):
                    done = []
                todo.extend(p for p in target.split("/")[::-1] if p not in ("", "."))
                continue
            done.append(part)
        return "/" + "/".join(done)

    def _checked(self, path):
        if not path.startswith("/"):
            raise GuestError(errno.EINVAL, "a guest path is absolute", path)
        return os.path.normpath(path) if "//" in path or path.endswith("/") else path

    def resolve(self, path):
        """The guest path after all links, or ``None`` when it does not exist."""
        if path not in self._resolved:
            self._resolved[path] = self._resolve(self._checked(path))
        return self._resolved[path]

    def _resolve(self, path):
        """As :meth:`_follow`; what lies beside something known costs one look."""
        parent, _, name = path.rpartition("/")
        if not parent or name in ("", ".", "..") or path.count("/") > MAX_LINKS:
            return self._follow(path)
        base = self.resolve(parent)
        if base is None:
            return None
        here = f"{base if base != '/' else ''}/{name}"
        info = self._lstat(here)
        if info is None:
            return None
        return self._follow(here) if _stat.S_ISLNK(info.st_mode) else here

    def path(self, path, follow=True):
        """The host's path for a guest path, resolved inside the root.

        What does not exist is named as it would be made. For the rare caller that
        has to open something by itself, and for the changes.
        """
        self._opened.add(path)
        inside = self._follow(self._checked(path), last=follow, missing_ok=True)
        if inside is None:
            raise GuestError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        return self._real(inside)

    # ---- files -------------------------------------------------------------------------

    def read_bytes(self, path):
        """The file's content, or ``None`` where there is none.

        Raises :class:`GuestError` when it is there and cannot be read.
        """
        path = self._checked(path)

        def read():
            real = self._real(path) if self.live else None
            if real is None:
                inside = self.resolve(path)
                if inside is None:
                    return None
                real = self._real(inside)
            try:
                # O_NONBLOCK: a fifo or a device in a strange tree must not hang the audit.
                fd = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            except (OSError, ValueError) as exc:
                if _no_such(exc):
                    return None
                raise GuestError(exc.errno, exc.strerror, path) from exc
            try:
                info = os.fstat(fd)
                if not _stat.S_ISREG(info.st_mode):
                    raise GuestError(errno.EINVAL, "not a regular file", path)
                # One byte more than there should be: then a full read proves its own end.
                data = os.read(fd, min(info.st_size or 1 << 16, 1 << 24) + 1)
                if len(data) == info.st_size or not data:
                    return data
                chunks = [data]  # of /proc or /sys, or it is long, or it grew
                while chunk := os.read(fd, 1 << 18):
                    chunks.append(chunk)
                return b"".join(chunks)
            except GuestError:
                raise
            except OSError as exc:
                raise GuestError(exc.errno, exc.strerror, path) from exc
            finally:
                os.close(fd)

        return self.once(("read", path), read)

    def read(self, path):
        """The file's text (UTF-8; foreign bytes survive a round trip), or ``None``."""
        data = self.read_bytes(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def read_head(self, path, size):
        """The first ``size`` bytes of a file or a device, or ``None`` where there is none.

        Raises :class:`GuestError` when it is there and cannot be read.
        """

        def read():
            try:
                with open(self.path(path), "rb") as file:
                    return file.read(size)
            except (OSError, ValueError) as exc:
                if _no_such(exc):
                    return None
                raise GuestError(exc.errno, exc.strerror, path) from exc

        return self.once(("head", path, size), read)

    def lines(self, path):
        """``[(1, first line), …]`` without newlines; ``[]`` where there is no file."""
        text = self.read(path)
        return [] if text is None else list(enumerate(text.split("\n"), 1))[: _count(text)]

    def lstat(self, path):
        """:class:`Meta` of the path itself, links in its directories followed, or ``None``."""
        path = self._checked(path)

        def look():
            inside = path if self.live else self._follow(path, last=False)
            info = None if inside is None else self._lstat(inside)
            return None if info is None else self._meta(inside, info)

        return self.once(("lstat", path), look)

    def stat(self, path):
        """:class:`Meta` of what the path leads to, or ``None``."""
        inside = self.resolve(path)
        return None if inside is None else self.lstat(inside)

    def _meta(self, inside, info):
        kinds = {_stat.S_IFREG: "file", _stat.S_IFDIR: "dir", _stat.S_IFLNK: "link"}
        kind = kinds.get(_stat.S_IFMT(info.st_mode), "other")
        return Meta(
            kind,
            _stat.S_IMODE(info.st_mode),
            info.st_uid,
            info.st_gid,
            info.st_size,
            info.st_mtime,
            info.st_ino,
            info.st_dev,
            os.readlink(self._real(inside)) if kind == "link" else None,
        )

    def exists(self, path):
        """Whether the path leads to something."""
        return self.stat(path) is not None

    def is_dir(self, path):
        """Whether the path leads to a directory."""
        meta = self.stat(path)
        return meta is not None and meta.kind == "dir"

    def readlink(self, path):
        """The text of a symbolic link, or ``None`` when it is not one."""
        meta = self.lstat(path)
        return meta.target if meta else None

    def listdir(self, path):
        """The sorted names in a directory; ``[]`` where there is none."""
        path = self._checked(path)

        def names():
            inside = path if self.live else self.resolve(path)
            if inside is None:
                return []
            try:
                return sorted(os.listdir(self._real(inside)))
            except (OSError, ValueError) as exc:
                if _no_such(exc):
                    return []
                raise GuestError(exc.errno, exc.strerror, path) from exc

        return self.once(("list", path), names)

    def entries(self, path, sizes=False):
        """``{name: kind}`` of a directory (``file``, ``dir``, ``link``, ``other``), ``{}`` if none.

        One listing, no stat for each entry: the directory itself holds the kinds. With
        ``sizes`` a file that holds nothing is of the kind ``empty``.
        """
        path = self._checked(path)

        def kind(entry):
            if entry.is_symlink():
                return "link"
            if entry.is_dir(follow_symlinks=False):
                return "dir"
            if not entry.is_file(follow_symlinks=False):
                return "other"
            return "empty" if sizes and not entry.stat(follow_symlinks=False).st_size else "file"

        def look():
            inside = path if self.live else self.resolve(path)
            if inside is None:
                return {}
            try:
                with os.scandir(self._real(inside)) as listing:
                    return {e.name: kind(e) for e in sorted(listing, key=lambda e: e.name)}
            except (OSError, ValueError) as exc:
                if _no_such(exc):
                    return {}
                raise GuestError(exc.errno, exc.strerror, path) from exc

        return self.once(("entries", path, sizes), look)

    def glob(self, pattern):
        """Sorted guest paths that match a shell pattern; ``*`` stays in one directory."""
        return list(self.once(("glob", pattern), lambda: self._glob(pattern)))

    def _glob(self, pattern):
        found = ["/"]
        for part in [p for p in self._checked(pattern).split("/") if p]:
            grown = []
            for base in found:
                prefix = base.rstrip("/")
                if any(c in part for c in "*?["):
                    names = fnmatch.filter(self.listdir(base), part)
                    hidden = part.startswith(".")
                    grown += [f"{prefix}/{n}" for n in names if hidden or not n.startswith(".")]
                elif self.lstat(f"{prefix}/{part}") is not None:
                    grown.append(f"{prefix}/{part}")
            found = grown
        return sorted(found)

    def immutable(self, path):
        """Whether the immutable attribute is set; ``None`` where that can't be known."""

        def look():
            inside = self.resolve(path)
            return None if inside is None else fsflags.immutable(self._real(inside))

        return self.once(("immutable", path), look)

    # ---- the guest as a whole ----------------------------------------------------------

    @cached_property
    def hostname(self):
        """The live node name, or what ``/etc/hostname`` of the tree says."""
        if self.live:
            return os.uname().nodename
        return self._first_text("/etc/hostname").strip()

    @cached_property
    def distro(self):
        """:class:`inguestlib.distro.Distro` from os-release(5)."""
        return distro.parse(self._first_text("/etc/os-release", "/usr/lib/os-release"))

    def _first_text(self, *paths):
        """The first text that is there and can be read, or ``""``: an audit goes on without."""
        for path in paths:
            with contextlib.suppress(OSError):
                if text := self.read(path):
                    return text
        return ""

    @cached_property
    def init(self):
        """``systemd``, ``openrc``, ``sysv`` or ``unknown``.

        Live it is the one that runs (sd_booted(3) looks for the same directory);
        offline the one that ``/sbin/init`` would start.
        """
        if self.live:
            if self.is_dir("/run/systemd/system"):
                return "systemd"
            return "openrc" if self.is_dir("/run/openrc") else "unknown"
        init = self.resolve("/sbin/init") or ""
        if init.endswith("/systemd"):
            return "systemd"
        if "openrc" in init or self.exists("/sbin/openrc"):
            return "openrc"
        if self.exists("/etc/inittab"):
            return "sysv"
        # An image for containers has no init but may well have systemd's units.
        return "systemd" if self.exists("/usr/lib/systemd/systemd") else "unknown"

    @cached_property
    def container(self):
        """The container manager that runs this guest, as systemd names it, or ``""``."""
        if not self.live:
            return ""
        named = (self.read("/run/systemd/container") or "").strip()
        if named:
            return named
        if self.exists("/.dockerenv"):
            return "docker"
        return "podman" if self.exists("/run/.containerenv") else ""

    @cached_property
    def hypervisor(self):
        """``vmware``, ``other`` or, where nothing tells, ``unknown``; ``None`` offline.

        The SMBIOS vendor tells, as it does systemd-detect-virt(1). An image may be made anywhere:
        offline the question makes no sense.
        """
        if not self.live:
            return None
        vendor = self._first_text(
            "/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/board_vendor"
        ).strip()
        if not vendor:
            return "unknown"
        return "vmware" if vendor.startswith("VMware") else "other"

    @cached_property
    def kernel(self):
        """The running kernel's release; ``None`` offline."""
        return os.uname().release if self.live else None

    @cached_property
    def populated(self):
        """Whether the root holds a system at all: an image that is not mounted does not."""
        # Not by listdir: else each family would depend on every name in these.
        folders = [inside for path in _POPULATED if (inside := self.resolve(path))]
        return any(os.path.isdir(real) and os.listdir(real) for real in map(self._real, folders))

    def summary(self):
        """The facts of the guest as a whole, plain data."""
        return {
            "hostname": self.hostname,
            "root": self.root,
            "live": self.live,
            "os": self.distro.to_dict(),
            "init": self.init,
            "container": self.container,
            "hypervisor": self.hypervisor,
            "kernel": self.kernel,
            "privileged": os.geteuid() == 0,
            "populated": self.populated,
            "identity": identity.observe(self),
        }

    # ---- packages, processes, sockets, units -------------------------------------------

    @cached_property
    def packages(self):
        """``{name: Package}`` of what is installed; see :mod:`inguestlib.packages`.

        Raises :class:`GuestError` when the tree has no package database that can be read.
        """
        return packages.installed(self)

    @cached_property
    def processes(self):
        """The running processes, ``()`` offline; see :mod:`inguestlib.procfs`."""
        return procfs.processes() if self.live else ()

    @cached_property
    def sockets(self):
        """Listening TCP and bound UDP sockets, ``()`` offline."""
        return procfs.sockets(self.processes) if self.live else ()

    @cached_property
    def units(self):
        """The systemd units; see :mod:`inguestlib.systemd`."""
        from inguestlib.systemd import Units

        return Units(self)

    def ask(self, argv, timeout=10):
        """Run a command of the live guest and keep its :class:`Answer`.

        Only for what no file and no socket answers. Raises :class:`GuestError` offline,
        when the command is missing, or after ``timeout`` seconds.
        """
        argv = tuple(argv)
        if not self.live:
            raise GuestError(errno.ENOTSUP, "an offline root runs nothing", argv[0])
        return self.once(("ask", argv), lambda: run(argv, timeout))


def _no_such(exc):
    """Whether an error says that nothing can be there; a configuration may name anything."""
    if isinstance(exc, ValueError):  # a zero byte, or text that no file name can be
        return True
    return exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


def _count(text):
    """How many lines a text has; a last newline begins no further line."""
    return text.count("\n") + (not text.endswith("\n") and text != "")
