"""Do a change on a guest, through Salt's own execution functions, and say what it will do.

``preview`` is what both ``test=True`` and the real run show, so they cannot differ.
"""

import difflib
import errno

from inguestlib import bootimages, efivars, keyfile, pkgchange
from inguestlib.changes import (
    REFRESHES,
    BootOrder,
    ChangeError,
    File,
    Link,
    Package,
    Refresh,
    Sysctl,
    Unit,
)
from inguestlib.command import GuestError
from inguestlib.redact import HIDDEN, redacted
from inguestlib.secrets import filled, forms


class EffectError(Exception):
    """A change could not be done; the message names its target and the reason."""


# ---- pure: what a file will hold -----------------------------------------------------------


def _markers(marker):
    return f"# BEGIN inguest {marker}", f"# END inguest {marker}"


def rendered(change, old):
    """The text that a :class:`~inguestlib.changes.File` makes of ``old`` (``None``: no file).

    Returns ``None`` for an absent file. Raises :class:`ChangeError` when a line to edit
    isn't what it was when the drift was found.
    """
    if change.absent:
        return None
    if change.content is not None:
        return change.content
    if change.block is not None:
        return _with_block(change, old or "")
    if change.edits:
        old = _edited(change, old)
    return _set(change, old) if change.settings else old


def _with_block(change, old):
    begin, end = _markers(change.marker)
    lines = old.splitlines(keepends=True)
    bare = [line.rstrip("\r\n") for line in lines]
    if begin in bare and end in bare[bare.index(begin) :]:
        first = bare.index(begin)
        last = bare.index(end, first)
        before, after = lines[:first], lines[last + 1 :]
    else:
        before, after = lines, []
    block = []
    if change.block:
        block = [f"{begin}\n", change.block.rstrip("\n") + "\n", f"{end}\n"]
        if before and not before[-1].endswith("\n"):
            before[-1] += "\n"
    return "".join([*before, *block, *after])


def _set(change, old):
    settings = [(s.group, s.key, s.value) for s in change.settings]
    if old is None and all(value is None for _group, _key, value in settings):
        return None
    try:
        return keyfile.edited(old or "", settings)
    except keyfile.Rejected as exc:
        raise ChangeError(f"{change.path}: GLib refuses it: {exc}") from exc


def _edited(change, old):
    if old is None:
        if any(edit.line for edit in change.edits):
            raise ChangeError(f"{change.path}: is gone since it was observed")
        old = ""
    lines = old.split("\n")
    ends_with_newline = lines[-1] == ""
    if ends_with_newline:
        lines.pop()
    out = list(lines)
    for edit in sorted(change.edits, key=lambda e: e.line, reverse=True):
        if edit.line == 0:
            continue
        if edit.line > len(lines) or not _is(lines[edit.line - 1], edit.old or ""):
            raise ChangeError(
                f"{change.path}:{edit.line}: changed since it was observed; run it again"
            )
        if edit.new and HIDDEN in edit.new and HIDDEN not in lines[edit.line - 1]:
            raise ChangeError(f"{change.path}:{edit.line}: holds a credential that can't be kept")
        new = None if edit.new is None else _kept(lines[edit.line - 1], edit.new)
        out[edit.line - 1 : edit.line] = [] if new is None else new.split("\n")
    for edit in change.edits:
        if edit.line == 0 and edit.new is not None:
            out.extend(edit.new.split("\n"))
    return "".join(line + "\n" for line in out[:-1]) + (
        out[-1] + ("\n" if ends_with_newline or change.edits[-1].line == 0 else "") if out else ""
    )


def _is(line, old):
    """Whether a line is what was observed: facts hold foreign bytes and credentials masked."""
    seen, old = _visible(line), _visible(old)
    return seen == old or redacted(seen) == old


def _kept(old, new):
    """A line's new text in which the foreign bytes of the old one are bytes again."""
    for char in {c for c in old if "\udc80" <= c <= "\udcff"}:
        new = new.replace(_visible(char), char)
    return new


def _visible(text):
    # Facts show foreign bytes as \xNN (see audit.plain); compare what was shown.
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def preview(change, guest, secrets=()):
    """What a change will do to this guest, plain data for a state's ``changes``.

    A file's difference is shown without context lines: a neighbour may be a secret. What is
    one by its place, or because the policy holds it (``secrets``: ``{key: Secret}``), is masked.
    """
    if isinstance(change, File):
        return _file_preview(change, guest, dict(secrets))
    if isinstance(change, Link):
        meta = guest.lstat(change.path)
        return {"old": meta and (meta.target or meta.kind), "new": change.to}
    if isinstance(change, Package):
        return pkgchange.preview(change, guest)
    if isinstance(change, Sysctl):
        old = guest.read("/proc/sys/" + change.name.replace(".", "/"))
        return {"old": old and old.strip(), "new": change.value}
    if isinstance(change, BootOrder):
        return {"old": " ".join(efivars.order(guest)), "new": " ".join(change.order)}
    return {"new": change.describe()}


def _file_preview(change, guest, secrets):
    if change.absent:
        meta = guest.lstat(change.path)
        return {"old": meta and meta.kind, "new": "absent"}
    replaced = change.replace_link and guest.readlink(change.path) is not None
    meta = guest.lstat(change.path) if replaced else guest.stat(change.path)
    old = None if replaced else _text(guest, change.path, meta)
    new = rendered(filled(change, secrets), old)
    shown = {}
    if replaced:
        shown["link"] = f"{meta.target} -> a regular file"
    if old != new:
        lines = difflib.unified_diff(
            _visible(old or "").splitlines(), _visible(new or "").splitlines(), lineterm="", n=0
        )
        shown["diff"] = _masked("\n".join(list(lines)[2:]), secrets)
    wanted = {"mode": change.mode, "user": change.user, "group": change.group}
    have = {}
    if meta:
        have = {"mode": f"{meta.mode:04o}", "user": meta.uid, "group": meta.gid}
    for name, value in wanted.items():
        if value is not None and have.get(name) != value:
            shown[name] = f"{have.get(name)} -> {value}"
    if change.immutable is not None:
        shown["immutable"] = "on" if change.immutable else "off"
    return shown


def _masked(text, secrets):
    for value in forms(secrets):
        text = text.replace(value, HIDDEN)
    return "\n".join(map(redacted, text.split("\n")))


def _text(guest, path, meta):
    """What a file holds; a directory, whose metadata can be set, and no file hold nothing."""
    return None if meta is None or meta.kind == "dir" else guest.read(path)


def previews(changes, guest, secrets=()):
    """``{target: preview}`` of a plan; several actions of one unit become a list."""
    out = {}
    for change in changes:
        shown = preview(change, guest, secrets)
        if change.target not in out:
            out[change.target] = shown
        elif "new" in shown and "new" in out[change.target]:
            out[change.target]["new"] += "; " + shown["new"]
        else:
            out[change.target] = {**out[change.target], **shown}
    return out


# ---- the shell: Salt's functions -----------------------------------------------------------


class Effects:
    """Does changes with Salt's execution functions: file, service, pkg, sysctl, cmd.

    functions
        ``__salt__``, or any mapping of function names to callables.
    """

    def __init__(self, functions):
        self._salt = functions

    def do(self, change, guest, **more):
        """Do one change. ``guest`` answers what stands there now.

        ``back=True`` says of a package that it goes back to an earlier version. Raises
        :class:`EffectError`, or what Salt's function raises.
        """
        getattr(self, "_" + change.kind)(change, guest, **more)

    def _call(self, name, *args, **kwargs):
        if name not in self._salt:
            raise EffectError(f"Salt's {name} is not available on this guest")
        return self._salt[name](*args, **kwargs)

    def _run(self, argv, timeout=120, **more):
        done = self._call("cmd.run_all", list(argv), python_shell=False, timeout=timeout, **more)
        if done["retcode"]:
            words = (done.get("stderr") or done.get("stdout") or "").strip()
            raise EffectError(f"{' '.join(argv)}: exit status {done['retcode']}: {words}")

    def _file(self, change: File, guest):
        is_link = guest.readlink(change.path) is not None
        replaced = change.replace_link and is_link
        real = guest.path(change.path, follow=not replaced)
        if change.immutable is False and guest.immutable(change.path):
            self._call("file.chattr", real, operator="remove", attributes="i")
        if change.absent:
            if guest.lstat(change.path) is not None:
                self._call("file.remove", guest.path(change.path, follow=False))
            return
        meta = None if replaced else guest.stat(change.path)
        old = _text(guest, change.path, meta)
        new = rendered(change, old)
        if new != old and meta:
            self._narrow(change, meta, real)
        if replaced:
            self._call("file.remove", real)
        if new is not None and new != old:
            # New files get a plain owner and mode; existing ones keep theirs.
            user = change.user if change.user is not None or meta else 0
            group = change.group if change.group is not None or meta else 0
            mode = change.mode or (None if meta else "0644")
            ret = self._call(
                "file.manage_file",
                real,
                "",
                None,
                None,
                {},
                user,
                group,
                mode,
                None,
                "base",
                "",
                makedirs=True,
                dir_mode="0755",  # else Salt makes folders of the file's mode
                show_changes=False,
                contents=new.encode("utf-8", "surrogateescape"),
            )
            if not ret.get("result", False):
                raise EffectError(f"{change.path}: {ret.get('comment')}")
            return
        if meta is None:
            raise GuestError(errno.ENOENT, "no file whose mode or owner could be set", change.path)
        if change.user is not None or change.group is not None:
            user = meta.uid if change.user is None else change.user
            group = meta.gid if change.group is None else change.group
            self._call("file.chown", real, user, group)
        if change.mode is not None:
            self._call("file.set_mode", real, change.mode)

    def _narrow(self, change, meta, real):
        """Take rights away before a new content comes that may be for fewer eyes."""
        owner = (
            meta.uid if change.user is None else change.user,
            meta.gid if change.group is None else change.group,
        )
        if owner != (meta.uid, meta.gid):  # Salt's manage_file takes 0 for nothing
            self._call("file.chown", real, *owner)
        if change.mode is not None and meta.mode & ~int(change.mode, 8):
            self._call("file.set_mode", real, f"{meta.mode & int(change.mode, 8):04o}")

    def _link(self, change: Link, guest):
        real = guest.path(change.path, follow=False)
        if guest.lstat(change.path) is not None:
            self._call("file.remove", real)
        self._call("file.symlink", change.to, real)

    def _unit(self, change: Unit, guest):
        if not guest.live:
            if change.action not in ("enable", "disable", "mask", "unmask"):
                raise EffectError(f"{change.describe()}: an offline root runs no units")
            self._run(("systemctl", f"--root={guest.root}", change.action, change.name))
            return
        if change.action == "daemon-reload":
            self._call("service.systemctl_reload")
            return
        if self._call(f"service.{change.action}", change.name) is False:
            raise EffectError(
                f"{change.describe()}: systemd refused; see journalctl -u {change.name}"
            )

    def _package(self, change: Package, guest, back=False):
        trouble = pkgchange.do(change, guest, self._call, self._run, back)
        if trouble:
            raise EffectError(f"{change.describe()}: {trouble}")

    def _sysctl(self, change: Sysctl, guest):
        self._call("sysctl.assign", change.name, change.value)

    def _boot_order(self, change: BootOrder, guest):
        # No function of Salt's does it, and efibootmgr is not on every guest.
        efivars.set_order(guest, change.order)

    def _refresh(self, change: Refresh, guest):
        if change.owner == "initramfs-dracut":
            bootimages.dracut(guest, self._run)
            return
        long = change.owner in bootimages.OWNERS
        self._run(REFRESHES[change.owner], bootimages.TIMEOUT if long else 120)
