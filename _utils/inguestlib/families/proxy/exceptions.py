"""proxy-no-proxy-scope: exceptions are narrow, and mean the same to every consumer."""

from functools import partial

from inguestlib.families.proxy import cures, dialects, entries, routes
from inguestlib.families.proxy import views as views_
from inguestlib.families.proxy import want as want_
from inguestlib.families.proxy.setting import evidence
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {}
CONTROL = "proxy-no-proxy-scope"

METADATA = "169.254.169.254"
LOCAL = ("localhost", "127.0.0.1")


def observe_resolvers(guest, params=None):
    """The name servers of resolv.conf, ``[address, …]``: a list may name them."""
    words = [line.split() for _, line in guest.lines("/etc/resolv.conf")]
    return [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]


OBSERVERS = {"resolvers": observe_resolvers}


@control(
    id=CONTROL,
    title="no_proxy is narrow, and every consumer takes from it what the policy means",
    why="Each program reads the list by its own rules: one leaks past it, another is cut off",
    severity="medium",
    topic="Proxy server for filtering and inspecting web traffic",
    references={},
    enforceable="yes",
)
def no_proxy_scope(facts, policy):
    known, broken = views_.sections(facts)
    for name, why in broken.items():
        yield unknown(name, why)
    told = bool(broken)
    views = views_.views(known)
    direct = _direct(known, facts["resolvers"], policy)
    lists = _lists(known, views, policy, direct, facts)
    for found in (*lists, *_destinations(known, views, policy, facts)):
        told = True
        yield found
    if not told:
        yield not_applicable("no_proxy", "no consumer has a proxy, and none a list of exceptions")


# ---- the lists -----------------------------------------------------------------------------


def _lists(known, views, policy, direct, facts):
    """Every list that is in force for somebody, once, whoever reads it."""
    lists = {}
    for place, variables in views_.environments(known).items():
        unit = place.removeprefix("unit ") if place.startswith("unit ") else None
        consumer = "unit" if unit else ("services" if place == "services" else "environment")
        for name in ("no_proxy", "NO_PROXY"):
            if name in variables:
                want = want_.wanted(policy, consumer, unit)
                cure = partial(cures.place, place, facts, policy)
                lists.setdefault(_key(variables[name]), (variables[name], want, "", cure))
    for view in views:
        for one in (view.exceptions, *_direct_hosts(view)):
            if one is not None:
                want = want_.wanted(policy, view.consumer)
                cure = partial(cures.program, view, facts, policy, lists=True)
                lists.setdefault(_key(one), (one, want, view.dialect, cure))
    for one, want, dialect, cure in lists.values():
        if want.mode != "any":
            yield _list(one, want, direct, dialect, cure)


def _key(one):
    return (one["path"], one["line"], one["name"], one["value"])


def _of_host(one):
    return "url" in one or one["scope"].startswith("host ")


def _direct_hosts(view):
    """Hosts that have a setting of their own which sends them past the proxy."""
    return [
        {**one, "url": True, "value": special.get("host") or special.get("url")}
        for special in view.hosts
        for one in list(special["proxies"].values())[:1]
        if one and not one["value"]
    ]


def split(text):
    """The entries of a list, without the blanks around them."""
    return [entry.strip() for entry in text.replace("\t", " ").split(",") if entry.strip()]


def _list(one, want, direct, dialect, cure):
    resource = f"{one['path']}: {one['name']}"
    if not one.get("known", True):
        return unknown(resource, "the list is made when the file runs", evidence=evidence(one))
    found = split(one["value"])
    wide = {entry: why for entry in found if (why := entries.too_wide(entry))}
    extra, missing = [], []
    if want.exceptions is not None:
        wanted = {entry.lower() for entry in want.exceptions}
        wide = {entry: why for entry, why in wide.items() if entry.lower() not in wanted}
        extra = [e for e in found if e.lower() not in wanted and host_of(e) not in direct]
        there = {entry.lower() for entry in found}
        # the minion's list knows whole names only, and a host's own setting is no list
        if dialect != "salt" and not _of_host(one):
            missing = [entry for entry in want.exceptions if entry.lower() not in there]
    said = "hosts and networks of one's own"
    expected = list(want.exceptions) if want.exceptions is not None else said
    if not (wide or extra or missing):
        return compliant(resource, found, expected, evidence=evidence(one))
    said = [f"{entry}: {why}" for entry, why in wide.items()]
    said += [f"{entry}: the policy does not name it" for entry in extra if entry not in wide]
    said += [f"{entry} is missing" for entry in missing]
    changes, also = cure()
    comment = "; ".join(filter(None, [*said, also]))
    return drift(
        resource, found, expected, evidence=evidence(one), comment=comment, changes=changes
    )


def host_of(entry):
    """The host that an entry means alone: without brackets, port and a network of one address."""
    name = entry.lower().rstrip(".")
    head, slash, bits = name.partition("/")
    if slash and bits == ("128" if ":" in head else "32"):
        name = head
    try:
        return dialects.parse(name).host
    except ValueError:
        return name


def _direct(known, resolvers, policy):
    """The hosts that a list may name in any case, as they have to be reached directly."""
    hosts = {*LOCAL, "::1", METADATA, *resolvers, *masters(known)}
    return {host.lower() for host in (*hosts, *(host_of(_bare(t)) for t in policy["bypass"]))}


def _bare(text):
    return text.partition("://")[2] or text


def masters(known):
    """The hosts of the minion's masters, where its configuration names them."""
    return [m["host"] for m in known.get("salt", {}).get("masters", ()) if m["line"]]


# ---- the destinations ----------------------------------------------------------------------


def _destinations(known, views, policy, facts):
    for view in views:
        unit = view.place.removeprefix("unit ") if view.place.startswith("unit ") else None
        want = want_.wanted(policy, view.consumer, unit)
        if want.mode == "any" or not view.dialect:
            continue
        found = _view(view, want, policy, known, facts)
        if found is not None:
            yield found


def meant(view, want, policy, known):
    """``[(destination, whether it has to be direct), …]`` for a view."""
    texts = [(text, True) for text in (*LOCAL, *policy["bypass"])]
    reaches = view.dialect in ("curl", "wget", "requests") or view.consumer in ("unit", "salt")
    if policy["metadata"] and reaches and view.consumer in ("curl", "wget", "unit", "salt"):
        texts.append((METADATA, True))
    if view.consumer == "salt" or view.scope == "salt-minion.service":
        texts += [(host, True) for host in masters(known)]
    if want.mode in ("proxy", "unsaid"):
        texts += [(text, False) for text in policy["through"]]
    out = {}
    for text, direct in texts:
        schemes = (None,) if "://" in text else ("http", "https")
        for scheme in schemes:
            # our own loopback is no web site: one scheme tells enough
            if scheme == "https" and text in LOCAL:
                continue
            out.setdefault(dialects.parse(text, scheme or "http"), direct)
    return list(out.items())


def _view(view, want, policy, known, facts):
    judged = meant(view, want, policy, known)
    ways = [(to, direct, routes.route(view, to)) for to, direct in judged]
    if all(way.proxy is None and way.direct for _, _, way in ways) and not policy["through"]:
        return None  # no proxy, so nothing to go past
    unsure = [(to, way) for to, _, way in ways if way.direct is None]
    wrong = [(to, direct, way) for to, direct, way in ways if way.direct is (not direct)]
    shown = wrong or [(to, direct, way) for to, direct, way in ways if way.direct is direct]
    observed = {str(to): _word(way.direct) for to, _, way in shown}
    expected = {str(to): _word(direct) for to, direct, _ in shown}
    sources = [one for _, _, way in shown for one in way.sources]
    said = want_.lines(sources) or f"no proxy is set for {view.name}"
    resource = f"destinations of {view.name}"
    if wrong:
        comment = "; ".join(f"{to}: {way.why}" for to, _, way in wrong)
        changes, also = cures.program(view, facts, policy, lists=True)
        comment = "; ".join(filter(None, [comment, also]))
        return drift(resource, observed, expected, evidence=said, comment=comment, changes=changes)
    if unsure:
        to, way = unsure[0]
        return unknown(resource, f"{to}: {way.why}", evidence=way.evidence)
    return compliant(resource, observed, expected, evidence=said)


def _word(direct):
    return "direct" if direct else "proxy"


CONTROLS = (no_proxy_scope,)
