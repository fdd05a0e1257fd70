"""proxy-system-configured: people's shells and systemd's manager name the approved proxy."""

from functools import partial

from inguestlib.families.proxy import cures
from inguestlib.families.proxy import views as views_
from inguestlib.families.proxy import want as want_
from inguestlib.families.proxy.setting import same_proxy
from inguestlib.families.proxy.variables import schemes
from inguestlib.model import compliant, control, drift, unknown

SCHEMA, OBSERVERS = {}, {}
CONTROL = "proxy-system-configured"

# curl never reads HTTP_PROXY, Go prefers the capitals, wget reads small letters only
NAMES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY")
OTHERS = ("all_proxy", "ALL_PROXY", "ftp_proxy", "FTP_PROXY")


@control(
    id=CONTROL,
    title="The system proxy is the approved one",
    why="A program that finds no proxy, or another one, goes past the filter that inspects traffic",
    severity="medium",
    topic="Proxy server for filtering and inspecting web traffic",
    references={},
    enforceable="yes",
)
def system_configured(facts, policy):
    known, broken = views_.sections(facts)
    for name in ("environment", "systemd"):
        if name in broken:
            yield unknown(name, broken[name])
    shells = want_.wanted(policy, "environment")
    services = want_.wanted(policy, "services")
    for place, variables in views_.environments(known).items():
        if place.startswith("unit "):
            continue
        want = services if place == "services" else shells
        if want.mode == "any":
            continue
        if want.mode == "unsaid":
            yield _unsaid(place, variables)
        else:
            cure = partial(cures.place, place, facts, policy)
            yield _judge(place, variables, want, place in _must(policy), cure)
    for name in ("environment", "systemd"):
        for one in known.get(name, {}).get("unseen", ()):
            yield unknown(one["path"], one["why"])


def _must(policy):
    """The environments that have to hold the proxy: others may, but no other one."""
    said = policy["consumers"]["services"]
    return ("login", "services") if isinstance(said, dict) else ("login",)


def _unsaid(place, variables):
    seen = [variables[name] for name in variables if schemes(name)]
    return unknown(
        place, want_.UNSAID, observed=sorted({one["value"] for one in seen}),
        evidence=want_.lines(seen) or f"no proxy variable is set ({place})",
    )  # fmt: skip


def _judge(place, variables, want, must, cure):
    observed = {n: variables[n]["value"] for n in (*NAMES, *OTHERS) if n in variables}
    expected = {name: want.proxies[schemes(name)[0]] for name in NAMES}
    wrong, missing = [], []
    for name in NAMES:
        url, has = expected[name], observed.get(name, "")
        if has and not (url and same_proxy(url, has)):
            wrong.append(name)
        elif url and not has and must:
            missing.append(name)
    approved = [url for url in want.proxies.values() if url]
    for name in OTHERS:
        if observed.get(name) and not any(same_proxy(url, observed[name]) for url in approved):
            wrong.append(name)
    unsure = [n for n in observed if not variables[n].get("known", True)]
    evidence = want_.lines(variables[name] for name in observed)
    if unsure:
        comment = f"{', '.join(unsure)}: the value is made when the file runs"
        return unknown(place, comment, observed=observed, expected=expected, evidence=evidence)
    if wrong or missing:
        said = [f"{name} is not set" for name in missing]
        evidence = "; ".join([evidence, *said] if evidence else said)
        changes, comment = cure()
        return drift(place, observed, expected, evidence=evidence, comment=comment, changes=changes)
    evidence = evidence or f"no proxy variable is set ({place})"
    return compliant(place, observed, expected, evidence=evidence)


CONTROLS = (system_configured,)
