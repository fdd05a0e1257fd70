"""How far a view of the store has come, in its own words."""

from inguestlib.fleet.progress import EVERY, QUIET, Progress


class Steps(Progress):
    """Called with words, says them when it takes longer than two seconds.

    stream, clock, columns
        As for :class:`inguestlib.fleet.progress.Progress`.
    tell
        Called with ``{"seconds", "words"}``, as often as a line would be written.
    """

    def __init__(self, stream, clock, tell=None, columns=80):
        super().__init__((), stream, clock, columns=columns)
        self._tell = tell
        self._told = None
        self._words = ""

    def __call__(self, words):
        self._words = words
        self.tick()
        now = self._clock()
        since = now - self._started
        if self._tell and since >= QUIET and (self._told is None or now - self._told >= EVERY):
            self._told = now
            self._tell({"seconds": int(since), "words": words})

    def text(self, seconds):
        """``12 s: facts of 4000 hosts compared``."""
        return f"{seconds} s: {self._words}"
