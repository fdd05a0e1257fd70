"""What forbids the format of a device, as a table of what stands there and what a policy says."""

import pytest

from inguestlib.volumes import guards

pytestmark = pytest.mark.unit

UUID = "0b1c7c1e-8f5e-4f7e-9d1f-6a1d1b1f0e01"
OTHER = "11111111-8f5e-4f7e-9d1f-6a1d1b1f0e01"
LVM = {"type": "LVM2_member", "uuid": UUID, "offset": 512}
EXT4 = {"type": "ext4", "uuid": UUID, "offset": 1080}
UNKNOWN = {"type": "unknown", "uuid": None, "offset": None}
SWAP = {"type": "swap", "uuid": OTHER, "offset": 4086}


def observed(*signatures, **more):
    """A device as :func:`inguestlib.volumes.observed.observe` gives it, as far as it is asked."""
    return {
        "name": "vault",
        "path": "/dev/sdb",
        "header": None,
        "record": {},
        "mounts": [],
        "swap": False,
        "holders": [],
        "signatures": list(signatures),
        "blank": {"ok": not signatures, "why": "it holds something"},
        **more,
    }


def declared(replace=None, keep=False):
    return {"intent": "encrypted", "replace": replace, "in_place": {"allow": keep}}


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        pytest.param(declared(), observed(), id="blank"),
        pytest.param(declared(keep=True), observed(), id="blank-and-nothing-to-keep"),
        pytest.param(declared(UUID), observed(EXT4), id="given-up-by-its-uuid"),
        pytest.param(declared(UUID.upper()), observed(LVM), id="the-uuid-in-capitals"),
    ],
)
def test_a_device_that_is_blank_or_given_up_may_be_formatted(said, seen):
    assert guards.no_format(said, seen) is None


@pytest.mark.parametrize(
    ("said", "seen", "words"),
    [
        pytest.param(declared(), observed(EXT4), "vault:replace", id="nothing-is-given-up"),
        pytest.param(declared(OTHER), observed(EXT4), f"gives up {OTHER} only", id="another-uuid"),
        pytest.param(declared(UUID), observed(EXT4, SWAP), "that alone", id="more-than-it-names"),
        pytest.param(declared(UUID), observed(EXT4, UNKNOWN), "that alone", id="blkid-is-broken"),
        pytest.param(declared("None"), observed(UNKNOWN), "that alone", id="what-has-no-uuid"),
        pytest.param(declared(UUID, keep=True), observed(LVM), "in_place:allow", id="kept-data"),
        pytest.param(declared(UUID, keep=True), observed(EXT4), "in_place:allow", id="kept-files"),
        pytest.param(declared(UUID), observed(EXT4, mounts=["/srv"]), "/srv", id="mounted"),
        pytest.param(declared(UUID), observed(LVM, holders=["dm-0"]), "dm-0", id="held"),
        pytest.param(declared(UUID), observed(SWAP, swap=True), "swap", id="swapped-on"),
        pytest.param(
            declared(),
            observed(record={"backup": {"uuid": UUID}}),
            "restore",
            id="blank-where-a-header-was",
        ),
    ],
)
def test_any_other_is_not_formatted_and_the_refusal_says_why(said, seen, words):
    why = guards.no_format(said, seen)
    assert why.startswith("/dev/sdb")
    assert words in why


# ---- a file system in an open volume ----------------------------------------------------------

FORMATTED = {"formatted": {"uuid": UUID}}
MADE = {"uuid": OTHER, "type": "ext4"}
XFS = {"type": "xfs", "uuid": UUID, "offset": 0}
OURS = {"type": "ext4", "uuid": OTHER, "offset": 1080}


def opened(record=FORMATTED, inside=(), **more):
    """An open volume whose header has ``UUID``."""
    return observed(
        **{
            "header": {"uuid": UUID},
            "record": record,
            "mapping": {"ours": True},
            "inside": list(inside),
            "inner_mounts": [],
            "inner_swap": False,
            **more,
        }
    )


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(opened(), id="formatted-and-not-used-yet"),
        pytest.param(opened({**FORMATTED, "mkfs": MADE}), id="cut-before-it"),
        pytest.param(opened({**FORMATTED, "mkfs": MADE}, [OURS]), id="cut-inside-of-it"),
    ],
)
def test_a_volume_that_has_held_nothing_gets_its_file_system(seen):
    assert guards.no_mkfs(seen) is None


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param(opened(mapping=None), "not open", id="closed"),
        pytest.param(opened(mapping={"ours": False}), "not open", id="another-mapping"),
        pytest.param(opened(inner_mounts=["/srv"]), "in use", id="mounted"),
        pytest.param(opened(inner_swap=True), "in use", id="swapped-on"),
        pytest.param(opened({}), "not formatted by inguest", id="another-ones-volume"),
        pytest.param(
            opened({"formatted": {"uuid": OTHER}}), "not formatted", id="an-older-volume-of-ours"
        ),
        pytest.param(opened(inside=[XFS]), "xfs is there", id="somebody-made-one"),
        pytest.param(
            opened({**FORMATTED, "mkfs": MADE}, [OURS, XFS]), "not blank", id="more-than-was-begun"
        ),
        pytest.param(
            opened({**FORMATTED, "filesystem": MADE}), f"held ext4 {OTHER}", id="its-head-is-gone"
        ),
        pytest.param(
            opened({**FORMATTED, "filesystem": {"type": "none"}}), "raw", id="a-database-in-it"
        ),
    ],
)
def test_a_volume_that_may_hold_data_gets_none(seen, words):
    assert words in guards.no_mkfs(seen)


def test_a_volume_that_is_mounted_nowhere_has_no_mount_point_in_the_way():
    seen = observed(
        live=True,
        candidates=[],
        device={},
        serials=[],
        mapping=None,
        mapped_as=[],
        at_mount={"ours": False, "source": "/dev/sdc", "entries": ["file"]},
    )
    said = {**declared(), "serial": None, "size": None, "mount": None, "device": "UUID=1"}
    assert guards.refusal(said, seen) is None
    assert "/dev/sdc is mounted there" in guards.refusal({**said, "mount": "/srv"}, seen)
