"""The fleet as a file: which format, for which hosts, written so that nobody reads half of it."""

import os
import tempfile

from inguestlib.fleet import page
from inguestlib.fleet.answers import TROUBLE
from inguestlib.fleet.formats import FORMATS
from inguestlib.fleet.text import clean
from inguestlib.fleet.views import SCHEMA, ViewError, hosts, quiet, when

NAMES = ("html", *sorted(FORMATS))
MODE = 0o640
MOST_TEXT = 8 << 20  # bytes that are returned; a return goes over the event bus and is kept there


def texts(
    reader, format, *, now, silent_after, match=None, since=None, everything=None, tick=quiet
):
    """The report, as an iterator of texts.

    reader
        :class:`inguestlib.fleet.store.reader.Reader`.
    format
        One of :data:`NAMES`.
    match
        ``match(name)``: only these hosts; ``None`` for all.
    since
        ``html`` only: where drift over time begins, as a person writes it.
    everything
        Not ``html``: whether what is compliant is told, too; ``None``: the format's own way.

    Raises :class:`inguestlib.fleet.views.ViewError`.
    """
    if format not in NAMES:
        raise ViewError(f"format={format!s}: give one of {', '.join(NAMES)}")
    names = None
    if match is not None:
        names = [host.name for host in hosts.wanted(reader, match)]
        if not names:
            raise ViewError("no host of the store matches" + hosts.hint("", hosts.names(reader)))
    how = {"names": names, "now": now, "silent_after": silent_after, "tick": tick}
    if format == "html":
        if everything is not None:
            raise ViewError("everything= is of the other formats: the page counts all verdicts")
        begin = when.moment(since, now) if since else None
        return page.render(reader, since=begin, **how)
    if since:
        raise ViewError(f"since= is of format=html; {format} tells what is open now")
    if everything is not None:
        how["everything"] = bool(everything)
    return FORMATS[format].render(reader, **how)


def permission(given):
    """The mode that a person means: ``0644``, ``644`` or ``"0644"`` are all read as octal."""
    if given is None:
        return MODE
    try:
        mode = int(str(given), 8)
    except ValueError:
        mode = -1
    if not 0o400 <= mode <= 0o777:
        raise ViewError(f"mode={given!s}: give an octal mode like 0640")
    return mode


def write(path, pieces, mode=MODE):
    """Write texts to a file that appears whole or not at all; the bytes that it has.

    A file that was there is replaced when the new one lies on the disk. A link is replaced, not
    followed. Raises :class:`OSError`.
    """
    path = os.path.abspath(path)
    if os.path.isdir(path):
        raise IsADirectoryError(21, "is a directory; name a file", path)
    folder, name = os.path.split(path)
    handle, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), mode)
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    return size


def written(format, path, size):
    """What is told of a report that was written."""
    return {
        "schema": SCHEMA,
        "view": "report",
        "format": format,
        "out": os.path.abspath(path),
        "bytes": size,
        "retcode": 0,
    }


def returned(format, pieces):
    """The report itself, as an answer. Raises :class:`ViewError` where it is too long for one."""
    kept, size = [], 0
    for piece in pieces:
        size += len(piece.encode("utf-8"))
        if size > MOST_TEXT:
            raise ViewError(
                f"the report is longer than {MOST_TEXT >> 20} MiB, which is too much for Salt's "
                "event bus: give out=FILE"
            )
        kept.append(piece)
    text = "".join(kept)
    return {"schema": SCHEMA, "view": "report", "format": format, "text": text, "retcode": 0}


def failed(format, words):
    """What is told of a report that could not be made."""
    return {
        "schema": SCHEMA,
        "view": "report",
        "format": str(format),
        "error": words,
        "retcode": TROUBLE,
    }


def text(data):
    """What a terminal shows: the report itself, or where it was written."""
    if "error" in data:
        return clean(data["error"])
    if "text" in data:
        return data["text"].removesuffix("\n")
    return f"{data['out']}: {data['format']}, {_size(data['bytes'])}"


def _size(number):
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
