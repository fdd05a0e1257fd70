"""
Reports of the fleet
====================

::

    salt-run inguest.report out=/srv/reports/fleet.html
    salt-run inguest.report format=prometheus out=/var/lib/node_exporter/inguest.prom mode=0644
    salt-run inguest.report 'web*' format=csv > web.csv

What is stored is read; no guest is asked.
"""

import datetime as dt
import time

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib.fleet import reports, settings, steps, store, terminal
from inguestlib.fleet.views import ViewError, hosts

INTERFACE = 1

__virtualname__ = "inguest"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def report(
    tgt="*",
    tgt_type="glob",
    format="html",
    out=None,
    since=None,
    everything=None,
    mode=None,
):
    """
    Make a report of the fleet as its last messages left it.

    tgt, tgt_type
        Which hosts of the store: ``glob``, ``list`` or ``pcre``.
    format
        ``html``: one page that needs nothing else, with drift over time, a map of hosts and
        controls, and every finding with its evidence and age. Or ``csv``, ``json``, ``junit``,
        ``ocsf``, ``prometheus``, ``sarif``.
    out
        The file to write, on the machine that runs this. It appears whole or not at all. Without
        it the report is the answer, printed as it is; then it also goes over the event bus and
        into the job cache, so at most 8 MiB.
    since
        ``html`` only: where drift over time begins: ``30d``, or a day. 90 days ago by default.
    everything
        Not ``html``: whether findings that are compliant or not applicable are told, too. Each
        format has its own way: ``junit`` does, the others don't.
    mode
        Permissions of the file, ``0640`` by default.

    Returns ``{"schema": 1, "view": "report", "format", "out", "bytes", "retcode": 0}``; without
    ``out`` the key ``text`` in place of ``out`` and ``bytes``. What could not be done is told under
    ``error``; then nothing was written, and the exit code is 3.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.report out=/srv/reports/fleet.html
        salt-run inguest.report 'db*' format=junit out=/tmp/db.xml
    """
    inguestlib.warn_if_stale(__file__)
    told = _steps()
    try:
        permissions = reports.permission(mode)
        match = hosts.matcher(tgt, tgt_type)
        asked = settings.load(__opts__)
        with store.open_store(asked) as kept, kept.read() as reader:
            pieces = reports.texts(
                reader,
                format,
                now=dt.datetime.now(dt.timezone.utc),
                silent_after=asked.silent_after,
                match=match,
                since=since,
                everything=everything,
                tick=told,
            )
            if out:
                size = reports.write(out, pieces, permissions)
                result = reports.written(format, out, size)
            else:
                result = reports.returned(format, pieces)
    except (ViewError, settings.SettingsError, store.StoreError) as exc:
        result = reports.failed(format, str(exc))
    except OSError as exc:
        result = reports.failed(format, f"{out}: {exc.strerror or exc}")
    finally:
        told.done()
    __context__["retcode"] = result["retcode"]
    if not __opts__.get("output"):
        result["outputter"] = "inguest"
    return result


def _steps():
    stream, columns = terminal.stream(__opts__), terminal.columns()
    return steps.Steps(stream, time.monotonic, terminal.fire(__salt__), columns)
