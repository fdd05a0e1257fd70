"""inguest: hardens a guest from the inside, and reports every difference from its policy.

This file also keeps old code and new code apart. A Salt daemon lives for months, and Python keeps
what it imported once: after a sync, or an upgrade by pip, Salt loads the new wrappers (execution
modules, states, runners, engines) but would bind them to the old library. So each wrapper starts
with these lines, in this order::

    import inguestlib

    inguestlib = inguestlib.refresh()

    from inguestlib import audit, policy

    INTERFACE = 1


    def __virtual__():
        reason = inguestlib.check(__file__, INTERFACE)
        return (False, reason) if reason else True

- The assignment matters: `refresh` may return another module object than the one imported.
- Every other import of the library comes after it, at the top of the file. While Salt runs a
  function, the library's folder is no longer on `sys.path`.
- Code that runs for long (an engine) asks `stale(__file__)` now and then, and ends when it answers
  true; Salt starts an engine that ended again, with the code of the day.
- What may be called long after it was loaded (a runner in a reactor) begins its functions with
  `warn_if_stale(__file__)`.
- What crosses from one wrapper to another (`__salt__`) is plain data, for classes of both ages may
  be alive for a moment.
"""

import hashlib
import importlib
import importlib.util
import logging
import os
import sys
import threading

__version__ = "0.1.0"

INTERFACE = 1
"""What wrappers may rely on; raised when a wrapper written before could no longer work."""

_HOME = os.path.dirname(os.path.abspath(__file__))
_LOCK = threading.RLock()
_LOCK_WAIT = 30  # seconds; a child forked while another thread held the lock must not hang


def _stamp():
    """`{path: (mtime in ns, size)}` of every Python file of the package; empty when it is gone."""
    stamp = {}
    folders = [_HOME]
    try:
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.name.endswith(".py"):
                        meta = entry.stat()
                        stamp[entry.path] = (meta.st_mtime_ns, meta.st_size)
                    elif entry.name != "__pycache__" and entry.is_dir():
                        folders.append(entry.path)
    except OSError:
        return {}
    return stamp


def _stamp_of(path):
    try:
        meta = os.stat(path)
    except OSError:
        return None
    return meta.st_mtime_ns, meta.st_size


# Taken before any submodule is imported: a file that changes in between makes the library stale.
_LOADED = _stamp()
_WRAPPERS = {}  # the stamps of the wrappers that were checked against this library
_WARNED = set()  # those of them that have said since that they are old
_LOG = logging.getLogger(__name__)


def build():
    """Name this state of the library: a digest of the times and sizes of its files when loaded."""
    text = repr(sorted(_LOADED.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stale(wrapper=None):
    """Say whether the files on disk are no longer the ones this library was loaded from.

    With a wrapper's `__file__`, whether that file is no longer what it was at its `check`, too: a
    sync writes the library and the wrappers one after the other. No file is read.
    """
    if wrapper is not None and _WRAPPERS.get(wrapper) != _stamp_of(wrapper):
        return True
    return _stamp() != _LOADED


def warn_if_stale(wrapper):
    """Log one warning when a loaded wrapper, or its library, is no longer what is on disk.

    For what Salt keeps loaded and calls again, as the reactor does with runners: `refresh` has no
    say then. (A minion's job loads its functions anew.) Said once for each load; it costs a stat of
    each file.

    Args:
        wrapper: the wrapper's `__file__`.
    """
    if wrapper not in _WARNED and stale(wrapper):
        _WARNED.add(wrapper)
        _LOG.warning(
            "%s runs as it was loaded, but the files of inguest have changed since. A reactor "
            "takes them within reactor_refresh_interval; restart any other daemon.",
            wrapper,
        )


def refresh():
    """Return the library as it is on disk now: this one, or a new import when files changed.

    A changed library is dropped from `sys.modules` as a whole and imported again from the same
    folder, or from wherever Python finds it when that folder is gone.

    Raises whatever the import of the new code raises: old code is never the fallback.
    """
    locked = _LOCK.acquire(timeout=_LOCK_WAIT)
    try:
        current = sys.modules.get(__name__)
        if current is not None and vars(current) is not globals():
            return current.refresh()  # another thread was here first
        if current is not None and not stale():
            return current
        _forget()
        return _import_here()
    finally:
        if locked:
            _LOCK.release()


def check(wrapper, interface):
    """Say why a wrapper must not run on this library, or return an empty string.

    Args:
        wrapper: the wrapper's `__file__`.
        interface: the `INTERFACE` that the wrapper was written for.

    The wrapper's place tells which library came with it. Another one means that the extension is
    both synced and installed, and Python finds the installed one first. (Through salt-ssh a wrapper
    comes with none, and any place is right.)
    """
    _WRAPPERS[wrapper] = _stamp_of(wrapper)
    _WARNED.discard(wrapper)
    own = _library_of(wrapper)
    if own and not _same(own, _HOME):
        return (
            f"{wrapper} came with {own}, but Python imported {_HOME}: inguest is both synced and "
            "installed here. Keep one: `pip uninstall saltext.inguest`, or take inguest out of "
            "file_roots and gitfs_remotes and run saltutil.sync_all; then restart the daemon."
        )
    if interface != INTERFACE:
        return (
            f"{wrapper} needs interface {interface} of inguestlib, {_HOME} offers {INTERFACE}: the "
            "last sync was partial. Run saltutil.sync_all (on a master `salt-run "
            "saltutil.sync_all`)."
        )
    return ""


def _library_of(wrapper):
    """The folder of the library that came with this wrapper, or None when there is none."""
    folder = os.path.dirname(os.path.abspath(wrapper))
    root = os.path.dirname(folder)
    if os.path.basename(root) == __name__:
        return root  # installed: inguestlib/modules/x.py
    for utils in ("utils", "_utils"):  # synced: modules/ beside utils/; a checkout: _modules/
        home = os.path.join(root, utils, __name__)
        if os.path.isfile(os.path.join(home, "__init__.py")):
            return home
    return None


def _same(one, other):
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _forget():
    """Drop the package from the interpreter, with the bytecode that could outlive its source."""
    for name in list(sys.modules):
        if name == __name__ or name.startswith(__name__ + "."):
            del sys.modules[name]
    # Bytecode knows its source by size and whole seconds only: an edit within the same second
    # would keep the old code.
    now = _stamp()
    for path, meta in _LOADED.items():
        if now.get(path) != meta:
            try:
                os.unlink(importlib.util.cache_from_source(path))
            except OSError:
                pass
    importlib.invalidate_caches()


def _import_here():
    """Import the package from its own folder: at run time Salt has taken it off `sys.path`."""
    above = os.path.dirname(_HOME)
    if not os.path.isfile(os.path.join(_HOME, "__init__.py")):
        return importlib.import_module(__name__)
    sys.path.insert(0, above)
    try:
        return importlib.import_module(__name__)
    finally:
        sys.path.remove(above)
