"""What an operator sees of the store: pure functions of a Reader, that give plain data.

Each view is ``{"schema": 1, "view": name, "time": …, …, "retcode": 0 | 2 | 3}``. The exit codes are
those of an audit: 3 is trouble (silent hosts, messages set aside, checks that broke), 2 is drift,
0 is clean. Times are UTC, ``2026-11-23T10:00:00Z``. ``tick`` is called with words about how far a
view has come; nothing else leaves these functions.

==============  ===================================================================
:mod:`.status`  the fleet now: totals, the worst hosts, who is silent or never spoke
:mod:`.drift`   what began and what was cured since a time
:mod:`.history` a host or a control over time, and since when it fails
:mod:`.diff`    two hosts, or a host and its baseline
:mod:`.waivers` which are in use, will expire, have expired, or fit nothing
:mod:`.verify`  whether what is stored is one unbroken chain by the accepted keys
==============  ===================================================================

:mod:`inguestlib.fleet.tables` shows them on a terminal.
"""

SCHEMA = 1


class ViewError(ValueError):
    """What was asked for can't be shown; the text says why, and what to ask for."""


def quiet(words):
    """The ``tick`` that tells nobody."""
