"""Which hosts are changed, in which order. Pure."""

import fnmatch
import math
import re

from inguestlib.fleet.answers import malformed
from inguestlib.fleet.view import gist
from inguestlib.model import SCHEMA, digest


class PlanError(ValueError):
    """An option that makes no sense; the message names it."""


def amount(text, total, name):
    """How many of ``total`` ``3`` or ``10%`` means: at least one, and of a share the ceiling.

    Raises :class:`PlanError`.
    """
    match = re.fullmatch(r"(\d+)(%?)", str(text).strip())
    number = int(match.group(1)) if match else 0
    if not match or number < 1 or (match.group(2) and number > 100):
        raise PlanError(f"{name} is a number of hosts such as 5, or a share such as 10%: {text!r}")
    return max(1, math.ceil(total * number / 100)) if match.group(2) else number


def plan(answers, asked, options):
    """The plan of an enforcement, plain data.

    answers
        ``{host: what it answered to inguest.plan}``: modes and waivers count there already.
    asked
        The hosts that were asked.
    options
        ``canary`` (a number, a share, or patterns of hosts, separated by commas), ``batch`` and
        ``stop_after`` (a number or a share), and what the guests are told: ``families``,
        ``controls``.

    ``hosts`` holds for each host that would be changed its ``digest``, the ``cures`` (control and
    resource of each drift) and the ``changes`` for people, by family; ``waves`` the hosts in order,
    the canaries first; ``stop_after`` a number. Hosts with nothing to change are ``clean``; those
    whose families could not be planned, or that gave no plan, are under ``trouble``; the silent
    ones are ``unanswered``. ``digest`` is what an approval is bound to.

    Raises :class:`PlanError`.
    """
    hosts, clean, trouble = {}, [], {}
    for name in sorted(answers):
        wrong = malformed(answers[name]) or _no_plan(answers[name])
        if wrong:
            trouble[name] = gist(wrong)
            continue
        mine = _host(answers[name])
        impossible = _impossible(answers[name])
        if impossible:
            trouble[name] = impossible
        elif mine["changes"]:
            hosts[name] = mine
        else:
            clean.append(name)
    out = {
        "schema": SCHEMA,
        "hosts": hosts,
        "waves": waves(hosts, options["canary"], options["batch"]),
        "stop_after": amount(options["stop_after"], len(hosts), "stop_after"),
        "clean": clean,
        "trouble": trouble,
        "unanswered": sorted(set(asked) - set(answers)),
        "options": options,
    }
    bound = {key: out[key] for key in ("hosts", "waves", "stop_after", "options")}
    return {**out, "digest": digest(bound)}


def _no_plan(answer):
    families = answer.get("families")
    whole = isinstance(families, dict) and all(isinstance(f, dict) for f in families.values())
    return "" if whole and isinstance(answer.get("plan"), str) else "its answer holds no plan"


def _impossible(answer):
    """Why a family of the host could not be planned, or an empty string."""
    wrong = [
        f"{family}: {part.get('comment', '')}"
        for family, part in answer["families"].items()
        if part.get("result") == "reverted"
    ]
    return "; ".join(wrong)


def _host(answer):
    parts = answer["families"]
    planned = {name for name, part in parts.items() if part.get("result") == "planned"}
    cures = [
        [f["control"], f["resource"]]
        for f in answer["findings"]
        if f["verdict"] == "drift" and f.get("changes") and f.get("family") in planned
    ]
    changes = {name: sorted(parts[name].get("changes") or ()) for name in sorted(planned)}
    return {"digest": answer["plan"], "cures": cures, "changes": changes}


def waves(hosts, canary, batch):
    """The hosts of a plan in order: ``[[canaries], [batch], …]``.

    Patterns name the canaries. Of a number they are chosen so that they stand for as many hosts
    as possible: first one of those whose changes most hosts share, then one of the next.
    """
    amount(batch, 1, "batch")  # a mistake is said even where nothing is to be done
    if not hosts:
        return []
    names = sorted(hosts)
    if re.fullmatch(r"\s*\d+\s*%?\s*", str(canary)):
        first = _representatives(hosts, amount(canary, len(names), "canary"))
    else:
        patterns = [one.strip() for one in str(canary).split(",") if one.strip()]
        first = [n for n in names if any(fnmatch.fnmatchcase(n, p) for p in patterns)]
        if not first:
            raise PlanError(f"canary: {canary!r} names none of the hosts that would be changed")
    rest = [name for name in names if name not in set(first)]
    size = amount(batch, len(names), "batch")
    return [first, *(rest[i : i + size] for i in range(0, len(rest), size))]


def _representatives(hosts, count):
    alike = {}
    for name in sorted(hosts):
        alike.setdefault(hosts[name]["digest"], []).append(name)
    groups = sorted(alike.values(), key=lambda group: (-len(group), group))
    chosen = []
    while len(chosen) < min(count, len(hosts)):
        for group in groups:
            if group and len(chosen) < count:
                chosen.append(group.pop(0))
    return sorted(chosen)


def different(old, new):
    """What has changed between two plans, in words; an empty list when they are the same."""
    if old["digest"] == new["digest"]:
        return []
    said = []
    for name in sorted({*old["hosts"], *new["hosts"]}):
        one, other = old["hosts"].get(name), new["hosts"].get(name)
        if one is None:
            said.append(f"{name} would be changed now too")
        elif other is None:
            why = new["trouble"].get(name)
            gone = f"can't be changed: {why}" if why else "has nothing to change any more"
            said.append(f"{name} {'does not answer' if name in new['unanswered'] else gone}")
        elif one != other:
            said.append(f"{name} would be changed in another way")
    return said or ["the waves or the options are others"]
