"""The fleet as other programs read it. ``FORMATS[name].render(reader, …)`` gives texts, streamed.

Every format has the same way in::

    render(reader, *, names=None, everything=None, now=None, silent_after=10800, tick=None)

reader
    What the store's ``read()`` gives.
names
    Only these hosts; ``None``: all of them.
everything
    Whether findings that are compliant or not applicable are told too. Each format has its own
    default: for ``junit`` a test that passes is a test, the others tell what an operator asks for.
now
    The time of the report, an aware datetime.
silent_after
    Seconds without a word after which a host is called silent.
tick
    Called now and then while it reads: ``tick(words)``.

``SUFFIX`` is the usual end of such a file's name. What a guest reported was perhaps written by
somebody hostile; each format escapes it for who reads it.
"""

from inguestlib.fleet.formats import csv, json, junit, ocsf, prometheus, sarif

FORMATS = {
    "csv": csv,
    "json": json,
    "junit": junit,
    "ocsf": ocsf,
    "prometheus": prometheus,
    "sarif": sarif,
}
