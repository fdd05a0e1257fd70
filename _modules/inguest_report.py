"""
Report a guest's drift to its master
====================================

``inguest.report`` audits the guest and tells the master what it found: a signed report when
something is new, else a heartbeat of a few hundred bytes. Schedule it. What the master's engine
``inguest`` has not acknowledged is kept and sent again.

Every function raises ``CommandExecutionError`` where nothing could be told; then what was to be
told is told by the next report.
"""

import datetime as dt
import functools
import json
import logging

from salt.exceptions import CommandExecutionError, SaltInvocationError

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import audit, messages, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from inguestlib.reporting import chain, minion, outbox, states, tell
from inguestlib.reporting import revision as revisions

INTERFACE = 1

__virtualname__ = "inguest"

_LOG = logging.getLogger(__name__)

all_families()  # all of the library is loaded now, and so of one age


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def _plainly(function):
    """Turn the library's errors into Salt's, once, at the edge."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (policy.PolicyInvalid, chain.ChainError, messages.MessageError, OSError) as exc:
            raise CommandExecutionError(str(exc)) from exc

    return wrapped


@_plainly
def report(full=False, anew=False):
    """
    Audit the guest and tell the master: a report when something is new since the last one, else a
    heartbeat. What the master did not acknowledge long ago is sent again, first.

    full
        A report in any case, and with it the facts.
    anew
        Likewise, as the start of a new chain: the master takes it after
        ``salt-run inguest.accept``. What still waited is given up.

    Returns ``kind`` (``report`` or ``heartbeat``), ``seq`` and ``digest`` of the last report,
    ``why`` it was one, ``bytes`` of the message, the numbers sent ``again``, whether it was
    ``sent``, and the ``summary`` of the audit.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.report
        salt 'web1' inguest.report full=True
        salt 'web1' inguest.report anew=True
    """
    reason = minion.without_master(__opts__)
    if reason:
        raise CommandExecutionError(
            f"{reason}: there is nobody to report to. inguest.audit shows what a report would say"
        )
    here = minion.place(__opts__)
    here.signer.fingerprint  # noqa: B018 - without a key there is no use in an audit
    facts, found = _audited()
    revision = revisions.known(__pillar__.get("inguest"), __opts__)
    again = [] if anew else _sent_again(here)
    told = tell.report(here, facts, found, revision, full=full, anew=anew)
    beat = told.kind == "heartbeat"
    sent = _send(messages.HEARTBEAT_TAG if beat else messages.REPORT_TAG, told.envelope)
    return {
        "schema": 1,
        "kind": told.kind,
        "seq": told.seq,
        "digest": told.digest,
        "why": told.why,
        "bytes": len(json.dumps(told.envelope)),
        "again": again,
        "sent": sent,
        "summary": found["summary"],
    }


@_plainly
def acknowledge(got):
    """
    The master has stored everything up to a message; it calls this itself.

    got
        ``{minion id: [seq, digest]}``, for many minions at once.

    Returns how many messages wait no more, and how many still ``wait``; an empty mapping where
    this minion isn't among them.

    CLI Example:

    .. code-block:: bash

        salt -L web1,web2 inguest.acknowledge got='{web1: [7, "sha256:…"], web2: [3, "sha256:…"]}'
    """
    mine = _mine(got, "got")
    if mine is None:
        return {}
    seq, digest = _pair(mine, "got")
    with chain.opened(_unsigned()) as link:
        removed = link.acknowledge(seq, digest)
        return {"acknowledged": removed, "wait": len(outbox.numbers(link.home))}


@_plainly
def refused(why):
    """
    The master would not take a message; it calls this itself. The message stays, and is sent again
    now and then.

    why
        ``{minion id: [seq, reason]}``, for many minions at once.

    CLI Example:

    .. code-block:: bash

        salt 'web1' inguest.refused why='{web1: [7, broken chain]}'
    """
    mine = _mine(why, "why")
    if mine is None:
        return {}
    seq, reason = _pair(mine, "why")
    with chain.opened(_unsigned()) as link:
        link.refuse(seq, reason, dt.datetime.now(dt.timezone.utc))
    _LOG.error("inguest: the master refuses report %s: %s", seq, reason)
    return {"refused": seq, "reason": reason}


@_plainly
def resend(since=None):
    """
    Send again what the master did not acknowledge.

    since
        Everything from this number on, or ``{minion id: number}`` for many minions at once;
        without it, what waits long enough: 5 minutes, then twice as long each time, up to an hour.

    Returns the numbers ``sent``, and under ``missing`` the number asked for where it isn't there
    any more: then ``inguest.report anew=True`` is the way on.

    CLI Example:

    .. code-block:: bash

        salt 'web1' inguest.resend
        salt 'web1' inguest.resend since=7
    """
    if since is not None and not isinstance(since, int):
        since = _mine(since, "since")
        if since is None:
            return {}
    here = minion.place(__opts__)
    missing = None
    if since is not None:
        waiting = outbox.numbers(here.home)
        state = states.read(here.home)
        if since not in waiting and (state is None or since <= state.seq):
            missing = since
            _LOG.error("inguest: the master asks for report %s, which is not kept any more", since)
    return {"sent": _sent_again(here, since), "missing": missing}


@_plainly
def outbox_():
    """
    What this guest has told, and what of it the master has not acknowledged.

    Returns ``seq``, ``digest``, ``kind`` and ``time`` of the last message, what it named
    (``policy``, ``facts``, ``revision``), the fingerprint of its ``key``, up to which number the
    master has ``acknowledged``, what it ``refused``, and the messages that are ``waiting``: each
    with ``seq``, ``kind``, ``time``, ``bytes`` and how often it was ``sent``.

    CLI Example:

    .. code-block:: bash

        salt 'web1' inguest.outbox
    """
    return tell.shown(minion.home(__opts__))


__func_alias__ = {"outbox_": "outbox"}


def _audited():
    """Facts and report of a whole audit of this minion's guest."""
    loaded = policy.load(__pillar__.get("inguest"), families=all_families(), resolve=_sdb)
    return audit.audited(Guest(minion.root(__opts__)), loaded, name=__opts__["id"])


def _sdb(uri):
    """The value that an ``sdb://`` URI of the policy stands for; an error where there is none."""
    return __salt__["sdb.get"](uri, strict=True)


def _unsigned():
    """The place, for those who only note what the master said."""
    return chain.Place(minion.home(__opts__), __opts__["id"])


def _sent_again(here, since=None):
    if since is None and not outbox.due(here.home):
        return []
    waiting = tell.again(here, since)
    return [one["seq"] for one in waiting if _send(messages.REPORT_TAG, one["envelope"])]


def _send(tag, envelope):
    if __salt__["event.send"](tag, {"message": envelope}):
        return True
    _LOG.warning("inguest: an event %s could not be sent; what it says is kept", tag)
    return False


def _mine(data, name):
    if not isinstance(data, dict):
        raise SaltInvocationError(f"{name} is a mapping of minion ids")
    return data.get(__opts__["id"])


def _pair(value, name):
    if not isinstance(value, (list, tuple)) or len(value) != 2 or type(value[0]) is not int:
        raise SaltInvocationError(f"{name} holds a number and a text for each minion id")
    return value[0], str(value[1])
