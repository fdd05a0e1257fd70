"""Which way a consumer takes to a destination, and which line says so. Pure functions."""

from typing import NamedTuple

from inguestlib.families.proxy import dialects
from inguestlib.families.proxy.setting import evidence


class Route(NamedTuple):
    """``direct`` is ``None`` where it can't be told, ``why`` says what decides.

    proxy
        The setting of the proxy that is taken, or would be but for the exceptions.
    sources
        The settings that decide.
    """

    direct: bool | None
    why: str
    proxy: dict | None = None
    sources: tuple = ()

    @property
    def evidence(self):
        """The lines that decide."""
        return "; ".join(evidence(one) for one in self.sources) or self.why


def proxy(view, scheme, destination=None):
    """The setting that gives a view its proxy for a scheme, or ``None``.

    Its value is ``""`` where the setting switches the proxy off.

    Raises :class:`inguestlib.families.proxy.dialects.Ambiguous`.
    """
    if destination is not None:
        for special in view.hosts:
            one = special["proxies"].get(scheme)
            if one is not None and _special(special, destination):
                return one
    if (own := view.own.get(scheme)) is not None:
        return own
    dialect = dialects.DIALECTS.get(view.dialect, dialects.DIALECTS["curl"])
    values = {name: one["value"] for name, one in view.variables.items()}
    name = dialects.proxy_variable(dialect, scheme, values)
    return view.variables[name] if name else None


def _special(special, destination):
    """Whether a setting for one host, or for all URLs below one, is for this destination."""
    if "host" in special:
        return special["host"].lower() == destination.host.lower()
    try:
        wanted = dialects.parse(special["url"])
    except ValueError:
        return False
    if (wanted.scheme, wanted.port) != (destination.scheme, destination.port):
        return False
    labels, own = wanted.host.lower().split("."), destination.host.lower().split(".")
    if len(labels) != len(own):
        return False
    return all(a in ("*", b) for a, b in zip(labels, own, strict=True))


def exceptions(view):
    """The settings that make up a view's list, in order; ``()`` where it has none.

    Raises :class:`inguestlib.families.proxy.dialects.Ambiguous`.
    """
    if view.exceptions is not None and not view.adds:
        return (view.exceptions,)
    own = (view.exceptions,) if view.exceptions is not None else ()
    dialect = dialects.DIALECTS.get(view.dialect, dialects.DIALECTS["curl"])
    values = {name: one["value"] for name, one in view.variables.items()}
    name = dialects.list_variable(dialect, values)
    return ((view.variables[name],) if name else ()) + own


def route(view, destination):
    """The :class:`Route` from a view to a :class:`dialects.Destination`."""
    if not view.dialect:
        return Route(None, "which client runs there is not known")
    try:
        through = proxy(view, destination.scheme, destination)
        lists = exceptions(view)
    except dialects.Ambiguous as exc:
        return Route(None, str(exc))
    if view.discovery and not (through and through["scope"].startswith("host ")):
        return Route(None, "a program finds the proxy", sources=view.discovery)
    if through is None:
        return Route(True, "no proxy is set")
    if not through.get("known", True):
        return Route(None, "its value is made when the file runs", through, (through,))
    if not through["value"]:
        return Route(True, "its proxy is switched off", sources=(through,))
    if any(not one.get("known", True) for one in lists):
        return Route(None, "the list is made when the file runs", through, lists)
    dialect = dialects.DIALECTS[view.dialect]
    if dialect.NAME == "go" and dialect.local(destination):
        return Route(True, "Go never sends it to a proxy", through, (through,))
    for one in lists:
        entry = dialect.matches(one["value"], destination, view.version)
        if entry is not None:
            return Route(True, f"{entry} in {one['name']}", through, (one,))
    why = f"no entry of {lists[0]['name']} means it" if lists else "no exceptions are set"
    return Route(False, why, through, (through, *lists))
