"""The emulated VMware host: its protocol, its answers, and a real program under it."""

import json
import struct
import subprocess
import sys

import pytest

from support.backdoor import LIBRARY


@pytest.fixture
def library(monkeypatch):
    monkeypatch.syspath_prepend(str(LIBRARY))
    import channel
    import host

    yield channel, host
    for name in ("channel", "host"):
        sys.modules.pop(name, None)


class Program:
    """Calls the backdoor as VMware Tools do."""

    def __init__(self, channel, host):
        self.channel = channel
        self.backdoor = channel.Backdoor(host)

    def call(self, command, ebx=0, ecx_high=0, edx_high=0, esi=0, edi=0):
        c = self.channel
        registers = c.Registers(
            c.MAGIC, ebx, (ecx_high << 16) | command, (edx_high << 16) | c.PORT, esi, edi
        )
        self.backdoor.call(registers)
        return registers

    def open(self, protocol):
        done = self.call(self.channel.MESSAGE, protocol, self.channel.OPEN)
        assert done.ecx >> 16 == self.channel.SUCCESS
        return {"edx_high": done.edx >> 16, "esi": done.esi, "edi": done.edi}

    def send(self, at, data):
        c = self.channel
        assert self.call(c.MESSAGE, len(data), c.SEND_SIZE, **at).ecx >> 16 == c.SUCCESS
        for i in range(0, len(data), 4):
            word = struct.unpack("<I", data[i : i + 4].ljust(4, b"\0"))[0]
            assert self.call(c.MESSAGE, word, c.SEND_PAYLOAD, **at).ecx >> 16 == c.SUCCESS

    def receive(self, at):
        c = self.channel
        done = self.call(c.MESSAGE, 0, c.RECEIVE_SIZE, **at)
        if not (done.ecx >> 16) & c.TO_RECEIVE:
            return None
        size, data = done.ebx, b""
        while len(data) < size:
            data += struct.pack("<I", self.call(c.MESSAGE, 1, c.RECEIVE_PAYLOAD, **at).ebx)
        self.call(c.MESSAGE, 1, c.RECEIVE_STATUS, **at)
        return data[:size]

    def ask(self, request):
        at = self.open(self.channel.RPCI | self.channel.WITH_COOKIE)
        self.send(at, request)
        reply = self.receive(at)
        self.call(self.channel.MESSAGE, 0, self.channel.CLOSE, **at)
        return reply


@pytest.fixture
def program(library, tmp_path):
    channel, host = library
    return Program(channel, host.Host(tmp_path))


def test_the_version_and_the_hardware_version_are_said(program):
    assert program.call(program.channel.GET_VERSION).values()[:3] == (6, program.channel.MAGIC, 2)
    assert program.call(program.channel.GET_HARDWARE_VERSION).eax == 20


def test_a_command_that_no_host_knows_is_not_answered(program):
    assert program.call(99).eax == program.channel.NOT_ANSWERED


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"info-get guestinfo.name", b"0 No value found"),
        (b"tools.set.version 12345", b"1 "),
        (b"SetGuestInfo  4 12.2.0\0", b"1 "),
        (b"unheard of", b"0 Unknown command"),
        (b"", b"0 Unknown command"),
    ],
)
def test_requests_are_answered(program, request_, reply):
    assert program.ask(request_) == reply


def test_guestinfo_is_kept_and_is_the_same_for_another_process(program, library, tmp_path):
    channel, host = library
    assert program.ask(b"info-set guestinfo.name a value of ten words") == b"1 "
    other = Program(channel, host.Host(tmp_path))
    assert other.ask(b"info-get guestinfo.name") == b"1 a value of ten words"
    assert "RPCI info-get guestinfo.name -> 1 a value" in (tmp_path / "rpc.log").read_text()


def test_answers_of_the_test_come_first_the_longest_of_them(program, tmp_path):
    (tmp_path / "answers.json").write_text(json.dumps({"disk": "0 no", "disk.wiper": "1 yes"}))
    assert program.ask(b"disk.wiper") == b"1 yes"
    assert program.ask(b"disk shrink") == b"0 no"
    assert program.ask(b"disk.wiper.more") == b"0 Unknown command"


def test_the_daemon_is_greeted_and_then_gets_what_the_test_asks(program, tmp_path):
    at = program.open(program.channel.TCLO)
    heard = []
    program.send(at, b"")
    while (request := program.receive(at)) is not None:
        heard.append(request)
        program.send(at, b"OK ")
    (tmp_path / "requests.json").write_text('["Set_Option synctime 0"]')
    program.send(at, b"")
    assert heard == [b"reset", b"Capabilities_Register", b"ping"]
    assert program.receive(at) == b"Set_Option synctime 0"
    assert json.loads((tmp_path / "requests.json").read_text()) == []


def test_a_wrong_cookie_and_a_closed_channel_are_refused(program):
    c = program.channel
    at = program.open(c.RPCI | c.WITH_COOKIE)
    wrong = {**at, "esi": at["esi"] + 1}
    assert program.call(c.MESSAGE, 4, c.SEND_SIZE, **wrong).ecx >> 16 == c.FAILURE
    program.call(c.MESSAGE, 0, c.CLOSE, **at)
    assert program.call(c.MESSAGE, 4, c.SEND_SIZE, **at).ecx >> 16 == c.FAILURE


# The function `void call(uint32_t registers[6])`: load the six, `in eax, dx`, store them.
CALLER = """
import ctypes, mmap, os, sys, threading
code = bytes.fromhex(
    "53 4989f8 418b00 418b5804 418b4808 418b500c 418b7010 418b7814 ed"
    "418900 41895804 41894808 4189500c 41897010 41897814 5b c3"
)
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(
    ctypes.addressof(ctypes.c_char.from_buffer(page)))
def version():
    registers = (ctypes.c_uint32 * 6)(0x564D5868, 0, 10, 0x5658, 0, 0)
    call(ctypes.addressof(registers))
    return list(registers)[:3]
here = version()
found = []
thread = threading.Thread(target=lambda: found.append(version()))
thread.start(); thread.join()
child = os.fork()
if not child:
    os._exit(7 if version() == here else 8)
status = os.waitpid(child, 0)[1]
print(here, found, os.waitstatus_to_exitcode(status), os.getpid())
sys.exit(5)
"""


def test_a_real_program_is_answered_with_its_threads_and_children(tmp_path):
    done = subprocess.Popen(
        [sys.executable, LIBRARY / "backdoor.py", sys.executable, "-c", CALLER],
        env={"BACKDOOR_DIRECTORY": str(tmp_path), "PATH": "/usr/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = done.communicate(timeout=60)
    said = [6, 0x564D5868, 2]
    # Same process, same exit status: nobody who started it notices.
    assert (out.strip(), done.returncode) == (f"{said} {[said]} 7 {done.pid}", 5), err


def test_any_other_fault_is_the_programs_own(tmp_path):
    crash = "import ctypes; ctypes.string_at(0)"
    done = subprocess.run(
        [sys.executable, LIBRARY / "backdoor.py", sys.executable, "-c", crash],
        env={"BACKDOOR_DIRECTORY": str(tmp_path), "PATH": "/usr/bin"},
        check=False,
        timeout=60,
    )
    assert done.returncode == -11
