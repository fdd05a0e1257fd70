"""A repository's metadata as rpm's package managers keep it: repomd.xml and the primary list."""

import datetime as dt
import re

from inguestlib import versions
from inguestlib.families.tools.candidate import packed

_CHUNK = 1 << 20
_END = b"</package>"


def look(guest, folder):
    """``{"date", "fetched", "primary": path or None, "readable": bool}`` of a cached repository.

    date
        When the repository was made: the revision that it gives itself, where that is a time.
    fetched
        When the guest last found its copy to be the newest: all three managers touch a file.
    ``None`` where there is no metadata at all.
    """
    base = f"{folder}/repodata"
    text = guest.read(f"{base}/repomd.xml")
    if text is None:
        return None
    href = re.search(r'<data\s+type="primary">.*?<location\b[^>]*\bhref="([^"]+)"', text, re.DOTALL)
    primary = f"{base}/{href[1].rpartition('/')[2]}" if href else None
    primary = primary if primary and guest.exists(primary) else None
    marks = [f"{base}/repomd.xml", primary, f"{folder}/lastrefresh", f"{folder}/cookie"]
    times = [meta.mtime for path in marks if path and (meta := guest.stat(path))]
    revision = re.search(r"<revision>(\d{9,11})</revision>", text)
    return {
        "date": _time(int(revision[1])) if revision else None,
        "fetched": _time(max(times)),
        "primary": primary,
        "readable": primary is not None and packed.readable(primary),
    }


def _time(seconds):
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def offered(guest, path, names):
    """``{name: [version, …]}`` of the binary packages in a primary list.

    A version has its epoch only where that isn't 0, as rpm prints it. Raises
    :class:`OSError` where the list can't be read.
    """

    def read():
        return packed.understood(guest, path, lambda real: _offered(real, names))

    return guest.once(("primary", path, names), read)


def _offered(real, names):
    # One search for what all names begin with, then a closer look.
    starts = {name.split("-")[0] for name in names}
    needles = [f"<name>{start}".encode() for start in sorted(starts)]
    found = {}
    for package in _packages(real, needles):
        name = re.search(r"<name>([^<]+)</name>", package)
        version = re.search(r"<version\b([^>]*)/>", package)
        if not name or name[1] not in names or not version or "<arch>src</arch>" in package:
            continue
        at = dict(re.findall(r'(\w+)="([^"]*)"', version[1]))
        epoch = "" if at.get("epoch", "0") in ("", "0") else f"{at['epoch']}:"
        text = f"{epoch}{at.get('ver', '')}-{at.get('rel', '')}"
        if versions.valid(text, "rpm") and text not in found.setdefault(name[1], []):
            found[name[1]].append(text)
    return found


def _packages(real, needles):
    with packed.opened(real) as file:
        rest = b""
        while chunk := file.read(_CHUNK):
            data = rest + chunk
            end = data.rfind(_END)
            if end < 0:
                rest = data
                continue
            for needle in needles:
                start = data.find(needle, 0, end)
                while start >= 0:
                    stop = data.find(_END, start)
                    yield data[start:stop].decode("utf-8", "replace")
                    start = data.find(needle, stop, end)
            rest = data[end:]
