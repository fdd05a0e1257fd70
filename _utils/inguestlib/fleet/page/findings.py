"""What is wrong on many hosts at once, held once: findings that are equal, and who has them."""

from array import array

from inguestlib.fleet.store.rows import VERDICTS as CODES
from inguestlib.fleet.text import clean, plain
from inguestlib.model import SEVERITIES

VERDICTS = ("drift", "error", "unknown", "waived")  # in the order in which they are shown
LONGEST = 2000  # characters of one text
NONE = 0xFFFFFFFF  # the end of a chain


def shown(value):
    """A text of a guest as it may be shown: harmless, on one line, of bearable length."""
    text = clean(value)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"


def data(value):
    """Observed or expected data as :func:`shown` text; empty where there was none."""
    return "" if value is None else shown(plain(value))


class Finding:
    """One finding, equal on all of its hosts but for the evidence.

    control
        Its place in the vectors.
    severity, verdict
        Indices in ``SEVERITIES`` and :data:`VERDICTS`.
    texts
        Resource, observed, expected, comment.
    evidence
        ``[(text, chain)]``: the last entry of the hosts that have it, see :class:`Findings`.
    hosts
        How many have it; ``oldest`` since when the first of them, in seconds of the epoch.
    """

    __slots__ = ("control", "severity", "verdict", "texts", "evidence", "hosts", "oldest")

    def __init__(self, control, severity, verdict, texts):
        self.control = control
        self.severity = severity
        self.verdict = verdict
        self.texts = texts
        self.evidence = []
        self.hosts = 0
        self.oldest = 0

    @property
    def rank(self):
        """Sorts the worst first."""
        return (self.severity, self.verdict, -self.hosts, self.control, self.texts[0])


class Findings:
    """All open findings of a fleet. One entry costs 12 bytes, whatever its text.

    hosts
        ``{key of the store: index}`` of the hosts that are wanted.
    """

    def __init__(self, hosts):
        self._index = hosts
        self._groups = {}  # (control, resource, verdict, severity, detail): its last entry
        self._host = array("I")
        self._since = array("I")
        self._before = array("I")  # the entry before it of the same group: a chain
        self.drift = [array("I", bytes(4 * len(hosts))) for _ in SEVERITIES]  # of each host
        self.open = dict.fromkeys(VERDICTS, 0)

    def take(self, rows, tick=lambda number: None):
        """Take the rows of the store's ``open_findings``; those of other hosts are dropped."""
        index, groups = self._index, self._groups
        number = len(self._host)
        add_host, add_since, add_before = self._host.append, self._since.append, self._before.append
        last_of, place = groups.get, index.get
        for host, control, resource, verdict, severity, since, detail in rows:
            at = place(host)
            if at is None:
                continue
            key = (control, resource, verdict, severity, detail)
            add_before(last_of(key, NONE))
            groups[key] = number
            add_host(at)
            add_since(since if since > 0 else 0)
            number += 1
            if not number % 20000:
                tick(number)

    def settle(self, details):
        """Give each group its text, and make one finding of those that differ in evidence only.

        details
            ``details(keys)`` streams ``(key, (observed, expected, evidence, comment, …))``.
        """
        by_detail = {}
        for key, last in self._groups.items():
            by_detail.setdefault(key[4], []).append((key, last))
        self._groups = {}
        found = {}
        for detail, (observed, expected, evidence, comment, *_rest) in details(list(by_detail)):
            texts = (data(observed), data(expected), shown(comment))
            evidence = shown(evidence)
            for (control, resource, verdict, severity, _detail), last in by_detail.pop(detail):
                key = (control, resource, verdict, severity, *texts)
                finding = found.get(key)
                if finding is None:
                    finding = found[key] = Finding(
                        control,
                        SEVERITIES.index(severity) if severity in SEVERITIES else -1,
                        VERDICTS.index(CODES[verdict]),
                        (shown(resource), *texts),
                    )
                    if finding.severity < 0:
                        finding.severity = len(SEVERITIES) - 1
                finding.evidence.append((evidence, last))
                self._count(finding, last)
        for finding in found.values():
            finding.evidence.sort()  # the store gives them in no order
        return sorted(found.values(), key=lambda finding: finding.rank)

    def _count(self, finding, last):
        drift = self.drift[finding.severity] if finding.verdict == 0 else None
        number, oldest = 0, finding.oldest or NONE
        host_of, since_of, before = self._host, self._since, self._before
        while last != NONE:
            number += 1
            if since_of[last] < oldest:
                oldest = since_of[last]
            if drift is not None:
                drift[host_of[last]] += 1
            last = before[last]
        finding.hosts += number
        finding.oldest = oldest
        self.open[VERDICTS[finding.verdict]] += number

    def entries(self, finding):
        """``(host index, since, number of its evidence)`` of each host, in the hosts' order."""
        host_of, since_of, before = self._host, self._since, self._before
        found = []
        for number, (_text, last) in enumerate(finding.evidence):
            while last != NONE:
                found.append((host_of[last], since_of[last], number))
                last = before[last]
        found.sort()
        return found
