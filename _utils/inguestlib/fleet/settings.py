"""What the master's configuration says below ``inguest:``, checked.

::

    inguest:
      store: postgresql+psycopg://inguest@db.example.com/inguest
      silent_after: 10800
      retention: 400
      retention_aside: 90
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from inguestlib import schema

DAY = 86400

KEYS = {
    "store": schema.Str(
        "",
        help="SQLAlchemy URL of the database; a file of SQLite below cachedir where it is missing",
    ),
    "silent_after": schema.Int(
        10800, low=60, help="seconds without a message after which a host is called silent"
    ),
    "retention": schema.Int(
        400, low=1, help="days that ended findings and passed links of chains are kept"
    ),
    "retention_aside": schema.Int(90, low=1, help="days that messages set aside are kept"),
    "batch": schema.Int(
        500, low=1, high=10000, help="messages that go into the store in one transaction"
    ),
    "flush": schema.Int(
        2, low=1, high=300, help="seconds that a message waits at most for others of its batch"
    ),
}


class SettingsError(ValueError):
    """The master's configuration can't be used; the text names each key and its mend."""


class Settings(NamedTuple):
    """The keys, each with its value. ``store`` is a URL; ``home`` is the folder of a default one.

    ``home`` is ``None`` where the configuration names a store.
    """

    store: str
    silent_after: int = 10800
    retention: int = 400
    retention_aside: int = 90
    batch: int = 500
    flush: int = 2
    home: str | None = None


def load(opts):
    """The :class:`Settings` of a master.

    opts
        The master's configuration: ``cachedir``, and the mapping ``inguest``, which may be missing.

    Raises :class:`SettingsError`.
    """
    given = opts.get("inguest")
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise SettingsError("inguest: of the master's configuration is not a mapping; write keys")
    problems = []
    values = schema.Struct(KEYS).check(dict(given), "inguest", problems)
    if problems:
        raise SettingsError("\n".join(map(str, problems)))
    home = None
    if not values["store"]:
        if not opts.get("cachedir"):
            raise SettingsError("inguest:store is missing, and so is cachedir; name a store")
        home = os.path.join(opts["cachedir"], "inguest")
        values["store"] = "sqlite:///" + os.path.join(home, "store.sqlite")
    return Settings(**values, home=home)
