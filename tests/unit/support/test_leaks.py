"""The search for leaked secrets finds what was planted, wherever and in whatever form."""

import base64
import gzip
import json
import lzma
import os
import subprocess
import sys
from urllib.parse import quote

import pytest

from support import leaks, need, procwatch

KEY = 'cdefghij-klnrtuvb-"q\\u/ö+e?-lnrtuvbc-defghijk'
SECRETS = leaks.Secrets({"key": KEY})
RAW = KEY.encode()
PLANTED = {
    "plain": RAW,
    "hex": RAW.hex().encode(),
    "HEX": RAW.hex().upper().encode(),
    "url": quote(KEY, safe="").encode(),
    "json": json.dumps({"key": KEY}).encode(),
    "json in json": json.dumps(json.dumps({"key": KEY})).encode(),
    "repr": repr({"key": KEY}).encode(),
    "utf-16": KEY.encode("utf-16-le"),
    "without dashes": RAW.replace(b"-", b""),
    "cut": b"--key=" + RAW[:20] + b"...",
    **{f"base64 {n}": base64.b64encode(b"x" * n + RAW + b"y" * n) for n in range(4)},
    **{f"base64url {n}": base64.urlsafe_b64encode(b"?" * n + RAW) for n in range(4)},
}


@pytest.mark.parametrize("data", PLANTED.values(), ids=PLANTED)
def test_every_form(data):
    assert SECRETS.in_data(b"\0before " + data + b" after\n", "here")
    assert not SECRETS.in_data(b"\0before and after\n" * 100, "here")


@pytest.mark.parametrize("form", leaks.forms(RAW).values(), ids=leaks.forms(RAW))
def test_a_form_is_no_other_forms_accident(form):
    assert len(form) >= leaks.SHORTEST


def test_a_short_one_is_refused():
    with pytest.raises(ValueError, match="PIN is too short"):
        leaks.Secrets({"PIN": "1234"})


def test_a_hit_does_not_tell_the_secret():
    (hit, *_) = SECRETS.in_data(RAW, "here")
    assert "key" in str(hit)
    assert KEY[:8] not in str(hit)


def test_objects():
    assert SECRETS.in_object({"ret": {"comment": [KEY]}}, "events")
    assert SECRETS.in_object([{"stdin": RAW}], "events")
    assert not SECRETS.in_object([{"stdin": b"other"}], "events")


def test_trees(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/log").write_bytes(b"x" * 5000 + RAW)
    (tmp_path / "a/log.gz").write_bytes(gzip.compress(RAW))
    (tmp_path / "a/log.xz").write_bytes(lzma.compress(RAW))
    (tmp_path / "a/torn.gz").write_bytes(gzip.compress(b"fine" * 1000)[:-30])
    os.symlink(quote(KEY, safe=""), tmp_path / "a/link")
    os.symlink(tmp_path, tmp_path / "a/up")
    os.mkfifo(tmp_path / "a/pipe")
    (tmp_path / "a" / RAW.hex()[:200]).touch()
    (tmp_path / "clean").write_bytes(b"nothing")
    places = {hit.place.replace(str(tmp_path), "") for hit in SECRETS.in_tree(tmp_path)}
    assert places == {
        "/a/b/log",
        "/a/log.gz (unpacked)",
        "/a/log.xz (unpacked)",
        "the link /a/link",
        f"the name /a/{RAW.hex()[:200]}",
    }
    assert not SECRETS.in_tree(tmp_path, skip=[tmp_path / "a"])


def test_a_sparse_file_is_searched_where_it_holds_data(tmp_path):
    path = tmp_path / "disk.raw"
    at = [5000, (3 << 30) + leaks.CHUNK - 7]  # the second one lies across two chunks
    with open(path, "wb") as file:
        file.truncate(40 << 30)
        for offset, value in zip(at, (RAW.hex().encode(), RAW), strict=True):
            # a whole stretch of data before it, so that the chunks are counted from there
            if offset > leaks.CHUNK:
                os.pwrite(file.fileno(), b"z" * leaks.CHUNK, offset - leaks.CHUNK + 7)
            os.pwrite(file.fileno(), value, offset)
    found = {hit.form: hit.offset for hit in SECRETS.in_file(path)}
    assert found["hexadecimal"] == at[0]
    assert found["as it is"] == at[1]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """What the watcher saw of processes that lived for a moment."""
    with procwatch.Watch(tmp_path_factory.mktemp("watch")) as watch:
        for number in range(10):
            subprocess.run(["sh", "-c", "sleep 0.05; :", f"in-argv-{number}-planted"], check=True)
            env = {**os.environ, "PLANTED": f"in-environ-{number}-planted"}
            subprocess.run(["sleep", "0.05"], env=env, check=True)
        held = [sys.executable, "-c", "import time; time.sleep(0.3)"]
        subprocess.run([*held, "first", KEY], check=True)
    return watch.seen()


def test_short_lived_processes_are_seen(watched):
    for number in range(10):
        assert f"in-argv-{number}-planted".encode() in watched
        assert f"in-environ-{number}-planted".encode() in watched


def test_a_secret_on_a_command_line_is_found(watched):
    assert SECRETS.in_data(watched, "processes")
    assert len(procwatch.texts(watched)) > 10


def test_as_a_program(tmp_path):
    (tmp_path / "log").write_bytes(RAW)
    command = [sys.executable, "-IS", leaks.__file__, str(tmp_path)]
    done = subprocess.run(
        command, input=json.dumps({"key": KEY}), capture_output=True, text=True, check=True
    )
    assert leaks.Hit(*json.loads(done.stdout)[0]).place == str(tmp_path / "log")
    assert KEY[:8] not in done.stdout


def test_what_was_written_to_an_overlay(tmp_path):
    need.program("qemu-img", "qemu-io")
    base, overlay = tmp_path / "base.raw", tmp_path / "overlay.qcow2"
    base.write_bytes(RAW + bytes(8 << 20))
    make = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, overlay]
    subprocess.run(make, check=True)
    write = ["qemu-io", "-c", "write -P 0x6b 3M 64k", overlay]
    subprocess.run(write, check=True, capture_output=True)
    parts = leaks.written_clusters(overlay)
    assert not SECRETS.in_file(overlay, parts), "what stands in the backing file is older"
    filler = leaks.Secrets({"filler": b"k" * 100})
    assert filler.in_file(overlay, parts)
