"""Is a device blank, so that it may be formatted? When in doubt it is not.

Blank is not "no known signature": data of which nobody knows the format are data too. Three
answers have to agree before anything is written: our own table of signatures, ``blkid`` and
``wipefs`` of the guest, and the bytes, which have to be zero wherever they are looked at.
"""

import contextlib
import errno
import json
import os
import stat

from inguestlib.luks.area import Area
from inguestlib.volumes import signatures as table

SAMPLE = 16 << 10
# Read whole: a device no larger than this, and both ends; between them: how many samples
_CHECK = (256 << 20, 16 << 20, 2048)
_LOOK = (1 << 20, 256 << 10, 32)
_PART = 1 << 20
_ZERO = bytes(_PART)
_SEVERAL = "ambivalent"
_DOUBT = {"type": "unknown", "offset": None, "uuid": None, "by": "doubt"}
_WIPEFS = {"PMBR": "gpt"}  # the protective table is GPT's own part
_GOLDEN = 0x9E3779B97F4A7C15  # spreads the samples over all alignments, the same in each run


def look(real_path):
    """What stands on a device or image, for observation: no process, a few megabytes at most.

    :return: ``{"ok": bool, "why": str, "signatures": […], "sampled": bytes}`` as of
        :func:`check`, which asks more, and alone allows a format.
    :raises OSError: it cannot be opened or read.
    """
    with Area(real_path) as area:
        found = _found(area)
        found["signatures"] = table.things(table.scan(area))
        return _judged(found, None if found["signatures"] else _nonzero(area, found, _LOOK))


def check(real_path, run):
    """May the device be formatted? The last gate before a destructive step.

    :param real_path: a block device, or an image file.
    :param run: ``run(argv) -> {"retcode", "stdout", "stderr"}``, as ``cmd.run_all`` of a list.
    :return: ``{"ok": bool, "why": str,
        "signatures": [{"type", "offset", "uuid", "by", "copies": more of the same thing}],
        "sampled": bytes that were read and are zero, "holes": bytes that a file does not hold,
        "size": bytes}``. ``why`` says what stands in the way, or what was looked at.

    Never raises for what the device holds or does: an unreadable device is not blank. Where an
    answer could not be had, the last signature is of the type ``unknown``, so that nobody takes
    those that were seen for all that are there. A block device is opened exclusively meanwhile,
    which fails when it is mounted or held by another.
    """
    found = _found()
    try:
        with _held(real_path), Area(real_path) as area:
            found = _found(area)
            signatures = table.scan(area)
            found["signatures"] = table.things(signatures)
            for ask in (_blkid, _wipefs):
                for signature in ask(real_path, run):
                    _merge(signatures, signature)
            found["signatures"] = _told_apart(table.things(signatures))
            return _judged(found, None if signatures else _nonzero(area, found, _CHECK))
    except (OSError, Doubt) as exc:
        found["signatures"].append(_DOUBT | {"copies": 0})
        found["why"] = str(exc)
        return found


def _found(area=None):
    size = 0 if area is None else area.size
    return {"ok": False, "why": "", "signatures": [], "sampled": 0, "holes": 0, "size": size}


def _judged(found, data):
    """``data``: where a byte that is not zero was seen."""
    if not found["size"]:
        found["why"] = "it has no size"
    elif found["signatures"]:
        found["why"] = "it carries " + describe(found["signatures"])
    elif data is not None:
        found["why"] = f"data of no known kind stand at byte {data}: blank is what reads as zeros"
    else:
        found["ok"] = True
        seen = f"no signature, and {found['sampled']} of {found['size']} bytes were read, all zero"
        found["why"] = seen + (f"; {found['holes']} are holes" if found["holes"] else "")
    return found


def describe(signatures):
    """Signatures in words: ``ext4 at 1080 (UUID …) and 7 copies``."""
    return ", ".join(
        signature["type"]
        + ("" if signature["offset"] is None else f" at {signature['offset']}")
        + (f" (UUID {signature['uuid']})" if signature["uuid"] else "")
        + _copies(signature.get("copies", 0))
        for signature in signatures
    )


def _copies(count):
    return f" and {count} {'copy' if count == 1 else 'copies'}" if count else ""


class Doubt(Exception):
    """Something could not be found out: reason enough not to format."""


@contextlib.contextmanager
def _held(path):
    """Hold a block device as nobody can who mounts or maps it; of a file there is no such thing."""
    mode = os.stat(path).st_mode
    if not stat.S_ISBLK(mode) and not stat.S_ISREG(mode):
        raise Doubt(f"{path} is neither a block device nor a file")
    exclusively = os.O_EXCL if stat.S_ISBLK(mode) else 0
    try:
        fd = os.open(path, os.O_RDONLY | exclusively | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        if exc.errno == errno.EBUSY:
            raise Doubt(f"{path} is in use: mounted, or held by another device") from None
        raise
    try:
        yield
    finally:
        os.close(fd)


def _ask(run, argv, fine):
    try:
        answer = run(argv)
    except Exception as exc:  # the runner is Salt's: whatever it raises, nothing was learned
        raise Doubt(f"{argv[0]} could not be asked: {exc}") from None
    if answer["retcode"] not in fine:
        said = str(answer.get("stderr") or answer.get("stdout") or "").strip()[:200]
        raise Doubt(f"{argv[0]} failed with {answer['retcode']}: {said}")
    return answer


def _blkid(path, run):
    """``blkid -p`` looks at the device itself, not at its cache; 2: nothing, 8: more than one."""
    answer = _ask(run, ["blkid", "-p", "-o", "export", path], (0, 2, 8))
    if answer["retcode"] == 8:
        yield {"type": _SEVERAL, "offset": None, "uuid": None, "by": "blkid"}
        return
    values = dict(
        line.split("=", 1) for line in str(answer["stdout"] or "").splitlines() if "=" in line
    )
    for kind, name in (("TYPE", "UUID"), ("PTTYPE", "PTUUID")):
        if kind in values:
            yield {
                "type": values[kind],
                "offset": None,
                "uuid": values.get(name),
                "by": "blkid",
            }


def _wipefs(path, run):
    answer = _ask(run, ["wipefs", "--no-act", "--json", path], (0,))
    text = str(answer["stdout"] or "").strip()
    if not text:
        return
    try:
        listed = json.loads(text)["signatures"]
        for item in listed:
            yield {
                "type": _WIPEFS.get(item["type"], str(item["type"])),
                "offset": int(str(item["offset"]), 0),
                "uuid": item.get("uuid"),
                "by": "wipefs",
            }
    except (ValueError, KeyError, TypeError):
        raise Doubt("the answer of wipefs is not understood") from None


def _merge(found, signature):
    """Add a signature that another eye saw, unless ours saw the same."""
    for known in found:
        if known["type"].lower() != signature["type"].lower():
            continue
        if signature["offset"] in (None, known["offset"]) or not signature["uuid"]:
            known["uuid"] = known["uuid"] or signature["uuid"]
            return
    found.append(signature)


def _told_apart(things):
    """That blkid sees more than one thing is no news where they are named."""
    if len(things) < 3:
        return things
    return [thing for thing in things if thing["type"] != _SEVERAL]


def _nonzero(area, found, effort):
    """The first byte that is not zero where it was looked, or None. Counts what was read."""
    for start, end in _spans(area, found, effort):
        while start < end:
            part = area.read(start, min(_PART, end - start))
            if not part:
                raise Doubt(f"it ends at byte {start}, before its size of {area.size}")
            if part != _ZERO[: len(part)]:
                return start + len(part) - len(part.lstrip(b"\0"))
            start += len(part)
            found["sampled"] += len(part)
    return None


def _spans(area, found, effort):
    """What to look at: both ends whole and samples between; of a file only what it holds."""
    size = area.size
    whole, edge, samples = effort
    if size <= whole:
        wanted = [(0, size)]
    else:
        wanted = [(0, edge), *_samples(edge, size - edge, samples), (size - edge, size)]
    if not stat.S_ISREG(os.fstat(area.fd).st_mode):
        return wanted
    held = _extents(area.fd, size)
    found["holes"] = size - sum(end - start for start, end in held)
    if size - found["holes"] <= whole:
        return held
    return _both(wanted, held)


def _samples(low, high, count):
    """One sample in each of ``count`` equal parts, each at another place of its part."""
    each = (high - low) // count
    for number in range(count):
        jitter = (number * _GOLDEN & 0xFFFFFFFFFFFFFFFF) * max(0, each - SAMPLE) >> 64
        start = low + number * each + jitter & ~0xFFF
        yield max(low, start), min(high, start + SAMPLE)


def _extents(fd, size):
    """The parts of a file that are no holes (all of it where the file system can't tell)."""
    held, at = [], 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # nothing but a hole up to the end
                break
            return [(0, size)]
        at = min(size, os.lseek(fd, start, os.SEEK_HOLE))
        held.append((start, at))
    return held


def _both(wanted, held):
    """The parts in both lists of spans, each ordered."""
    held = list(held)
    place = 0
    for start, end in wanted:
        while place < len(held) and held[place][1] <= start:
            place += 1
        at = place
        while at < len(held) and held[at][0] < end:
            low, high = max(start, held[at][0]), min(end, held[at][1])
            if low < high:
                yield low, high
            at += 1
