"""One report, or the audit of a fleet, as a text that a person likes to read."""

from inguestlib.fleet.answers import VERDICTS, counts
from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.text import clean, pad, painter, plain, wrap
from inguestlib.model import SEVERITIES

ORDER = ("drift", "error", "unknown", "waived", "not_applicable", "compliant")
QUIET = ("compliant", "not_applicable")  # counted, and shown only on demand

_STYLE = {
    "drift": "red bold",
    "error": "magenta",
    "trouble": "magenta",
    "unknown": "yellow",
    "waived": "cyan",
    "compliant": "green",
    "clean": "green",
    "not_applicable": "dim",
    "high": "red",
    "medium": "yellow",
    "active": "cyan",
    "expired": "red bold",
    "unknown_control": "yellow",
    "unused": "yellow",
}


def report(data, *, columns=100, colour=False, show_all=False, arrow="→"):
    """The text of one report (what ``inguest.audit`` returns).

    columns
        The width of the terminal.
    show_all
        Also list what is compliant or not applicable.
    arrow
        Stands between observed and expected.
    """
    paint = painter(colour)
    where = "" if data.get("root", "/") == "/" else f" {clean(data['root'])}"
    out = [
        paint(f"{clean(data.get('guest', ''))}{where}", "bold") + f"  {clean(data.get('time', ''))}"
    ]
    rows = [_Row(f) for f in data["findings"]]
    out += _findings(rows, columns, paint, show_all, arrow, hosts=False)
    out += _waivers([(data.get("guest", ""), w) for w in data.get("waivers") or ()], columns, paint)
    out += ["", _counted(counts(data["findings"]), paint)]
    return "\n".join(out)


def fleet(audit, *, columns=100, colour=False, show_all=False, arrow="→"):
    """The text of a fleet's audit (:func:`inguestlib.fleet.answers.fleet`).

    The same finding on several hosts is one row that names them.
    """
    paint = painter(colour)
    rows = {}
    waivers = []
    for name, data in audit["hosts"].items():
        waivers += [(name, w) for w in data.get("waivers") or ()]
        for finding in data["findings"]:
            if finding["verdict"] in QUIET and not show_all:
                continue
            row = _Row(finding)
            rows.setdefault(row.key, row).hosts.append(name)
    out = _findings(list(rows.values()), columns, paint, show_all, arrow, hosts=True)
    out += _waivers(waivers, columns, paint)
    if audit["unanswered"]:
        names = ", ".join(map(clean, audit["unanswered"]))
        out += ["", paint("No answer (unknown)", "yellow")]
        out += [f"  {line}" for line in wrap(names, columns - 2)]
    if audit["trouble"]:
        out += ["", paint("Trouble", "magenta")]
        for name, message in audit["trouble"].items():
            out += [f"  {line}" for line in wrap(f"{clean(name)}: {gist(message)}", columns - 2)]
    hosts = audit["summary"]["hosts"]
    total = sum(hosts.values())
    states = _numbers(hosts, ("clean", "drift", "unknown", "trouble"), paint)
    if audit.get("error") or not total:
        out += ["", paint(gist(audit.get("error") or "no host matched the target"), "magenta")]
    if total:
        out += ["", f"{_plural(total, 'host')}: {states}"]
        out.append(_counted(audit["summary"]["verdicts"], paint))
    return "\n".join(out).lstrip("\n")


def gist(message):
    """The line of an error that says what happened: of a traceback the last one."""
    lines = [line.strip() for line in str(message).strip().splitlines() if line.strip()]
    if not lines:
        return "an empty answer"
    return clean(lines[-1] if "Traceback (most recent call last)" in message else " ".join(lines))


class _Row:
    """A finding as it is shown, and the hosts that have it."""

    def __init__(self, finding):
        self.finding = finding
        self.hosts = []

    @property
    def key(self):
        f = self.finding
        shown = (f.get("observed"), f.get("expected"), f.get("comment"))
        return (f["severity"], f["verdict"], f["control"], f["resource"], repr(shown))

    @property
    def rank(self):
        f = self.finding
        known = f["severity"] in SEVERITIES
        severity = SEVERITIES.index(f["severity"]) if known else len(SEVERITIES)
        return (severity, ORDER.index(f["verdict"]), f["control"], f["resource"])

    def cells(self, arrow, most_hosts):
        """Severity, verdict, control, resource, detail, evidence, hosts."""
        f = self.finding
        severity, verdict = clean(f["severity"]), f["verdict"]
        return [
            Cell(severity, _STYLE.get(severity, "")),
            Cell(_words(verdict), _STYLE[verdict]),
            Cell(clean(f["control"])),
            Cell(clean(f["resource"]) if f["resource"] != f["control"] else ""),
            Cell(_detail(f, arrow)),
            Cell(clean(f.get("evidence") or ""), "dim"),
            Cell(_some(self.hosts, most_hosts), "bold", "on "),
        ]


def _detail(finding, arrow):
    """Observed and expected where they say something, and the comment below them."""
    observed, expected = finding.get("observed"), finding.get("expected")
    parts = []
    if expected is not None and finding["verdict"] != "compliant":
        parts.append(f"{plain(observed)} {arrow} {plain(expected)}")
    elif observed is not None:
        parts.append(plain(observed))
    if finding.get("comment"):
        parts.append(clean(finding["comment"]))
    return "\n".join(parts)


def _some(names, most):
    if not most or len(names) <= most:
        return ", ".join(map(clean, names))
    return f"{', '.join(map(clean, names[: most - 1]))} and {len(names) - most + 1} more"


def _findings(rows, columns, paint, show_all, arrow, hosts):
    shown = [r for r in rows if show_all or r.finding["verdict"] not in QUIET]
    shown.sort(key=lambda r: r.rank)
    if not shown:
        return []
    titles = [
        "SEVERITY",
        "VERDICT",
        "CONTROL",
        "RESOURCE",
        f"OBSERVED {arrow} EXPECTED",
        "EVIDENCE",
        "HOSTS",
    ]
    cells = [r.cells(arrow, 0 if show_all else 4) for r in shown]
    if not hosts:
        titles, cells = titles[:-1], [c[:-1] for c in cells]
    return ["", *render(titles, cells, columns, paint)]


def _waivers(pairs, columns, paint):
    """A line for each waiver that is not simply active, and how many there are of each state."""
    states = {}
    for host, waiver in pairs:
        key = tuple(
            str(waiver.get(k)) for k in ("control", "resource", "hosts", "approver", "expires")
        )
        states.setdefault(key, {}).setdefault(waiver.get("state", ""), []).append((host, waiver))
    if not states:
        return []
    total = {}
    lines = []
    for seen in states.values():
        # One that is used anywhere is not unused, though other hosts had nothing to waive.
        state = "active" if "active" in seen else next(iter(seen))
        total[state] = total.get(state, 0) + 1
        waiver = seen[state][0][1]
        text = (
            f"{plain(waiver.get('control'))} on {plain(waiver.get('resource'))} "
            f"(hosts {plain(waiver.get('hosts'))}), by {plain(waiver.get('approver'))} until "
            f"{plain(waiver.get('expires'))}: {plain(waiver.get('reason'))}"
        )
        words = pad(clean(_words(state)), 16)
        first, *more = wrap(text, columns - 18)
        lines.append(f"  {paint(words, _STYLE.get(state, ''))}{first}")
        lines += [" " * 18 + line for line in more]
    numbers = _numbers(
        {"active": 0, "expired": 0, "unused": 0, **total}, ("active", "expired", "unused"), paint
    )
    others = {k: v for k, v in total.items() if k not in ("active", "expired", "unused")}
    if others:
        numbers += " · " + _numbers(others, sorted(others), paint)
    return ["", f"{_plural(len(states), 'waiver')}: {numbers}", *lines]


def _counted(numbers, paint):
    text = _numbers(numbers, [v for v in ORDER if v in VERDICTS], paint)
    return f"{_plural(sum(numbers.values()), 'finding')}: {text}"


def _numbers(numbers, names, paint):
    """``2 drift · 0 error``: the names in order, those that are not zero coloured."""
    return " · ".join(
        paint(f"{numbers[n]} {clean(_words(n))}", _STYLE.get(n, "") if numbers[n] else "")
        for n in names
    )


def _words(name):
    return name.replace("_", " ")


def _plural(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"
