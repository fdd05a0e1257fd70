"""ELF files as the machine's own compiler and programs make them."""

import os

import pytest

from inguestlib import elf
from inguestlib.command import GuestError
from inguestlib.guest import Guest


@pytest.fixture
def guest(tmp_path):
    return Guest(tmp_path)


def test_a_section_of_a_real_program(tmp_path, guest):
    tmp_path.joinpath("python").write_bytes(open("/proc/self/exe", "rb").read())
    assert elf.section(guest, "/python", ".interp").startswith(b"/lib")
    assert elf.section(guest, "/python", ".modinfo") is None
    assert elf.modinfo(guest, "/python") == {}


def test_what_is_no_elf_has_no_section(tmp_path, guest):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "script").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "cut").write_bytes(open("/proc/self/exe", "rb").read(80))
    for name in ("empty", "script", "cut", "absent"):
        assert elf.section(guest, f"/{name}", ".modinfo") is None


def test_a_text_in_a_file(tmp_path, guest):
    (tmp_path / "program").write_bytes(b"\x7fELF" + b"\0" * 5000 + b"allowSymlinks\0")
    (tmp_path / "empty").write_bytes(b"")
    assert elf.holds(guest, "/program", "allowSymlinks") is True
    assert elf.holds(guest, "/program", "allowUnrelatedCerts") is False
    assert elf.holds(guest, "/empty", "x") is False
    assert elf.holds(guest, "/absent", "x") is None


def test_what_is_no_file_is_an_error_and_hangs_nobody(tmp_path, guest):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(GuestError):
        elf.holds(guest, "/fifo", "x")
