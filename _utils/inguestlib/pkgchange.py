"""A package's change: what stood there before it, how it is done, and how it is undone.

Salt's pkg functions do it. Only the hold of dpkg can be changed in an offline tree: no other
package manager works in a tree that is not its own.
"""

from inguestlib.changes import Package
from inguestlib.packages import DPKG_STATUS, held_by_dpkg


def before(guest, change):
    """What an undo has to know, plain data: versions, and whether dpkg holds the package."""
    have = guest.packages
    return {
        "version": have[change.name].version if change.name in have else None,
        "beside": {n: have[n].version for n, _version in change.beside if n in have},
        "held": change.name in held_by_dpkg(guest),
    }


def only_holds(change):
    """Whether a change touches nothing but the hold."""
    return change.installed and change.version is None and change.held is not None


def do(change, guest, call, run, back=False):
    """Do it. ``call(name, …)`` calls Salt's function, ``run(argv, stdin=…)`` a command.

    back
        It is an undo: the version may be lower than that of a package which is half installed.

    The metadata is not refreshed: what was judged is what is installed. Returns ``None`` or
    what went wrong, in words.
    """
    if not guest.live:
        if not only_holds(change):
            return "packages are changed on a live guest only"
        word = "hold" if change.held else "install"
        run(("dpkg", f"--root={guest.root}", "--set-selections"), stdin=f"{change.name} {word}\n")
        return None
    if not change.installed:
        call("pkg.remove", change.name)
        return None
    if change.held is False:
        _hold("unhold", change.name, call)
    if change.version is not None:
        wanted = ((change.name, change.version), *change.beside)
        more = {"force_yes": True} if back and guest.exists(DPKG_STATUS) else {}
        pairs = [{name: version} for name, version in wanted]
        call("pkg.install", pkgs=pairs, refresh=False, **more)
    elif not only_holds(change):
        call("pkg.install", change.name)
    if change.held:
        _hold("hold", change.name, call)
    return None


def _hold(word, name, call):
    said = call(f"pkg.{word}", name)
    answer = said.get(name, {}) if isinstance(said, dict) else {}
    if answer.get("result") is False:
        raise RuntimeError(f"pkg.{word} {name}: {answer.get('comment', 'refused')}")


def undo(change, record, guest, effects):
    """Put back what :func:`before` saw.

    A version that no repository offers any more can't come back. Then the newer one stays,
    and what is returned says so; where the package is gone altogether the failure is raised.
    """
    was, now = record["version"], guest.packages.get(change.name)
    stays = None
    if was is None:
        if now is not None:
            effects.do(Package(change.name, installed=False), guest)
        return None
    beside = tuple(record.get("beside", {}).items())
    differ = [n for n, v in ((change.name, was), *beside) if _version(guest, n) != v]
    if differ:
        try:
            effects.do(Package(change.name, version=was, beside=beside), guest, back=True)
        except Exception as exc:  # noqa: BLE001 - whatever Salt's package module raises
            if now is None:
                raise
            stays = f"{change.name} stays at {now.version}, for {was} could not be had: {exc}"
    if change.held is not None:
        effects.do(Package(change.name, held=record.get("held", False)), guest)
    return stays


def _version(guest, name):
    return guest.packages[name].version if name in guest.packages else None


def preview(change, guest):
    """What it will do to this guest, plain data for a state's ``changes``."""
    if change.version is None:
        return {"new": change.describe()}
    try:
        return {"old": _version(guest, change.name), "new": change.describe()}
    except OSError:
        return {"new": change.describe()}
