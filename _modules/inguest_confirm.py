"""
Confirm what inguest has changed, or undo it
============================================

A change that could cut a guest off (its resolvers, its proxy, its network) counts only when it is
confirmed; otherwise the guest undoes it when the policy's ``inguest:confirm:window`` has ended,
with or without its minion. ``state.apply`` and ``inguest.apply`` see to that themselves;
these functions are for what was applied with ``confirm=later``, and for people.
"""

import inguestlib

inguestlib = inguestlib.refresh()

from salt.exceptions import CommandExecutionError

from inguestlib import audit, confirmation, reverting
from inguestlib.effects import Effects
from inguestlib.guest import Guest
from inguestlib.journal import Busy, JournalError

INTERFACE = 1

__virtualname__ = "inguest"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def confirm(ids=None):
    """
    Keep the changes that wait for their confirmation, and stop the timer.

    ids
        Names of journals, as ``inguest.apply`` returned them, or ``{minion id: names}``; all that
        wait by default.

    Returns ``{id: "confirmed" | "reverted" | "unknown"}``; of one that ended before, how it did.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.confirm
        salt-call --local inguest.confirm
    """
    if isinstance(ids, dict):
        ids = list(ids.get(__opts__["id"]) or ())
        if not ids:
            return {}
    try:
        return confirmation.confirm(Guest("/"), _timer(), audit.names(ids))
    except (Busy, OSError, audit.SelectionError) as exc:
        raise CommandExecutionError(str(exc)) from exc


def revert(due=False):
    """
    Undo the changes that wait for their confirmation, and what an interrupted run has left.

    due
        Only when the time to confirm them has ended; until then this waits. It is what the
        guest's timer calls. Needs no master and no minion.

    Returns the same as ``inguest.recover``.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.revert
    """
    try:
        return confirmation.revert(Guest("/"), Effects(__salt__), _timer(), due)
    except (Busy, JournalError, OSError) as exc:
        raise CommandExecutionError(str(exc)) from exc


def waiting():
    """
    What waits for its confirmation on this guest: ``{"until", "journals"}``, or nothing.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.waiting
    """
    return confirmation.waits(Guest("/"))


def _timer():
    return reverting.timer(__salt__, __opts__)
