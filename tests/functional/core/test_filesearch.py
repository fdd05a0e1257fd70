"""A text in files of every kind."""

import os

import pytest

from inguestlib.command import GuestError
from inguestlib.filesearch import holds
from inguestlib.guest import Guest


def test_a_text_in_a_file(tmp_path):
    (tmp_path / "program").write_bytes(b"\x7fELF" + b"\0" * 5000 + b"allowSymlinks\0")
    (tmp_path / "empty").write_bytes(b"")
    guest = Guest(tmp_path)
    assert holds(guest, "/program", "allowSymlinks") is True
    assert holds(guest, "/program", "allowUnrelatedCerts") is False
    assert holds(guest, "/empty", "x") is False
    assert holds(guest, "/absent", "x") is None


def test_what_is_no_file_is_an_error_and_hangs_nobody(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(GuestError):
        holds(Guest(tmp_path), "/fifo", "x")
