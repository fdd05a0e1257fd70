"""The parser and the replay: a recorded log, made ones of both formats, and hostile ones."""

import json
import random
import struct
from pathlib import Path

import pytest

from inguestlib.families.tpm import eventlog, measured
from inguestlib.families.tpm.measured import event_log

from . import logs
from .judged import judge, only, verdicts

RECORDED = Path(__file__).parent / "recorded"
LOG = (RECORDED / "ovmf.log").read_bytes()
PCRS = json.loads((RECORDED / "pcrs.json").read_text())


def replayed(data):
    return eventlog.replay(eventlog.parse(data))


def differing(bank, banks):
    made = {str(n): value for n, value in banks[bank].items()}
    return measured.differing(made, PCRS[bank])


def test_the_log_of_a_real_boot_makes_the_real_pcrs():
    """OVMF and Linux's EFI stub, measured into swtpm; IMA has extended PCR 10 alone."""
    log = eventlog.parse(LOG)
    assert log.agile and log.banks == ("sha1", "sha256", "sha384", "sha512")
    banks = eventlog.replay(log)
    for bank in PCRS:
        assert differing(bank, banks) == [10]
    assert eventlog.measured(log) == {0: 3, 1: 2, 2: 1, 4: 2, 5: 2, 7: 5, 9: 2}


def test_a_log_of_sha1_alone():
    data = logs.old_event(0, 8, b"fw") + logs.old_event(4, 0xD, b"loader") + b"\xff" * 64
    log = eventlog.parse(data)
    assert not log.agile and log.banks == ("sha1",)
    banks = eventlog.replay(log)
    assert list(banks) == ["sha1"]
    assert banks["sha1"][0] == logs.extended("sha1", b"fw")
    assert banks["sha1"][4] == logs.extended("sha1", b"loader")
    assert banks["sha1"][17] == "ff" * 20 and banks["sha1"][23] == "00" * 20


def test_a_log_of_sha1_that_begins_with_a_remark():
    data = logs.old_event(0, logs.NO_ACTION, b"StartupLocality\0\x03")
    banks = replayed(data + logs.old_event(0, 8, b"fw"))
    assert banks["sha1"][0] == logs.extended("sha1", b"fw", start=bytes(19) + b"\x03")


@pytest.mark.parametrize("locality", [0, 3, 4])
def test_pcr_0_begins_with_the_locality_of_the_startup(locality):
    said = b"StartupLocality\0" + bytes([locality])
    data = logs.head() + logs.event(0, logs.NO_ACTION, said) + logs.event(0, 8, b"fw")
    start = bytes(31) + bytes([locality])
    assert replayed(data)["sha256"][0] == logs.extended("sha256", b"fw", start=start)


def test_pcr_0_begins_with_4_after_an_hcrtm():
    data = logs.head() + logs.event(0, 0x80000010, b"HCRTM")
    start = bytes(31) + b"\x04"
    assert replayed(data)["sha256"][0] == logs.extended("sha256", b"HCRTM", start=start)


def test_remarks_extend_nothing_and_separators_measure_nothing():
    data = logs.head() + logs.event(1, logs.NO_ACTION, b"a") + logs.event(2, logs.SEPARATOR, b"\0")
    log = eventlog.parse(data)
    assert eventlog.replay(log)["sha256"][1] == "00" * 32
    assert eventlog.measured(log) == {}


def test_a_bank_that_nobody_knows_is_skipped():
    head = logs.head(sizes=[(0x27, 32), logs.SIZES["sha256"]])
    unknown = struct.pack("<H32s", 0x27, b"")
    known = struct.pack("<H", 0x0B) + bytes(32)
    data = head + struct.pack("<III", 4, 8, 2) + unknown + known + struct.pack("<I", 0)
    assert eventlog.parse(data).banks == ("sha256",)


def test_the_rest_of_the_area_is_no_event():
    data = logs.head() + logs.event(4, 8, b"x")
    assert eventlog.parse(data) == eventlog.parse(data + bytes(500))


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "no event"),
        (bytes(64), "no event"),
        (b"\x01\0\0\0", "ends within"),
        (LOG[:-1], "ends within"),
        (struct.pack("<II20xI", 4, 8, 0xFFFFFFFF), "ends within"),
        (logs.head(count=0), "no bank that is known"),
        (logs.head(count=0xFFFFFFFF), "digests of|ends within"),
        (logs.head(sizes=[(0x0B, 20)]), "digests of 20 bytes"),
        (logs.head(sizes=[(0x55, 65535)]), "digests of 65535 bytes"),
        (logs.head(sizes=[(0x0B, 32), (0x0B, 32)]), "digests of 32 bytes"),
        (logs.head() + logs.event(4, 8, b"x", banks=("sha1",)), "1 digests"),
        (logs.head() + logs.event(4, 8, b"x", banks=("sha1", "sha384")), "no size"),
        (logs.head() + logs.event(4, 8, b"x", banks=("sha1", "sha1")), "two digests"),
        (logs.head() + struct.pack("<III", 4, 8, 0xFFFFFFFF), "4294967295 digests"),
        (bytes(eventlog.LIMIT + 1), "more than"),
        (logs.old_event(1, 1, b"") * (eventlog.EVENTS + 1), "more than"),
    ],
)
def test_a_hostile_log_is_refused_in_words(data, said):
    with pytest.raises(eventlog.BadLog, match=said):
        eventlog.parse(data)


def test_no_damage_breaks_the_parser():
    rng = random.Random(4)
    for _ in range(400):
        data = bytearray(LOG)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(data))
            data[at : at + rng.randint(0, 4)] = rng.randbytes(rng.randint(0, 6))
        try:
            eventlog.replay(eventlog.parse(bytes(data[: rng.randint(1, len(data))])))
        except eventlog.BadLog:
            pass


def test_what_systemd_has_measured_since():
    digest = "ab" * 32
    record = {"pcr": 11, "digests": [{"hashAlg": "sha256", "digest": digest}]}
    good = "\x1e" + json.dumps(record)
    text = f"{good}\n\x1e{{]\n\x1e[]\n\x1e{json.dumps({**record, 'pcr': 'x'})}\n"
    found = measured.userspace(text)
    assert found == [(11, {"sha256": bytes.fromhex(digest)})]
    banks = replayed(LOG)
    eventlog.extend(banks, [*found, (99, {"sha256": b""}), (11, {"md5": b""})])
    assert banks["sha256"][11] != "00" * 32


# ---- the control


def seen(banks=None, **more):
    made = banks or {b: {str(n): v for n, v in p.items()} for b, p in replayed(LOG).items()}
    known = {"there": True, "mounted": True, "problem": None, "format": "crypto-agile"}
    return {"event_log": {**known, "banks": made, "events": 25, "measured": {}, **more}}


def pcrs(banks=PCRS):
    return {"pcrs": {"banks": banks, "from": "/sys/class/tpm/tpm0/pcr-*", "firmware": "efi"}}


def test_a_log_that_fits_and_what_it_cannot_tell():
    found = judge(event_log, {**seen(), **pcrs()})
    assert set(verdicts(found).values()) == {"compliant"}
    assert "IMA" in found["event log, bank sha256"].comment


def test_a_pcr_that_was_extended_by_nobody_knows_what():
    banks = {"sha256": {**PCRS["sha256"], "4": "ab" * 32, "23": "cd" * 32}}
    finding = only(judge(event_log, {**seen(), **pcrs(banks)}))
    assert str(finding.verdict) == "drift"
    assert set(finding.observed) == {"PCR 4"} and "PCR 4 was extended" in finding.comment


@pytest.mark.parametrize(
    "sections, verdict",
    [
        ({"event_log": {"there": False, "mounted": False}}, "unknown"),
        ({"event_log": {"there": False, "mounted": True}}, "drift"),
        (seen(problem="it ends within the event at byte 5", banks={}), "drift"),
        ({**seen({"sha1": {"0": "00"}}), **pcrs({"sha256": PCRS["sha256"]})}, "drift"),
        ({**seen(), **pcrs({"sha256": {}})}, "unknown"),
        ({"device": {"version": None, "evidence": "/sys/class/tpm: empty"}}, "not_applicable"),
    ],
)
def test_a_log_that_is_not_there_or_makes_no_sense(sections, verdict):
    assert str(only(judge(event_log, sections)).verdict) == verdict
