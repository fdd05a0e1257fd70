"""A new start for a host whose chain can't go on: what is accepted, and what came of it."""

from inguestlib.fleet.answers import CLEAN, TROUBLE
from inguestlib.fleet.views import SCHEMA, ViewError, hosts, when

MOST = 5  # messages set aside that are shown


def before(reader, name, key):
    """What is known of the host before it is accepted anew: plain data.

    key
        Fingerprint of the key that the master accepted of it, ``None`` for none.

    Raises :class:`ViewError` for a host that the store doesn't know, and where no key is accepted:
    nothing that it could send would be taken.
    """
    aside = reader.aside([name])
    found = reader.hosts([name])
    if not found:
        if aside:
            raise ViewError(
                f"nothing of {name} was ever taken, so there is no chain to replace; "
                f"its last message was set aside: {aside[0].why}"
            )
        hosts.one(reader, name)
    host = found[0]
    if key is None:
        raise ViewError(f"this master has accepted no key of {name}: see salt-key -L")
    return {
        "seq": host.seq,
        "digest": host.digest,
        "key": host.key,
        "accepted_key": key,
        "reported": when.stamp(host.reported),
        "aside": [
            {"kind": one.kind, "why": one.why, "seq": one.seq, "received": when.stamp(one.received)}
            for one in aside[:MOST]
        ],
    }


def accepted(name, known, answer, now):
    """The view ``accept``.

    known
        From :func:`before`.
    answer
        What ``inguest.report anew=True`` answered on the guest; ``None`` when nothing came, or
        when it was not asked.

    ``sent`` says whether the guest sent the report that begins the new chain; where it did not,
    the mark stays and its next full report is taken. Exit code 0, or 3 when it did not.
    """
    sent = isinstance(answer, dict) and bool(answer.get("sent"))
    return {
        "schema": SCHEMA,
        "view": "accept",
        "time": when.stamp(now),
        "host": name,
        "before": known,
        "answer": answer,
        "sent": sent,
        "retcode": CLEAN if sent else TROUBLE,
    }
