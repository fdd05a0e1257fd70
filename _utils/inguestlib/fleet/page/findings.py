"""What is wrong on many hosts at once, held once: findings that are equal, and who has them."""

from array import array

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
        The index of its control.
    severity, verdict
        Indices in ``SEVERITIES`` and :data:`VERDICTS`.
    texts
        Resource, observed, expected, comment.
    evidence
        ``{text: number}``: which hosts have which is told by the entries.
    hosts
        How many have it; ``oldest`` since when the first of them, ``newest`` the last, in seconds
        of the epoch.
    """

    __slots__ = (
        *("control", "severity", "verdict", "texts", "evidence", "hosts", "oldest", "newest"),
        "last",
    )

    def __init__(self, control, severity, verdict, texts):
        self.control = control
        self.severity = severity
        self.verdict = verdict
        self.texts = texts
        self.evidence = {}
        self.hosts = 0
        self.oldest = self.newest = 0
        self.last = NONE

    @property
    def rank(self):
        """Sorts the worst first."""
        return (self.severity, self.verdict, -self.hosts, self.control, self.texts[0])


class Findings:
    """All open findings of a fleet. One entry costs 16 bytes, whatever its text.

    hosts
        ``{name: index}``.
    """

    def __init__(self, hosts):
        self._host_index = hosts
        self._controls = {}
        self._groups = {}
        self._host = array("I")
        self._since = array("I")
        self._evidence = array("I")
        self._before = array("I")  # the entry before it of the same finding: a chain
        self.drift = [array("I", bytes(4 * len(hosts))) for _ in SEVERITIES]  # of each host

    def __len__(self):
        return len(self._host)

    @property
    def controls(self):
        """``{id: index}`` of the controls that were met."""
        return self._controls

    def add(self, interval):
        """Take one open interval of the store; one of a host that isn't known is dropped."""
        host = self._host_index.get(interval.host)
        if host is None or interval.verdict not in VERDICTS:
            return
        key = (
            *(interval.control, interval.resource, interval.verdict, interval.severity),
            *(repr(interval.observed), repr(interval.expected), interval.comment),
        )
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = self._new(interval)
        since = max(0, int(interval.first_seen.timestamp()))
        number = group.evidence.setdefault(interval.evidence or "", len(group.evidence))
        self._host.append(host)
        self._since.append(since)
        self._evidence.append(number)
        self._before.append(group.last)
        group.last = len(self._host) - 1
        group.hosts += 1
        group.oldest = min(group.oldest or since, since)
        group.newest = max(group.newest, since)
        if group.verdict == 0:
            self.drift[group.severity][host] += 1

    def _new(self, interval):
        known = interval.severity in SEVERITIES
        return Finding(
            self._controls.setdefault(interval.control, len(self._controls)),
            SEVERITIES.index(interval.severity) if known else len(SEVERITIES) - 1,
            VERDICTS.index(interval.verdict),
            (
                *(shown(interval.resource), data(interval.observed), data(interval.expected)),
                shown(interval.comment or ""),
            ),
        )

    def ranked(self):
        """The findings, worst first."""
        return sorted(self._groups.values(), key=lambda group: group.rank)

    def entries(self, finding):
        """``(host index, since, number of its evidence)`` of each host, in the hosts' order."""
        found = []
        at = finding.last
        while at != NONE:
            found.append((self._host[at], self._since[at], self._evidence[at]))
            at = self._before[at]
        found.sort()
        return found
