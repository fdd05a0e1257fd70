"""How far an audit of a fleet has come, told while the answers come in."""

from inguestlib.fleet.answers import malformed, standing
from inguestlib.fleet.text import clean

QUIET = 2.0  # seconds: what is done sooner needs no progress
EVERY = 2.0  # seconds between two lines where lines can't be overwritten


class Progress:
    """Counts answers and says so on a stream, at most as often as a person can read.

    expected
        The ids that were asked.
    stream
        Where to write; ``None`` writes nothing. A terminal gets one line that is
        overwritten, anything else a new line every two seconds.
    clock
        Gives seconds that only grow.
    columns
        The width of the terminal; an overwritten line must fit in it.
    fire
        Called with ``{"answered", "expected", "host", "standing"}`` for each answer.
    """

    def __init__(self, expected, stream, clock, fire=None, columns=80):
        self.waiting = set(expected)
        self.total = len(self.waiting)
        self.seen = {}
        self._stream = stream
        self._live = bool(stream) and stream.isatty()
        self._clock = clock
        self._fire = fire
        self._columns = columns
        self._started = clock()
        self._spoke = None
        self._drawn = ""

    def answered(self, host, answer):
        """One host answered."""
        if host in self.seen:
            return
        self.waiting.discard(host)
        self.total = max(self.total, len(self.seen) + 1)
        self.seen[host] = "trouble" if malformed(answer) else standing(answer["findings"])
        if self._fire:
            self._fire(
                {
                    "answered": len(self.seen),
                    "expected": self.total,
                    "host": host,
                    "standing": self.seen[host],
                }
            )

    def tick(self):
        """Time has gone by: speak if it is worth it."""
        now = self._clock()
        if not self._stream or now - self._started < QUIET:
            return
        text = self.text(int(now - self._started))
        if self._live:
            text = text[: self._columns - 1]
            if text != self._drawn:
                self._stream.write(f"\r\x1b[K{text}")
                self._stream.flush()
                self._drawn = text
        elif self._spoke is None or now - self._spoke >= EVERY:
            self._stream.write(text + "\n")
            self._stream.flush()
            self._spoke = now

    def done(self):
        """Leave the terminal clean for the table."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = ""

    def text(self, seconds):
        """``12 s: 3 of 5 hosts answered (1 drift), waiting for web2, web9``."""
        states = list(self.seen.values())
        found = ", ".join(
            f"{states.count(s)} {s}" for s in ("drift", "unknown", "trouble") if s in states
        )
        out = f"{seconds} s: {len(states)} of {self.total} hosts answered"
        if found:
            out += f" ({found})"
        if self.waiting:
            names = sorted(map(clean, self.waiting))
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            out += f", waiting for {', '.join(names[:3])}{more}"
        return out


class Count(Progress):
    """Counts answers of any kind; ``about`` says in a few words what was asked."""

    def __init__(self, expected, stream, clock, about, columns=80):
        super().__init__(expected, stream, clock, columns=columns)
        self._about = about

    def answered(self, host):
        """One host answered."""
        self.waiting.discard(host)
        self.seen[host] = ""

    def text(self, seconds):
        """``12 s: canary of 4, apply: 3 of 5 hosts answered, waiting for web2, web9``."""
        head, rest = super().text(seconds).split(": ", 1)
        return f"{head}: {self._about}: {rest}"
