"""A few commands of a TPM 2.0, spoken to its device: no tool of the guest is needed.

Only what asks: nothing here changes the TPM's state. Codes and structures are those of the TCG
Trusted Platform Module Library, parts 2 and 3. What the TPM answers is foreign data.
"""

import contextlib
import errno
import hashlib
import os
import struct

from inguestlib.command import GuestError
from inguestlib.families.tpm.eventlog import BANKS

DEVICE = "/dev/tpmrm0"  # the kernel's resource manager: shared, and it clears up after us

_NO_SESSIONS, _SESSIONS = 0x8001, 0x8002
_PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)  # TPM_RS_PW, the password empty
_CREATE_PRIMARY, _NV_READ, _NV_READ_PUBLIC = 0x131, 0x14E, 0x169
_READ_PUBLIC, _GET_CAPABILITY, _PCR_READ = 0x173, 0x17A, 0x17E
_CAP_HANDLES, _CAP_PCRS, _CAP_PROPERTIES = 1, 5, 6
_RETRY = (0x922, 0x908, 0x90A)  # RETRY, YIELDED, TESTING
_ABSENT = (0x18B, 0x28B, 0x18A, 0x184)  # HANDLE of the first or second handle; VALUE of the first

ENDORSEMENT = 0x4000000B
PERMANENT, LOCKOUT_COUNTER, MAX_AUTH_FAIL, LOCKOUT_INTERVAL = 0x200, 0x20E, 0x20F, 0x210
MANUFACTURER, FIRMWARE = 0x105, 0x10B

# The endorsement key's template for ECC P-256: TCG EK Credential Profile 2.5, B.3.4 (L-2).
_EK_POLICY = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
_EK_ECC_TEMPLATE = (
    struct.pack(">HHIH", 0x0023, 0x000B, 0x000300B2, 32)
    + bytes.fromhex(_EK_POLICY)
    + struct.pack(">HHHHHH", 0x0006, 128, 0x0043, 0x0010, 0x0003, 0x0010)
    + struct.pack(">H32xH32x", 32, 32)
)


class TpmError(GuestError):
    """The TPM refused a command, or its answer made no sense."""

    def __init__(self, message, code=0):
        super().__init__(errno.EIO, message, DEVICE)
        self.code = code


class _Answer:
    """The rest of an answer; every length is checked."""

    def __init__(self, data):
        self._data = data

    def take(self, size):
        if size > len(self._data):
            raise TpmError("the TPM's answer is shorter than it says")
        out, self._data = self._data[:size], self._data[size:]
        return out

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def sized(self):
        """A ``TPM2B``."""
        return self.take(self.number(2))


class Tpm:
    """A TPM behind a transport.

    send
        ``send(command: bytes) -> bytes``: one command, one answer.
    """

    def __init__(self, send):
        self._send = send

    def _do(self, what, code, handles=(), params=b"", auth=False):
        body = struct.pack(f">{len(handles)}I", *handles) + (_PASSWORD if auth else b"")
        body += params
        head = struct.pack(">HII", _SESSIONS if auth else _NO_SESSIONS, 10 + len(body), code)
        for _ in range(20):
            answer = self._send(head + body)
            if len(answer) < 10:
                raise TpmError(f"{what}: the TPM's answer is too short")
            _tag, size, said = struct.unpack(">HII", answer[:10])
            if said not in _RETRY:
                break
        if said:
            raise TpmError(f"{what}: the TPM says {said:#x}", said)
        if size != len(answer):
            raise TpmError(f"{what}: the TPM's answer has another length than it says")
        return _Answer(answer[10:])

    def _capability(self, what, capability, first, count):
        params = struct.pack(">III", capability, first, count)
        answer = self._do(what, _GET_CAPABILITY, params=params)
        answer.number(1)  # more data
        if answer.number(4) != capability:
            raise TpmError(f"{what}: the TPM answers another question")
        return answer

    def properties(self, first, count):
        """``{property: value}`` of up to ``count`` properties from ``first`` on."""
        answer = self._capability("properties", _CAP_PROPERTIES, first, count)
        pairs = (struct.unpack(">II", answer.take(8)) for _ in range(min(answer.number(4), 256)))
        return {key: value for key, value in pairs if first <= key < first + count}

    def handles(self, first):
        """The handles of the kind that ``first`` begins, such as 0x81000000: persistent ones."""
        answer = self._capability("handles", _CAP_HANDLES, first, 254)
        found = [answer.number(4) for _ in range(min(answer.number(4), 254))]
        return [handle for handle in found if handle >> 24 == first >> 24]

    def banks(self):
        """``{bank: [pcr, …]}`` of the PCRs that are allocated; a bank that has none is not on."""
        answer = self._capability("banks", _CAP_PCRS, 0, 1)
        out = {}
        for _ in range(min(answer.number(4), 16)):
            alg = answer.number(2)
            bits = int.from_bytes(answer.take(answer.number(1)), "little")
            pcrs = [n for n in range(24) if bits >> n & 1]
            if alg in BANKS and pcrs:
                out[BANKS[alg][0]] = pcrs
        return out

    def pcrs(self, bank, wanted):
        """``{pcr: digest in hex}`` of a bank."""
        alg, size = next((alg, size) for alg, (name, size) in BANKS.items() if name == bank)
        left, out = list(wanted), {}
        while left:
            bits = sum(1 << n for n in left).to_bytes(3, "little")
            answer = self._do("PCRs", _PCR_READ, params=struct.pack(">IHB3s", 1, alg, 3, bits))
            answer.number(4)  # the counter of updates
            if answer.number(4) != 1 or answer.number(2) != alg:
                raise TpmError("PCRs: the TPM answers another question")
            got = int.from_bytes(answer.take(answer.number(1)), "little")
            given = [n for n in left if got >> n & 1]
            if not given or answer.number(4) != len(given):
                raise TpmError("PCRs: the TPM gives none")
            for n in given:
                digest = answer.sized()
                if len(digest) != size:
                    raise TpmError(f"PCRs: a digest of {len(digest)} bytes in bank {bank}")
                out[n] = digest.hex()
            left = [n for n in left if n not in given]
        return out

    def nv(self, index):
        """The content of an NV index that anybody may read, or ``None`` where there is none."""
        try:
            answer = _Answer(self._do(f"NV {index:#x}", _NV_READ_PUBLIC, (index,)).sized())
        except TpmError as exc:
            if exc.code in _ABSENT:
                return None
            raise
        answer.take(4 + 2 + 4)  # index, name algorithm, attributes
        answer.sized()  # policy
        size, out = answer.number(2), b""
        while len(out) < size:
            params = struct.pack(">HH", min(size - len(out), 512), len(out))
            read = self._do(f"NV {index:#x}", _NV_READ, (index, index), params, auth=True)
            read.number(4)  # size of the parameters
            part = read.sized()
            if not part:
                raise TpmError(f"NV {index:#x}: the TPM gives nothing")
            out += part
        return out

    def public(self, handle):
        """The public area (``TPMT_PUBLIC``) of a key, or ``None`` where there is none."""
        try:
            return self._do(f"key {handle:#x}", _READ_PUBLIC, (handle,)).sized()
        except TpmError as exc:
            if exc.code in _ABSENT:
                return None
            raise

    def endorsement_key(self):
        """The public area of the ECC endorsement key, made anew: the same each time.

        Through the resource manager the copy goes when the device is closed.
        """
        params = struct.pack(">HHH", 4, 0, 0) + _sized(_EK_ECC_TEMPLATE) + struct.pack(">HI", 0, 0)
        answer = self._do("endorsement key", _CREATE_PRIMARY, (ENDORSEMENT,), params, auth=True)
        answer.number(4)  # its handle
        answer.number(4)  # size of the parameters
        return answer.sized()


def _sized(data):
    return struct.pack(">H", len(data)) + data


def digest(data):
    """``sha256:<hex>`` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def opened(guest):
    """The guest's :class:`Tpm`. Raises :class:`GuestError` where it can't be had."""
    try:
        fd = os.open(guest.path(DEVICE), os.O_RDWR | os.O_CLOEXEC)
    except OSError as exc:
        raise GuestError(exc.errno, exc.strerror, DEVICE) from exc

    def send(command):
        try:
            os.write(fd, command)
            return os.read(fd, 4096)
        except OSError as exc:
            raise GuestError(exc.errno, exc.strerror, DEVICE) from exc

    try:
        yield Tpm(send)
    finally:
        os.close(fd)
