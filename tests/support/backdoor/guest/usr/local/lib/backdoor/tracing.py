"""ptrace(2) on x86-64: answer the fault of one instruction in a program that runs unmodified."""

import ctypes
import os
import signal

from channel import Registers, is_call

_SEIZE, _LISTEN, _CONT = 0x4206, 0x4208, 7
_PEEK, _GET_REGISTERS, _SET_REGISTERS = 1, 12, 13
_FOLLOW = 0x2 | 0x4 | 0x8  # fork, vfork, clone
_EVENT_STOP = 128
_ALL_CHILDREN = 0x40000000  # __WALL
_IN_EAX_DX = 0xED
_SET_PTRACER = 0x59616D61

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)

# struct user_regs_struct of <sys/user.h>
_LAYOUT = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax "
    "rip cs eflags rsp ss fs_base gs_base ds es fs gs"
).split()


class _UserRegisters(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in _LAYOUT]  # noqa: RUF012  # ctypes wants a list


def allow(pid):
    """Let the process ``pid`` trace this one, where Yama would not."""
    _LIBC.prctl(_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)


def seize(pid):
    """Begin to trace a process, and whatever it starts from now on, without stopping it."""
    _ptrace(_SEIZE, pid, None, _FOLLOW)


def serve(backdoors):
    """Answer calls until no traced process is left.

    :param backdoors: called with a process's id at its first call, gives its
        :class:`channel.Backdoor`. A process that a traced one started is one of its own.
    """
    known = {}
    while True:
        try:
            pid, status = os.waitpid(-1, _ALL_CHILDREN)
        except ChildProcessError:
            return
        if not os.WIFSTOPPED(status):
            known.pop(pid, None)
            continue
        number, event = os.WSTOPSIG(status), status >> 16
        try:
            if event == _EVENT_STOP and number != signal.SIGTRAP:
                _ptrace(_LISTEN, pid)  # stopped as a whole by a signal: leave it so
            elif event:
                _ptrace(_CONT, pid)
            elif number == signal.SIGSEGV and _answered(pid, known, backdoors):
                _ptrace(_CONT, pid)
            else:
                _ptrace(_CONT, pid, None, number)
        except ProcessLookupError:
            continue  # it was killed meanwhile


def _answered(pid, known, backdoors):
    """Whether the fault was a call of the backdoor; then it is answered and stepped over."""
    state = _UserRegisters()
    _ptrace(_GET_REGISTERS, pid, None, ctypes.addressof(state))
    if not is_call(state.rax, state.rdx):
        return False
    ctypes.set_errno(0)
    word = _LIBC.ptrace(_PEEK, pid, state.rip, None)
    if ctypes.get_errno() or word & 0xFF != _IN_EAX_DX:
        return False
    process = _process_of(pid)
    if process not in known:
        known[process] = backdoors(process)
    names = [f"r{name[1:]}" for name in Registers.NAMES]
    registers = Registers(*(getattr(state, name) for name in names))
    known[process].call(registers)
    for name, value in zip(names, registers.values(), strict=True):
        setattr(state, name, value)
    state.rip += 1
    _ptrace(_SET_REGISTERS, pid, None, ctypes.addressof(state))
    return True


def _process_of(thread):
    """Threads share the channels of their process."""
    with open(f"/proc/{thread}/status") as file:
        for line in file:
            if line.startswith("Tgid:"):
                return int(line.split()[1])
    return thread


def _ptrace(request, pid, address=None, data=None):
    if _LIBC.ptrace(request, pid, address, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"ptrace of {pid}")
