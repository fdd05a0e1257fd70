"""
See the fleet's drift, from what the minions reported
=====================================================

::

    salt-run inguest.status
    salt-run inguest.drift since=24h
    salt-run inguest.history web1
    salt-run inguest.history dns-servers-approved
    salt-run inguest.diff web2 baseline=web1 facts=True
    salt-run inguest.waivers within=30d
    salt-run inguest.verify
    salt-run inguest.accept web1

All but ``accept`` only read the store that the engine ``inguest`` fills; no minion is asked. Where
it lies is set in the master's configuration, below ``inguest``. Where a function takes a target, it
is matched with the names that the store knows (``glob``, ``list``, ``pcre``); grains, pillar and
other kinds are matched by what the master has cached of its minions.

The exit code of ``salt-run`` is 0, 2 (drift) or 3 (trouble); what each means is said for each
function. What could not be shown at all is ``{"schema": 1, "view": …, "error": why, "retcode":
3}``.
"""

import contextlib
import datetime as dt
import io
import time

import salt.cache
import salt.client
import salt.exceptions
import salt.key
import salt.utils.minions

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import audit
from inguestlib.fleet import settings, steps, store, terminal
from inguestlib.fleet.ingest import keys
from inguestlib.fleet.views import ViewError, hosts, when
from inguestlib.fleet.views import accept as accept_view
from inguestlib.fleet.views import diff as diff_view
from inguestlib.fleet.views import drift as drift_view
from inguestlib.fleet.views import history as history_view
from inguestlib.fleet.views import status as status_view
from inguestlib.fleet.views import verify as verify_view
from inguestlib.fleet.views import waivers as waivers_view

INTERFACE = 1

__virtualname__ = "inguest"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def status(tgt="*", tgt_type="glob", most=10, show=None):
    """
    How the fleet stands: totals, the worst hosts and controls, who is silent, who never reported,
    and of whom messages were set aside.

    tgt, tgt_type
        Which hosts.
    most
        How many of the worst hosts and controls.
    show
        ``all``: the table names every silent host.

    Returns ``hosts`` (numbers by standing: ``clean``, ``drift``, ``unknown``, ``trouble``,
    ``silent``, ``never``), ``verdicts`` and ``drift`` (findings by verdict, and drift by severity),
    ``worst``, ``controls``, ``silent`` (``[{"host", "last_seen", "seconds"}]``), ``never`` (ids
    whose keys are accepted and that never reported), ``aside`` (``[{"host", "messages", "times",
    "kinds", "received", "why"}]``, of the last day), ``keyless``, ``policies``, ``revisions``,
    ``versions`` (numbers of hosts), ``retcode``. The exit code is 3 when a host is silent or never
    reported, a message was set aside, or a check broke; else 2 with drift; else 3 when something
    could not be seen; else 0.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.status
        salt-run inguest.status 'os:Debian' tgt_type=grain
        salt-run inguest.status 'web*' most=50 --out=json
    """

    def make(reader, chosen, now, told):
        accepted = salt.key.get_key(__opts__).list_status("acc")["minions"]
        return status_view.status(
            reader,
            now,
            chosen.silent_after,
            match=_match(tgt, tgt_type),
            accepted=accepted,
            most=_number(most, "most"),
            tick=told,
        )

    return _view("status", make, show)


def drift(since="24h", tgt="*", tgt_type="glob", controls=None, severities=None, show=None):
    """
    What began to drift and what was cured since a time.

    since
        A span such as ``90m``, ``24h`` or ``7d``, or a time, UTC: ``2026-11-23``,
        ``2026-11-23T10:00:00Z``.
    tgt, tgt_type
        Which hosts.
    controls, severities
        Only these: names, separated by commas.
    show
        ``all``: the table also lists what began and ended in between, and names all hosts.

    Returns the lists ``began``, ``cured``, ``waived``, ``unseen`` (it drifted, and now nobody can
    say) and ``passed`` (began and ended in between) of ``{"host", "control", "family", "resource",
    "severity", "since", "ended", "observed", "expected", "evidence", "comment"}``; ``summary``
    counts them, ``open`` counts all drift that is open now by severity, ``new_hosts`` were not
    known then. The exit code is 2 when anything began, else 0.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.drift
        salt-run inguest.drift since=7d severities=high
        salt-run inguest.drift since=2026-11-01 tgt='db*' --out=json
    """

    def make(reader, _chosen, now, told):
        return drift_view.drift(
            reader,
            when.moment(since, now),
            now,
            match=_match(tgt, tgt_type),
            controls=audit.names(controls),
            severities=audit.names(severities),
            tick=told,
        )

    return _view("drift", make, show)


def history(name, kind=None, since=None, until=None, tgt="*", tgt_type="glob", show=None):
    """
    A host, or a control on all hosts, over time: since when it fails, and what was before.

    name
        A host's or a control's.
    kind
        ``host`` or ``control``, where the name is both.
    since, until
        Only what was open at any time between them: a span before now, or a time, as for
        ``inguest.drift``.
    tgt, tgt_type
        Of a control: on which hosts.
    show
        ``all``: the table has no end.

    Returns ``kind``, ``failing`` (``[{"host", "control", "resource", "severity", "since",
    "seconds"}]``: the drift that is open) and ``intervals``, the latest first: ``host, control,
    family, resource, verdict, severity, first_seen, last_seen, ended`` (``None``: open),
    ``seconds``, ``observed, expected, evidence, comment``. The exit code is 2 while anything
    drifts, else 3 while a check breaks or can't see, else 0.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.history web1 since=30d
        salt-run inguest.history dns-servers-approved tgt='web*'
    """

    def make(reader, _chosen, now, told):
        return history_view.history(
            reader,
            str(name),
            now,
            kind=kind,
            since=None if since is None else when.moment(since, now),
            until=None if until is None else when.moment(until, now, "until"),
            match=_match(tgt, tgt_type),
            tick=told,
        )

    return _view("history", make, show)


def diff(host, other=None, baseline=None, facts=False, show=None):
    """
    What differs between two hosts, or between a host and the one that it should be like.

    host, other
        Two hosts.
    baseline
        In place of ``other``: also says where the host is worse or better than this one.
    facts
        Compare the facts as well, without those that change by themselves or that no two hosts
        share.
    show
        ``all``: the table has all facts.

    Returns ``hosts``, ``differs`` (``[{"control", "family", "resource", <host>: finding or None,
    <other>: …, "is": "worse" | "better" | "other"}]``), ``same`` (how many findings are), ``about``
    both, ``facts`` (``[{"path", <host>: value, <other>: value}]`` or ``None``) and
    ``facts_missing``. The exit code is 2 when anything differs, else 0.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.diff web1 web2
        salt-run inguest.diff web2 baseline=web1 facts=True
    """

    def make(reader, _chosen, now, _told):
        if (other is None) == (baseline is None):
            raise ViewError("name two hosts, or one and baseline=HOST")
        return diff_view.diff(
            reader,
            str(host),
            str(baseline if other is None else other),
            now,
            baseline=baseline is not None,
            facts=bool(facts),
        )

    return _view("diff", make, show)


def waivers(tgt="*", tgt_type="glob", within="30d", show=None):
    """
    Which waivers are in use, will expire, have expired, or fit nothing, and on which hosts.

    tgt, tgt_type
        Which hosts.
    within
        What expires so soon is ``expiring``: a span such as ``30d``.
    show
        ``all``: the table names all hosts.

    Returns ``waivers``: each with its keys in the policy, ``state`` (``active``, ``unused``,
    ``not_started``, ``expired``, ``unknown_control``), ``expiring``, ``seconds`` until it expires,
    ``findings`` that it covers, and ``on``: ``{state: [hosts]}``; and ``counts`` of them. The exit
    code is 2 when one has expired, is expiring while in use, or names no control that exists.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.waivers
        salt-run inguest.waivers within=90d --out=json
    """

    def make(reader, _chosen, now, told):
        soon = when.span(within)
        return waivers_view.waivers(reader, now, soon, match=_match(tgt, tgt_type), tick=told)

    return _view("waivers", make, show)


def verify(tgt="*", tgt_type="glob", deep=False, show=None):
    """
    Whether what is stored of each host is one unbroken chain, signed by the key that is accepted
    now; and which messages were set aside, and why.

    tgt, tgt_type
        Which hosts.
    deep
        Also count the stored findings and make the digests of the stored facts anew; some
        milliseconds a host.
    show
        ``all``: the table also lists the hosts that are sound.

    Returns ``hosts`` (``[{"host", "state", "faults", "links", "first", "seq", "starts", "digest",
    "key", "reported"}]``), ``aside`` (``[{"host", "kind", "why", "seq", "digest", "key",
    "first_received", "received", "times", "master", "open"}]``) and ``summary``, hosts by state:
    ``sound``, ``broken`` (a link is missing, or what is stored is not what was said), ``key`` (not
    the accepted one), ``accepted`` (begins a new chain with its next full report), ``error`` (could
    not be checked). The exit code is 3 when one is not sound, or a message was set aside after the
    last good one of its host; else 0.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.verify
        salt-run inguest.verify web1 deep=True show=all
    """

    def make(reader, _chosen, now, told):
        match = _match(tgt, tgt_type)
        return verify_view.verify(reader, _keys().of, now, match=match, deep=bool(deep), tick=told)

    return _view("verify", make, show)


def accept(host, timeout=None):
    """
    Let a host begin a new chain, and ask it to: after it was restored from a snapshot, rebuilt
    under its old key, or lost its state.

    What was stored of it stays, and so does what was set aside. Only a report that is signed by the
    key which this master accepted is taken. Look at ``inguest.verify HOST`` first: two machines
    that speak as one host look the same.

    host
        Its minion id.
    timeout
        Seconds to wait for its answer.

    Returns ``before`` (``seq``, ``digest``, ``key``, ``accepted_key``, ``reported`` and what was
    set ``aside``), the host's ``answer``, and whether the report was ``sent``. The exit code is 3
    when it was not: then the host's next full report begins the chain.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.accept web1
    """

    def make(kept, _chosen, now, _told):
        with kept.read() as reader:
            known = accept_view.before(reader, str(host), _keys().fingerprint(str(host)))
        with kept.write() as writer:
            writer.accept(str(host))
        answer = _asked(str(host), "inguest.report", {"anew": True}, timeout)
        return accept_view.accepted(str(host), known, answer, now)

    return _stored("accept", make)


def _view(name, make, show=None):
    """The view that ``make(reader, settings, now, tick)`` gives."""

    def read(kept, chosen, now, told):
        with kept.read() as reader:
            return make(reader, chosen, now, told)

    return _stored(name, read, show)


def _stored(name, make, show=None):
    """What ``make(store, settings, now, tick)`` gives, or the error in its place."""
    inguestlib.warn_if_stale(__file__)
    told = _steps()
    try:
        chosen = settings.load(__opts__)
        now = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
        with store.open_store(chosen) as kept:
            result = make(kept, chosen, now, told)
    except (ViewError, store.StoreError, settings.SettingsError, audit.SelectionError) as exc:
        result = {"schema": 1, "view": name, "error": str(exc), "retcode": 3}
    finally:
        told.done()
    __context__["retcode"] = result["retcode"]
    if not __opts__.get("output"):
        result["outputter"] = "inguest"
        if show:
            result["show"] = show
    return result


def _match(tgt, tgt_type):
    return hosts.matcher(tgt, tgt_type, _matched)


def _matched(tgt, tgt_type):
    """The minions that a target means by what the master has cached of them."""
    matching = salt.utils.minions.CkMinions(__opts__)
    if not hasattr(matching, f"_check_{tgt_type}_minions"):
        raise ViewError(f"tgt_type={tgt_type}: there is no such kind of target")
    return matching.check_minions(tgt, tgt_type, greedy=False)["minions"]


def _keys():
    return keys.of_master(__opts__, salt.cache.Cache, time.monotonic)


def _asked(host, function, kwarg, timeout):
    """What one minion answers; ``None`` when it doesn't."""
    said = io.StringIO()  # Salt's client prints what went wrong to stdout, where our answer goes
    try:
        with (
            contextlib.redirect_stdout(said),
            salt.client.get_local_client(__opts__["conf_file"]) as client,
        ):
            timeout = int(timeout or max(60, __opts__["timeout"]))
            found = client.cmd([host], function, kwarg=kwarg, tgt_type="list", timeout=timeout)
    except salt.exceptions.SaltException as exc:
        return str(exc)
    return found.get(host) or None


def _number(given, name):
    try:
        return max(0, int(given))
    except (TypeError, ValueError):
        raise ViewError(f"{name}={given}: give a number") from None


def _steps():
    stream, columns = terminal.stream(__opts__), terminal.columns()
    return steps.Steps(stream, time.monotonic, terminal.fire(__salt__), columns)
