"""
Take what guests report into the store
======================================

Runs on the master::

    engines:
      - inguest: {}

It reads reports, heartbeats and the beacon's events from the master's event bus, checks signature
and chain of each, writes them in batches into the store, and acknowledges them after the commit.
What isn't acknowledged is sent again by its guest: the engine, the master and the database may be
killed at any time without a report being lost or counted twice.

The store, and how large a batch is, is set below ``inguest`` in the master's configuration.
"""

import logging
import os
import time

import salt.cache
import salt.client
import salt.utils.event

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib.fleet import settings, store
from inguestlib.fleet.ingest import keys, loop

INTERFACE = 1

__virtualname__ = "inguest"

_LOG = logging.getLogger(__name__)
_WRONG = 60  # seconds until Salt starts an engine again that can't use its configuration


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def start():
    """
    Run until the master stops. Salt starts it again when it ends.
    """
    try:
        chosen = settings.load(__opts__)
    except settings.SettingsError as exc:
        _LOG.error("inguest: the engine can't run: %s", exc)
        time.sleep(_WRONG)
        return
    with Bus(__opts__) as bus, Master(__opts__) as master:
        engine = loop.Engine(
            bus,
            salt.utils.event.SaltEvent.unpack,
            lambda: store.open_store(chosen),
            keys.of_master(__opts__, salt.cache.Cache, time.monotonic).of,
            master.run,
            __opts__["id"],
            loop.Clock,
            loop.Limits(chosen.batch, chosen.flush),
            foreign=bool(__opts__.get("order_masters")),
        )
        _LOG.info("inguest: the engine takes reports")
        engine.run(_Going())


class _Going:
    """Whether to go on: not without the master that started us, and not on code that was replaced
    by a sync. Then Salt starts the engine again."""

    EVERY = 10  # seconds between two looks at the files

    def __init__(self):
        self._parent = os.getppid()
        self._looked = time.monotonic()

    def __call__(self):
        if os.getppid() != self._parent:
            return False
        now = time.monotonic()
        if now - self._looked < self.EVERY:
            return True
        self._looked = now
        return not inguestlib.stale(__file__)


class Bus:
    """The master's event bus, as raw bytes: of most events nothing is unpacked."""

    def __init__(self, opts):
        self._opts = opts
        self._event = None

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self._leave()

    def wait(self, seconds, enough):
        """The events that came: when the first is there, all that are, but not many more than
        ``enough``; nothing when none comes for so many seconds."""
        try:
            first = self._receive(seconds)
            found = [] if first is None else [first]
            while found and len(found) < enough:
                more = self._receive(0)
                if more is None:
                    break
                found.append(more)
            return found
        except Exception as exc:  # the publisher was restarted: its kinds of error differ
            _LOG.warning("inguest: the event bus is away: %s", exc)
            self._leave()
            time.sleep(min(1.0, seconds))
            return []

    def _receive(self, seconds):
        event = self._joined()
        receive = getattr(event.subscriber, "recv", None) or event.subscriber.read  # 3006: read
        return receive(timeout=seconds)

    def _joined(self):
        if self._event is None:
            self._event = salt.utils.event.get_master_event(
                self._opts, self._opts["sock_dir"], listen=True
            )
        if not self._event.cpub and not self._event.connect_pub(timeout=5):
            raise ConnectionError("no publisher of events")
        return self._event

    def _leave(self):
        event, self._event = self._event, None
        if event is not None:
            event.destroy()


class Master:
    """Has minions run a function, as a job of their master."""

    def __init__(self, opts):
        self._opts = opts
        self._client = None

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self._leave()

    def run(self, function, hosts, **arguments):
        """Publish the job; what the minions return is not waited for."""
        if self._client is None:
            self._client = salt.client.LocalClient(mopts=dict(self._opts))
        try:
            self._client.run_job(hosts, function, tgt_type="list", kwarg=arguments)
        except BaseException:
            self._leave()
            raise

    def _leave(self):
        client, self._client = self._client, None
        if client is not None and hasattr(client, "destroy"):
            client.destroy()
