"""From a setting that differs to the changes that mend it at its owner."""

from inguestlib.changes import Refresh, Unit
from inguestlib.families.dns import address
from inguestlib.families.dns.owners import FEEDS, OWNERS, lists
from inguestlib.model import FactError, unknown


def sections(facts):
    """``({owner: section}, {owner: why it could not be observed})``."""
    known, broken = {}, {}
    for name in OWNERS:
        try:
            known[name] = facts[name]
        except FactError as exc:
            broken[name] = str(exc)
    return known, broken


def in_charge(name, section):
    """Whether an owner's settings count, or lie idle because it does not run."""
    return name == "resolv_conf" or bool(section.get("enabled"))


def feeders(facts, known):
    """The sections whose settings reach the effective resolvers."""
    names = FEEDS.get(facts["owner"]["owner"], ("resolv_conf",))
    return {n: known[n] for n in names if n in known and in_charge(n, known[n])}


def unread(section):
    """What of a section only root may read: ``[(path, message)]``."""
    return [(e["path"], e["message"]) for e in section["errors"] if not e["line"]]


def unseen(known, broken):
    """Unknown findings for the owners in charge that could not be seen, wholly or in part."""
    found = [unknown(OWNERS[name].TITLE, why) for name, why in broken.items()]
    for name, section in known.items():
        if in_charge(name, section):
            found += [unknown(path, message) for path, message in unread(section)]
    return found


def blind(facts, known, broken):
    """Why the effective resolvers can't be told: feeding sections that could not be seen."""
    names = FEEDS.get(facts["owner"]["owner"], ("resolv_conf",))
    seen = [f"{p} {m}" for section in feeders(facts, known).values() for p, m in unread(section)]
    return [broken[name] for name in names if name in broken] + seen


def configured(facts, known):
    """The lists of servers in files that are in force for the effective resolvers."""
    return [
        (name, found)
        for name, section in feeders(facts, known).items()
        for found in section["lists"]
        if found["kind"] == "servers" and found["effective"] and not found["runtime"]
    ]


def provider(facts, known):
    """The owner that should name the servers where nobody does."""
    owner = facts["owner"]["owner"]
    if owner == "networkmanager" and OWNERS[owner].uses_resolved(known.get(owner) or _NO_NM):
        owner = "resolved"
    file = known.get("resolv_conf", {})
    if owner == "static" and (file.get("dangling") or file.get("kind") == "missing"):
        if "resolved" in facts["owner"]["managers"]:
            owner = "resolved"
    return owner if hasattr(OWNERS.get(owner), "provide") else "resolv_conf"


_NO_NM = {"main": {"dns": None}}


def provide(facts, known, want):
    """The changes that make the owner name the policy's servers."""
    if facts["owner"]["owner"] == "container" or want.servers is None:
        return ()
    name = provider(facts, known)
    if name not in known:
        return ()
    return live(facts, OWNERS[name].provide(known[name], want) + reload(name, known))


def values(found, want):
    """What a list should say, or ``None`` where the policy leaves it alone."""
    return {"servers": want.servers, "fallback": want.fallback or (), "search": want.search}[
        found["kind"]
    ]


def mend(facts, known, name, found, want):
    """The changes that make one list say what the policy wants."""
    wanted, section, owner = values(found, want), known[name], OWNERS[name]
    if wanted is None or (name == "resolv_conf" and facts["owner"]["owner"] == "container"):
        return ()
    if name == "resolv_conf" and section["kind"] == "link" and want.regular_file:
        changes = owner.provide(section, want)  # a file takes the link's place
    elif found["runtime"]:
        changes = owner.forget(found) if facts.guest["live"] and hasattr(owner, "forget") else ()
    elif found["generated"]:
        changes = ()
        name = found["generated"] if found["generated"] in known else name
    elif lists.is_ours(found) or found["vendor"]:
        if hasattr(owner, "replace") and "network" in found:
            changes = owner.replace(section, found, want)
        else:
            changes = owner.provide(section, want) if hasattr(owner, "provide") else ()
    else:
        changes = lists.rewrite(found, wanted, _beside(facts, section, found, want))
        if found["kind"] == "servers" and not _left(facts, known, want):
            changes += provide(facts, known, want)
    return live(facts, changes + reload(name, known))


def _left(facts, known, want):
    """Whether any list will name a server once all are mended.

    A list that holds addresses of one version says nothing where the policy has none.
    """
    named = configured(facts, known)
    return not named or any(lists.written(found["style"], want.servers) for _, found in named)


def _beside(facts, section, found, want):
    """The other lists on the same line that differ as well, with what they should say."""
    if len(found["lines"]) > 1:
        return ()
    return tuple(
        (other, values(other, want))
        for other in section["lists"]
        if other is not found
        and (other["path"], other["lines"]) == (found["path"], found["lines"])
        and values(other, want) is not None
        and differs(other, want, facts)
    )


def differs(found, want, facts):
    """Whether a list says anything that the policy does not want."""
    if found["kind"] != "search":
        return bool(foreign(found, want, facts))
    good = {domain(name) for name in want.search or ()} | {""}
    return want.search is not None and any(domain(v["raw"]) not in good for v in found["values"])


def domain(text):
    """A search domain in one spelling; the route-only mark and the root are not domains."""
    return text.lstrip("~").strip(".").lower()


def reload(name, known):
    """What makes a running owner read its files again."""
    owner = OWNERS.get(name)
    return owner.reload(known[name]) if name in known and hasattr(owner, "reload") else ()


def live(facts, changes):
    """The changes without those that need a running guest, where it is not one."""
    if facts.guest["live"]:
        return tuple(changes)
    return tuple(c for c in changes if not isinstance(c, (Unit, Refresh)))


def foreign(found, want, facts):
    """The values of a list that the policy does not approve."""
    return [v for v in found["values"] if v["address"] and not _approved(v, found, want, facts)]


def _approved(value, found, want, facts):
    if address.is_approved(value, want.approved):
        return True
    if not address.is_loopback(value["address"]):
        return False
    return bool(local_server(value, facts))


def local_server(value, facts):
    """Which local server a loopback address stands for, or ``""``."""
    owner = facts["owner"]
    if value["address"] in ("127.0.0.53", "127.0.0.54"):
        return "systemd-resolved" if "resolved" in owner["managers"] else ""
    return ", ".join(owner["forwarders"])
