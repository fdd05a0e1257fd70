"""Messages that are kept aside: bounded for each host, one row for the same message again."""

from sqlalchemy import delete, func, insert, literal, select, update

from inguestlib.fleet.store.report import text
from inguestlib.fleet.store.rows import packed
from inguestlib.fleet.store.tables import Digest, aside

MOST = 100  # of a host
LARGEST = 1 << 16  # bytes of a body that is kept


def write(connection, messages):
    """Write ``[(host, kind, why, received, master, unpacked or None), …]``."""
    for host, kind, why, received, master, message in messages:
        row = {
            "host": text(host, 300),
            "kind": text(kind, 20),
            "why": text(why),
            "master": text(master, 200),
            "seq": message.body["seq"] if message else None,
            "digest": message.digest if message else None,
            "key": text(message.key, 200) if message else None,
        }
        same = [aside.c.host == row["host"], aside.c.kind == row["kind"]]
        if message:
            same.append(aside.c.digest == literal(message.digest, Digest))
        else:
            same += [aside.c.digest.is_(None), aside.c.why == row["why"]]
        again = update(aside).where(*same).values(times=aside.c.times + 1, received=received)
        if connection.execute(again).rowcount:
            continue
        if message and len(message.raw) <= LARGEST:
            row["body"] = packed(message.body)
        row |= {"first_received": received, "received": received, "times": 1}
        connection.execute(insert(aside), [row])
    for host in sorted({text(host, 300) for host, *_rest in messages}):
        _bound(connection, host)


def _bound(connection, host):
    """The oldest of a host go when there are too many."""
    mine = aside.c.host == host
    number = connection.scalar(select(func.count()).select_from(aside).where(mine))
    if number > MOST:
        oldest = select(aside.c.id).where(mine).order_by(aside.c.id).limit(number - MOST)
        connection.execute(delete(aside).where(aside.c.id.in_(oldest)))
