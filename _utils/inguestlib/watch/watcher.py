"""The watcher: passes in the minion's own process, rounds in another one.

A pass (:meth:`Watcher.due`) says what has to be judged again, if anything; it is all that the
minion's process ever does. A round (:func:`work`) judges it, remembers it and gives what is to be
told. Only one round runs at a time.
"""

import time
from typing import NamedTuple

import inguestlib
from inguestlib.model import digest
from inguestlib.watch import memory
from inguestlib.watch.sentry import Sentry

VAIN = 2  # rounds in a row that changed nothing, each right after the other; from then on
PAUSE = 20  # such a round is followed by 20 times its length: a twentieth of one core
LIBRARY = inguestlib.build()  # of another one than the last round's, all is judged again
PAUSE_LIMIT = 30  # seconds; also after a round that failed


class Due(NamedTuple):
    """What has to be judged again."""

    why: str  # start, policy, code, waiver, moved
    families: frozenset | None  # None: all
    by_units: frozenset = frozenset()  # those that it concerns if units are up or down otherwise
    moved: tuple = ()  # (how, path)
    calm: bool = True  # the pass before found nothing


class Watcher:
    """What the minion's process keeps between two passes.

    folder
        The minion's state directory, see :mod:`inguestlib.watch.memory`.
    root
        ``/`` or the directory of an offline tree.
    """

    def __init__(self, folder, root):
        self.folder = folder
        self.root = root
        self._stamp = ()  # of no file: the first pass reads the memory
        self._memory = None
        self._sentry = None
        self._pillar = (None, None)
        self._calm = True
        self._new = True
        self._begun = 0.0

    def due(self, pillar, now=None):
        """The :class:`Due`, or ``None`` when nothing moved. This is the quiet pass.

        pillar
            What stands under ``inguest:``; as long as it is the same object it is not read.
        """
        now = time.time() if now is None else now
        stamp = memory.stamp(self.folder)
        if stamp != self._stamp:
            self._remember(stamp)
        elif 0 <= now - self._begun < PAUSE_LIMIT:
            return None  # a round was begun, and has not ended or has failed
        known = self._memory
        if known is None:
            return Due("start", None)
        if 0 < known["rest"] - now <= PAUSE_LIMIT:
            return None
        if self._pillar[0] is not pillar:
            self._pillar = (pillar, policy_digest(pillar))
        if self._new and known["library"] != LIBRARY:
            self._new = False
            return Due("code", None)
        if self._pillar[1] != known["pillar"]:
            return Due("policy", None)
        if known["until"] is not None and now >= known["until"]:
            return Due("waiver", None)
        moved = self._sentry.moved()
        if not moved:
            self._calm = True
            if self._begun:  # it failed, and what it was about is as it was before
                self._begun = 0.0
                memory.note_failure(self.folder, "")
            return None
        calm, self._calm = self._calm, False
        units = [mark for mark in moved if mark[0] == "units"]
        surely = frozenset(self._sentry.concerned(set(moved) - set(units)))
        perhaps = frozenset(self._sentry.concerned(units)) - surely
        return Due("moved", surely, perhaps, tuple(dict.fromkeys(moved)), calm)

    def began(self, now=None):
        """A round begins: until it has ended, or has failed for a while, nothing is due."""
        self._begun = time.time() if now is None else now

    @property
    def families(self):
        """``{family: {how: {path: signature}}}`` of what is watched; empty before a round."""
        found = self._memory["families"] if self._memory else {}
        return {name: family["marks"] for name, family in found.items()}

    def _remember(self, stamp):
        self._begun = 0.0
        self._memory = memory.load(self.folder)
        if self._memory and self._memory["root"] != self.root:
            self._memory = None
        self._stamp = stamp
        if self._memory:
            self._sentry = Sentry(self.root, self.families)


class Told(NamedTuple):
    """What a round has to tell; all empty when no verdict changed."""

    families: tuple
    drift: list
    cured: list
    message: dict | None


def work(folder, root, name, pillar, policy, due, deliver=None):
    """Judge what is due, and remember it: :class:`Told`. The caller holds the lock.

    name
        The minion id.
    pillar, policy
        What stands under ``inguest:``, and the policy loaded from it.
    deliver
        ``deliver(round, policy)`` makes the signed message of the changes and gives its envelope,
        or ``None``. It is called before anything is remembered: a round that is killed meanwhile
        is done again, and says nothing twice, for the chain knows what it said.
    """
    from inguestlib.watch import round as rounds

    started = time.process_time()
    before = memory.load(folder) or {"families": {}, "vain": 0}
    if before.get("root", root) != root:
        before = {"families": {}, "vain": 0}
    kept = before["families"]
    families = due.families
    if families is not None:
        perhaps = set(due.by_units) & set(kept)
        families = (set(families) & set(kept)) | (
            rounds.units_moved(root, kept, perhaps) if perhaps else set()
        )
    done = rounds.judge(root, policy, name, kept, families)
    if families is None:
        kept = {}  # of families that are off now, nothing is remembered
    changed = bool(done.changed or done.gone)
    message = deliver(done, policy) if deliver and changed else None
    vain = 0 if changed or due.calm else before["vain"] + 1
    spent = time.process_time() - started
    memory.save(
        folder,
        {
            "root": root,
            "library": LIBRARY,
            "policy": policy.digest,
            "pillar": policy_digest(pillar),
            "until": rounds.until(policy, name),
            "vain": vain,
            "rest": time.time() + min(PAUSE * spent, PAUSE_LIMIT) if vain >= VAIN else 0,
            "families": {**kept, **done.families},
        },
    )
    return Told(tuple(done.families), done.drift, done.cured, message)


def policy_digest(pillar):
    """The digest of the pillar's part, whatever it holds."""
    try:
        return digest(pillar)
    except (TypeError, ValueError):
        return digest(repr(pillar))
