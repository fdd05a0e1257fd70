"""Nobody is cut off: a change that could do that counts when it is confirmed, else it reverts.

Before the first effect of such a change a timer is armed that needs neither the minion nor the
master, :class:`inguestlib.reverting.Timer`. When the changes are verified, the guest asks its
master by a new connection, or waits until somebody confirms: a person, or the master after a new
audit. Confirmed, the journal is closed and the timer stopped; otherwise all is undone.

On disk, below :data:`inguestlib.journal.HOME`::

    armed.json            until when it can be confirmed; there while a timer is armed
    journal/<id>/unconfirmed   the changes of this journal are verified and wait
    outcomes.json         how the last ones ended, for who asks again

Of a reboot within the window nobody can tell whether the change caused it: it reverts. A file
below ``/run`` tells that there was none.
"""

import contextlib
import json
import os
import time
import uuid

from inguestlib import images, journal
from inguestlib.journal import Busy
from inguestlib.record import record

ARMED = "armed.json"
OUTCOMES = "outcomes.json"
RUNNING = "/run/inguest-armed"
KEPT = 50  # outcomes
_TIME = "%Y-%m-%dT%H:%M:%SZ"

# Owners whose refresh makes a guest's network anew, whichever family asks for it.
NETWORK = frozenset(
    ("netplan", "networkd", "networkmanager", "networkmanager-profiles", "resolvconf", "netconfig")
)


class Unarmed(Exception):
    """The timer could not be armed; nothing was changed."""


def isolates(family, todo):
    """Whether changes of a family could part the guest from its master. Pure.

    family
        :class:`inguestlib.model.Family`.
    """
    refreshed = {change.owner for change in todo if change.kind == "refresh"}
    return bool(todo) and (family.isolates or bool(refreshed & NETWORK))


@record
class Armed:
    """A window in which changes can be confirmed.

    until
        When it ends, for people (UTC).
    deadline
        The same by the clock that nobody sets (seconds).
    token
        Also in :data:`RUNNING` as long as the machine has not been booted again.
    """

    until: str
    deadline: float
    token: str
    window: int

    @classmethod
    def read(cls, home):
        """What is armed now, or ``None``. A torn file counts as one that has ended."""
        try:
            with open(os.path.join(home, ARMED), encoding="utf-8") as file:
                return cls(**json.load(file))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            return cls("", 0.0, "", 0)

    def rebooted(self, guest):
        """Whether the machine was booted since."""
        # Not by the guest's own reading, which is remembered: this is asked more than once.
        try:
            with open(guest.path(RUNNING), encoding="ascii", errors="replace") as file:
                return file.read() != self.token
        except FileNotFoundError:
            return True

    def left(self, guest, now=None):
        """Seconds until it has to be undone; 0 when that is due."""
        if not self.token or self.rebooted(guest):
            return 0.0
        return max(0.0, self.deadline - (time.monotonic() if now is None else now))


def refuse_while_waiting(guest, home):
    """Raise :class:`inguestlib.journal.Busy` while changes wait for their confirmation."""
    armed, waiting = Armed.read(home), journal.waiting(home)
    if armed and waiting and armed.left(guest):
        names = ", ".join(sorted(entry.plan["family"] for entry in waiting))
        raise Busy(
            f"changes of {names} wait for their confirmation until {armed.until}; "
            "inguest.confirm keeps them, inguest.revert undoes them, else they revert then"
        )


def shown(home):
    """``{"confirm": {"until", "journals"}}`` while journals wait, else nothing."""
    armed, names = Armed.read(home), sorted(entry.id for entry in journal.waiting(home))
    return {"confirm": {"until": armed.until, "journals": names}} if armed and names else {}


def waits(guest):
    """What waits on a guest now; nothing is made there."""
    return shown(guest.path(journal.HOME)).get("confirm", {})


class Guard:
    """What watches over one apply.

    timer
        Arms and disarms what outlives the minion: :class:`inguestlib.reverting.Timer`.
    settings
        The policy's ``confirm``: ``window`` (seconds) and ``without_timer``.
    ask
        ``ask(seconds)`` reaches the master by a new connection; the reason when it does not,
        else an empty string. ``None``: there is none to ask.
    later
        Leave what is verified unconfirmed: somebody else will confirm it.
    """

    def __init__(self, timer, settings, ask=None, later=False, pause=2.0):
        self.timer = timer
        self.window = settings["window"]
        self.strict = settings["without_timer"] == "refuse"
        self.ask = ask
        self.later = later
        self.note = ""
        self._pause = pause
        self._armed = False

    def arm(self, guest, home):
        """Arm the timer, or give the one that is armed the whole window again.

        Raises :class:`Unarmed`, and leaves nothing behind then. Where the guest has no timers and
        the policy allows that, :attr:`note` says so, and the guest watches as long as it runs.
        """
        missing = self.timer.missing(guest)
        if missing and (self.strict or self.ask is None):
            raise Unarmed(f"nothing was changed, for it could not revert by itself: {missing}")
        try:
            self._write(guest, home)
            if missing:
                self.later = False
                self.note = f"no timer outlives the minion here ({missing})"
            elif not self._armed:
                self.timer.arm(guest, self.window)
                self._armed = True
        except Exception as exc:
            self.disarm(guest, home)
            raise Unarmed(
                f"nothing was changed, for the timer that would revert it could not be armed: "
                f"{type(exc).__name__}: {exc}"
            ) from exc

    def _write(self, guest, home):
        known = Armed.read(home)
        token = known.token if known and known.token else uuid.uuid4().hex
        running = guest.path(RUNNING)
        os.makedirs(os.path.dirname(running), exist_ok=True)
        images.write(running, token.encode())
        until = time.strftime(_TIME, time.gmtime(time.time() + self.window))
        armed = Armed(until, time.monotonic() + self.window, token, self.window)
        _replace(home, ARMED, vars(armed))

    def confirmed(self, guest, home):
        """Ask the master as long as the window lasts; ``None``, or why it was not reached."""
        self._write(guest, home)
        end = time.monotonic() + self.window - min(5.0, self.window / 4)
        while True:
            # Long enough for a busy machine to start Python, and for a second attempt.
            reason = self.ask(max(1.0, min(60.0, end - time.monotonic())))
            if not reason:
                return None
            if time.monotonic() + self._pause >= end:
                return f"the master was not reached by a new connection, so undone: {reason}"
            time.sleep(self._pause)

    def wait(self, guest, home, entry):
        """Leave a verified journal open until it is confirmed, and begin the window now."""
        self._write(guest, home)
        entry.wait()
        until = Armed.read(home).until
        return f"reverts by itself unless it is confirmed until {until}"

    def disarm(self, guest, home):
        """Stop the timer, unless changes of another family still wait."""
        if not journal.waiting(home):
            disarm(guest, home, self.timer)
            self._armed = False


def disarm(guest, home, timer):
    """Nothing waits any more."""
    timer.disarm(guest)
    for path in (os.path.join(home, ARMED), guest.path(RUNNING)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def recover(guest, home, effects, timer, step=lambda label: None):
    """:func:`inguestlib.journal.recover`, and afterwards nothing is armed any more."""
    waiting = [entry.id for entry in journal.waiting(home)]
    recovered = journal.recover(guest, home, effects, step)
    if waiting:
        _remember(home, dict.fromkeys(waiting, "reverted"))
    if timer is not None and Armed.read(home) is not None:
        disarm(guest, home, timer)
    return recovered


def confirm(guest, timer, ids=None, wait=60.0):
    """Keep the changes that wait: their journals are closed, the timer is stopped.

    ids
        Names of journals; all that wait by default.

    Returns ``{id: "confirmed" | "reverted" | "unknown"}``; of one that ended before, how.
    """
    with journal.lock(guest, wait) as home:
        waiting = {entry.id: entry for entry in journal.waiting(home)}
        wanted = list(waiting) if ids is None else ids
        now = [waiting[name] for name in wanted if name in waiting]
        for entry in now:
            entry.close()
        if now:
            _remember(home, {entry.id: "confirmed" for entry in now})
        if not journal.waiting(home) and Armed.read(home) is not None:
            if not journal.open_ones(home):
                disarm(guest, home, timer)
        known = _outcomes(home)
    return {name: known.get(name, "unknown") for name in wanted}


def revert(guest, effects, timer, due=False, wait=3600.0, sleep=time.sleep):
    """Undo what waits for its confirmation, and what an interrupted apply has left.

    due
        Only when the window has ended; until then this waits. So does the timer's own call.

    Returns what :func:`inguestlib.journal.recover` returns.
    """
    while True:
        with journal.lock(guest, wait) as home:
            armed = Armed.read(home)
            left = armed.left(guest) if armed and due and journal.waiting(home) else 0.0
            if not left:
                recovered = recover(guest, home, effects, timer)
                timer.disarm(guest)  # where a cut has left its files only
                return recovered
        sleep(left)


def _replace(home, name, data):
    path = os.path.join(home, name)
    images.write(path + ".new", json.dumps(data).encode())
    os.rename(path + ".new", path)
    images.sync_dir(home)


def _outcomes(home):
    try:
        with open(os.path.join(home, OUTCOMES), encoding="utf-8") as file:
            return dict(json.load(file))
    except (FileNotFoundError, ValueError):
        return {}


def _remember(home, ended):
    """Keep how journals ended; one that a cut swallows is ``unknown`` to who asks."""
    known = {**_outcomes(home), **ended}
    _replace(home, OUTCOMES, dict(sorted(known.items())[-KEPT:]))
