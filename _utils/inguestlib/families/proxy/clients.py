"""proxy-package-manager and proxy-service-environments: what each consumer really takes."""

from inguestlib.changes import Unit
from inguestlib.families.proxy import cures, dialects, repositories, routes, running
from inguestlib.families.proxy import views as views_
from inguestlib.families.proxy import want as want_
from inguestlib.families.proxy.setting import evidence
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {}
OBSERVERS = {"repositories": repositories.observe, "running": running.observe}
MANAGERS = ("apt", "dnf", "zypper", "tdnf")
TOPIC = "Proxy server for filtering and inspecting web traffic"


@control(
    id="proxy-package-manager",
    title="Package managers use the approved proxy or internal mirrors",
    why="Packages fetched past the proxy are not inspected, or don't come at all when it is needed",
    severity="medium",
    topic=TOPIC,
    references={},
    enforceable="yes",
)
def package_manager(facts, policy):
    yield from _consumers(facts, policy, MANAGERS, "no package manager of this family is installed")


@control(
    id="proxy-service-environments",
    title="Daemons that need the Internet use the proxy",
    why="A daemon does not see the settings of shells; without its own it goes out directly",
    severity="low",
    topic=TOPIC,
    references={},
    enforceable="yes",
    tier=2,
)
def service_environments(facts, policy):
    shells = (*MANAGERS, "environment", "systemd")
    others = [name for name in (*views_.CONSUMERS, "unit") if name not in shells]
    yield from _consumers(facts, policy, others, "nothing that uses a proxy is installed")


def _consumers(facts, policy, names, nothing):
    known, broken = views_.sections(facts)
    told = False
    for name in names:
        if name in broken:
            told = True
            yield unknown(name, broken[name])
        for one in known.get(name, {}).get("unseen", ()):
            told = True
            yield unknown(one["path"], one["why"])
    for view in [*views_.views(known), *_named(known, policy)]:
        if view.consumer in names:
            found = _view(view, policy, facts)
            if found is not None:
                told = True
                yield found
    if not told:
        yield not_applicable(names[0], nothing)


def _named(known, policy):
    """Services that the policy names and that have no variable of their own yet."""
    places = views_.environments(known)
    seen = {view.place for view in views_.views(known)}
    for unit in dict.fromkeys([*policy["units"], *policy["credentials"]["units"]]):
        place = f"unit {unit}"
        if place in places and place not in seen:
            yield views_.View("unit", unit, place, "", variables=places[place])


def _view(view, policy, facts):
    unit = view.place.removeprefix("unit ") if view.place.startswith("unit ") else None
    want = want_.wanted(policy, view.consumer, unit)
    if want.mode == "any":
        return None
    try:
        found = {scheme: routes.proxy(view, scheme) for scheme in want.proxies}
    except dialects.Ambiguous as exc:
        return unknown(view.name, str(exc))
    if view.scope == "rhsm":  # it speaks https only
        found = {"https": found["https"]}
    special = [one for h in view.hosts for one in h["proxies"].values() if one and one["value"]]
    used = [one for one in found.values() if one]
    lines = want_.lines([*used, *special])
    observed = want_.shown(found)
    for one in special:
        observed[one["name"]] = one["value"]
    expected = {scheme: want.proxies[scheme] for scheme in found}
    where = lines or f"no setting of its own and none of its environment ({view.place or 'none'})"
    if want.mode == "unsaid":
        return unknown(view.name, want_.UNSAID, observed=observed, evidence=where)
    if view.discovery:
        said = "; ".join(evidence(one) for one in view.discovery)
        changes, comment = cures.program(view, facts, policy)
        why = "a program finds the proxy: what it says can't be seen in a file"
        return drift(
            view.name, observed, expected, evidence=said,
            comment="; ".join(filter(None, [why, comment])), changes=changes,
        )  # fmt: skip
    if not all(one.get("known", True) for one in used):
        comment = "the value is made when the file runs"
        return unknown(view.name, comment, observed=observed, expected=expected, evidence=where)
    if view.consumer == "salt" and not used and want.mode == "proxy":
        comment = "the bus to the master needs none; set proxy_host if the minion fetches by HTTP"
        return not_applicable(view.name, comment, evidence=where)
    bad = [s for s, one in found.items() if want_.differs(want, s, one)]
    foreign = [
        one for one in special
        if not any(url and want_.same_proxy(url, one["value"]) for url in want.proxies.values())
    ]  # fmt: skip
    if bad or foreign:
        changes, comment = cures.program(view, facts, policy)
        return drift(
            view.name, observed, expected, evidence=where, comment=comment, changes=changes
        )
    if want.mode == "mirror":
        return _mirror(view, policy, facts, observed, expected, where)
    return compliant(view.name, observed, expected, evidence=where)


def _mirror(view, policy, facts, observed, expected, where):
    """Without a proxy, all that is fetched comes from hosts that ``bypass`` names."""
    seen = [one for one in facts["repositories"] if one["manager"] == view.consumer]
    if not seen:
        return unknown(view.name, "no repository could be seen", evidence=where)
    internal = {dialects.parse(text).host.lower() for text in policy["bypass"]}
    foreign = [one for one in seen if one["host"] not in internal]
    said = "; ".join(f"{one['path']}:{one['line']} {one['host']}" for one in foreign or seen)
    hosts = sorted({one["host"] for one in seen})
    if foreign:
        comment = "an internal mirror is one that inguest:proxy:bypass names"
        return drift(view.name, hosts, sorted(internal), evidence=said, comment=comment)
    return compliant(view.name, hosts, sorted(internal), evidence=f"{where}; {said}")


@control(
    id="proxy-running-environments",
    title="Services run in the environment that their files describe",
    why="A service that was started before its settings changed goes on with the older proxy",
    severity="low",
    topic=TOPIC,
    references={},
    enforceable="partial",
    offline=False,
    lags=True,
    tier=2,
)
def running_environments(facts, policy):
    known, _ = views_.sections(facts)
    places = views_.environments(known)
    same = []
    for one in facts["running"]:
        files = places.get(f"unit {one['unit']}", places.get("services"))
        if files is None:
            continue
        now = {name: setting["value"] for name, setting in files.items()}
        if now == one["variables"]:
            same.append(one["unit"])
            continue
        told = ", ".join(f"{k}={v}" for k, v in sorted(one["variables"].items())) or "no proxy"
        restart = cures.may_restart(one["unit"], policy)
        yield drift(
            one["unit"], one["variables"], now,
            evidence=f"/proc/{one['pid']}/environ {told}",
            comment="" if restart else "it was started before its settings changed: restart it",
            changes=[Unit(one["unit"], "restart")] if restart else (),
        )  # fmt: skip
    if same:
        said = f"/proc/PID/environ of {', '.join(same)}"
        yield compliant("other services", len(same), None, evidence=said)
    elif not facts["running"]:
        yield not_applicable("services", "no service runs that is systemd's")


CONTROLS = (package_manager, service_environments, running_environments)
