"""The shape of what a consumer's observer returns."""


def section(installed_, settings=(), scopes=(), unseen=(), version=None):
    """A consumer's section of facts.

    ``{"installed", "version", "settings", "scopes", "unseen"}``

    settings
        Every setting that was found (see :func:`inguestlib.families.proxy.setting.setting`),
        in the order in which it is read, those without effect too.
    scopes
        For whom which of them counts. Of an environment:
        ``{"scope", "variables": {name: setting}}``. Of a program:
        ``{"scope", "proxies": {scheme: setting or None}, "exceptions": setting or None}``, and
        where it has them ``hosts`` (``[{"host" or "url", "proxies"}]``), ``discovery``
        (settings that find a proxy), ``alone`` (the environment doesn't count for it).
    unseen
        ``[{"path", "why"}]`` of files that could not be read.
    """
    return {
        "installed": bool(installed_),
        "version": version,
        "settings": list(settings),
        "scopes": list(scopes),
        "unseen": list(unseen),
    }


def scope(name, proxies=None, exceptions=None, **more):
    """A program's scope; a scheme that has no proxy of its own is ``None``."""
    both = {"http": None, "https": None, **(proxies or {})}
    return {"scope": name, "proxies": both, "exceptions": exceptions, **more}


def installed(guest, programs):
    """Whether one of the programs is there."""
    return any(guest.exists(path) for path in programs)


def version(guest, *names):
    """The upstream version of the first of these packages that is installed, or ``None``."""
    try:
        known = guest.packages
    except OSError:
        return None
    for name in names:
        if name in known:
            bare = known[name].version.partition(":")[2] or known[name].version
            return bare.partition("-")[0].partition("+")[0]
    return None


def text(guest, path, unseen):
    """The file's text, ``None`` where there is none; what can't be read goes to ``unseen``."""
    try:
        return guest.read(path)
    except OSError as exc:
        unseen.append({"path": path, "why": str(exc)})
        return None
