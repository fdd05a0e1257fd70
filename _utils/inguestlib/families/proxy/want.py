"""What the policy wants of a consumer. Pure functions."""

from inguestlib.families.proxy.setting import evidence, same_proxy
from inguestlib.families.proxy.settings import ANY, MIRROR, NONE
from inguestlib.record import record

KEY = "inguest:proxy:url"
UNSAID = f"the policy names no proxy: set {KEY} to its URL, or to none where there is to be none"


@record
class Want:
    """The proxies a consumer is to have, and the exceptions.

    proxies
        ``{scheme: URL or None}``, ``None`` where it is to go directly.
    mode
        ``proxy``, ``none``, ``mirror``, ``any``, or ``unsaid`` where the policy doesn't say.
    exceptions
        A list, or ``None`` where the policy doesn't say.
    """

    proxies: dict
    mode: str
    exceptions: tuple | None = None


def wanted(policy, consumer, unit=None):
    """The :class:`Want` for a consumer of ``inguest:proxy:consumers``, or for a unit."""
    own = policy["consumers"].get("services" if consumer == "unit" else consumer)
    if unit is not None:
        own = policy["units"].get(unit, own)
    listed = policy["exceptions"]
    if own in (NONE, MIRROR, ANY):
        return Want({"http": None, "https": None}, own, _tuple(listed))
    own = own or {}
    listed = own.get("exceptions") if own.get("exceptions") is not None else listed
    url = own.get("url") or policy["url"]
    if url is None:
        return Want({"http": None, "https": None}, "unsaid", _tuple(listed))
    secure = own.get("https_url") or own.get("url") or policy["https_url"] or url
    proxies = {"http": None if url == NONE else url, "https": None if secure == NONE else secure}
    return Want(proxies, "proxy" if any(proxies.values()) else "none", _tuple(listed))


def _tuple(value):
    return None if value is None else tuple(value)


def differs(want, scheme, one):
    """Whether a setting (or ``None``) gives another proxy than wanted for a scheme."""
    has = one["value"] if one else ""
    url = want.proxies[scheme]
    if not url or not has:
        return bool(url) != bool(has)
    return not same_proxy(url, has)


def shown(settings):
    """``{scheme: URL or None}`` as a finding shows it."""
    return {scheme: (one["value"] or None) if one else None for scheme, one in settings.items()}


def lines(settings):
    """The evidence of settings, each line once; ``""`` when there is none."""
    return "; ".join(dict.fromkeys(evidence(one) for one in settings if one))
