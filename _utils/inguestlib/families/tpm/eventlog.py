"""The firmware's log of what it measured, and its replay to the values of the PCRs. Pure.

The two formats are those of the TCG PC Client Platform Firmware Profile Specification (10.2): the
SHA-1 log of ``TCG_PCR_EVENT`` records, and the crypto-agile one, which begins with such a record
that holds a ``TCG_EfiSpecIdEvent`` and goes on with ``TCG_PCR_EVENT2`` records. Firmware wrote it,
so it is read like anything foreign: no length is believed before there are that many bytes.
"""

import hashlib
import struct

from inguestlib.record import record

# TPM_ALG_ID: how the kernel and the tools call a bank, and the size of its digests.
BANKS = {
    0x0004: ("sha1", 20),
    0x000B: ("sha256", 32),
    0x000C: ("sha384", 48),
    0x000D: ("sha512", 64),
    0x0012: ("sm3_256", 32),
}
PCRS = 24
LIMIT = 4 << 20  # bytes: the firmware's areas hold some ten KB
EVENTS = 20000

NO_ACTION, SEPARATOR, HCRTM = 0x3, 0x4, 0x80000010
_SPEC_ID = b"Spec ID Event03\0"
_LOCALITY = b"StartupLocality\0"
_HEAD = struct.Struct("<III")  # PCR, type, and what follows


class BadLog(ValueError):
    """It isn't a log of either format; the message says where and why."""


@record
class Event:
    """One measurement: the PCR, the event's type, ``{bank: digest}``, and the event's data."""

    pcr: int
    type: int
    digests: dict
    data: bytes


@record
class Log:
    """All events of a log.

    banks
        Those that the events have digests for.
    agile
        Whether it is of the crypto-agile format.
    """

    banks: tuple[str, ...]
    events: tuple[Event, ...]
    agile: bool


def parse(data):
    """The :class:`Log` of a log's bytes. Raises :class:`BadLog`.

    What follows the last event may be zeros or ones: a firmware's area is larger than its log.
    """
    if len(data) > LIMIT:
        raise BadLog(f"more than {LIMIT} bytes")
    reader = _Reader(data)
    if reader.at_end():
        raise BadLog("it holds no event")
    first = _sha1_event(reader)
    if first.type != NO_ACTION or not first.data.startswith(_SPEC_ID):
        events, banks = [first], {0x0004: 20}
        read = _sha1_event
    else:
        events, banks = [], _algorithms(first.data)

        def read(reader):
            return _agile_event(reader, banks)

    while not reader.at_end():
        if len(events) == EVENTS:
            raise BadLog(f"more than {EVENTS} events")
        events.append(read(reader))
    names = tuple(BANKS[alg][0] for alg in banks if alg in BANKS)
    return Log(names, tuple(events), first not in events)


def replay(log):
    """``{bank: {pcr: digest in hex}}``: what the log's events make of the PCRs 0 to 23."""
    start = _start(log.events)
    out = {}
    for bank in log.banks:
        size = next(size for name, size in BANKS.values() if name == bank)
        if bank.startswith("sm3"):
            continue  # hashlib has it on few systems
        values = dict.fromkeys(range(PCRS), b"\x00" * size)
        values[0] = b"\0" * (size - 1) + bytes([start])
        values |= dict.fromkeys(range(17, 23), b"\xff" * size)
        for event in log.events:
            if event.type != NO_ACTION and event.pcr < PCRS:
                joined = values[event.pcr] + event.digests[bank]
                values[event.pcr] = hashlib.new(bank, joined).digest()
        out[bank] = {pcr: value.hex() for pcr, value in values.items()}
    return out


def extend(banks, measurements):
    """Extend the PCRs of a :func:`replay`, in place, by ``[(pcr, {bank: digest}), …]``."""
    for pcr, digests in measurements:
        for bank, digest in digests.items():
            if pcr in banks.get(bank, ()):
                joined = bytes.fromhex(banks[bank][pcr]) + digest
                banks[bank][pcr] = hashlib.new(bank, joined).hexdigest()


def measured(log):
    """``{pcr: number of events}`` that something was measured by: no separators, no remarks."""
    out = {}
    for event in log.events:
        if event.type not in (NO_ACTION, SEPARATOR) and event.pcr < PCRS:
            out[event.pcr] = out.get(event.pcr, 0) + 1
    return out


def _start(events):
    """PCR 0 begins with the locality of TPM2_Startup, or with 4 where the H-CRTM measured."""
    for event in events:
        if event.type == NO_ACTION and event.pcr == 0 and event.data.startswith(_LOCALITY):
            if len(event.data) > len(_LOCALITY):
                return event.data[len(_LOCALITY)]
    return 4 if any(e.type == HCRTM and e.pcr == 0 for e in events) else 0


class _Reader:
    def __init__(self, data):
        self._data, self.at = data, 0

    def at_end(self):
        """Whether no event follows: the end, or what fills the rest of the area."""
        rest = self._data[self.at : self.at + 12]
        return not rest or rest.strip(b"\0") == b"" or rest.strip(b"\xff") == b""

    def take(self, size):
        if size > len(self._data) - self.at:
            raise BadLog(f"it ends within the event at byte {self.at}")
        self.at += size
        return self._data[self.at - size : self.at]

    def u16(self):
        return int.from_bytes(self.take(2), "little")

    def u32(self):
        return int.from_bytes(self.take(4), "little")


def _sha1_event(reader):
    pcr, kind = struct.unpack("<II", reader.take(8))
    digest = reader.take(20)
    return Event(pcr, kind, {"sha1": digest}, reader.take(reader.u32()))


def _agile_event(reader, banks):
    at = reader.at
    pcr, kind, count = _HEAD.unpack(reader.take(12))
    if count != len(banks):
        raise BadLog(f"the event at byte {at} has {count} digests, the log {len(banks)} banks")
    digests = {}
    for _ in range(count):
        alg = reader.u16()
        if alg not in banks:
            raise BadLog(f"the event at byte {at} has a digest of bank {alg:#x}, which has no size")
        digest = reader.take(banks[alg])
        if alg in BANKS:
            digests[BANKS[alg][0]] = digest
    if len(digests) != sum(alg in BANKS for alg in banks):
        raise BadLog(f"the event at byte {at} has two digests of one bank")
    return Event(pcr, kind, digests, reader.take(reader.u32()))


def _algorithms(data):
    """``{algorithm: digest size}`` of a ``TCG_EfiSpecIdEvent``."""
    reader = _Reader(data)
    reader.take(len(_SPEC_ID) + 8)
    banks = {}
    for _ in range(reader.u32()):
        alg, size = reader.u16(), reader.u16()
        if size > 64 or alg in banks or (alg in BANKS and BANKS[alg][1] != size):
            raise BadLog(f"its head gives bank {alg:#x} digests of {size} bytes")
        banks[alg] = size
    if not any(alg in BANKS for alg in banks):
        raise BadLog("its head names no bank that is known")
    return banks
