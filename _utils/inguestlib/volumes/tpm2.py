"""Unlocking by the vTPM: sealed to PCRs by systemd-cryptenroll, proved by cryptsetup's token.

The PIN goes to cryptsetup by its standard input, and to systemd-cryptenroll by the protocol of
systemd's password agents (https://systemd.io/PASSWORD_AGENTS): it takes no PIN from a file.
"""

import contextlib
import os
import re
import socket
import threading

from inguestlib.secrets import SecretError
from inguestlib.volumes import Tried, VolumeError
from inguestlib.volumes.material import Key

ASKS = "/run/systemd/ask-password"
OLDEST = 252  # the first systemd-cryptenroll that takes the device's key from a file
BANKS = 255  # the first one that takes a PCR's bank


def fits(declared, token):
    """Whether a decoded systemd-tpm2 token is bound as the policy says."""
    want = declared["unlock"]["tpm2"]
    return (
        sorted(token.get("pcrs") or ()) == sorted(want["pcrs"])
        and token.get("bank") == want["bank"]
        and bool(token.get("pin")) == bool(want["pin"])
    )


def unmeasured(guest, declared):
    """Why the PCRs would bind nothing, in words; ``None`` where any of them holds a measurement.

    Firmware that measures nothing leaves them all zeros, or all ones; what is sealed to those opens
    in every state of the machine. Without the kernel's word (before Linux 5.12) ``None``.
    """
    folder = f"/sys/class/tpm/tpm0/pcr-{declared['bank']}"
    values = {pcr: (guest.read(f"{folder}/{pcr}") or "").strip() for pcr in declared["pcrs"]}
    if any(len(set(value)) != 1 for value in values.values()):
        return None
    listed = "+".join(map(str, sorted(values)))
    return f"PCR {listed} of bank {declared['bank']} was never measured into: it binds nothing"


def tried(tool, device, token, pin=None):
    """Whether a token unseals now: :class:`inguestlib.volumes.Tried`.

    pin
        The policy's secret, for a token that wants one.
    """
    slot = token["keyslots"][0]
    what = f"token {token['id']} (vTPM, PCRs {'+'.join(map(str, token.get('pcrs') or ()))})"
    if token.get("pin") and pin is None:
        return Tried(False, f"{what} of {device} wants a PIN that the policy doesn't hold")
    argv = ("open", "--test-passphrase", "--token-only", "--token-id", str(token["id"]), device)
    said = tool.cryptsetup(*argv, stdin=_key(pin) if token.get("pin") else None, check=False)
    if said.rc == 0:
        return Tried(
            True, f"cryptsetup open --test-passphrase: {what} opens slot {slot} of {device}"
        )
    words = " ".join(said.err.split()) or f"exit status {said.rc}"
    return Tried(False, f"{what} does not open {device}: {words}")


def enrol(tool, device, declared, authority):
    """Seal a new key, in the lowest slot that is free, to the PCRs as they are now.

    authority
        A key that opens the device. Raises :class:`VolumeError`.
    """
    version = _version(tool)
    if version < OLDEST:
        raise VolumeError(
            f"systemd-cryptenroll {version} takes a key from the keyboard only: {OLDEST} or newer "
            "is needed to bind a volume to the vTPM"
        )
    bank = f":{declared['bank']}" if version >= BANKS else ""
    pcrs = "+".join(f"{pcr}{bank}" for pcr in sorted(declared["pcrs"]))
    tpm = os.environ.get("SYSTEMD_TPM2_DEVICE") or "auto"
    argv = [
        "systemd-cryptenroll",
        ("--unlock-key-file=", authority.seekable()),
        f"--tpm2-device={tpm}",
    ]
    argv += [f"--tpm2-pcrs={pcrs}", f"--tpm2-with-pin={'yes' if declared['pin'] else 'no'}", device]
    with agent(_key(declared["pin"])) if declared["pin"] else contextlib.nullcontext():
        tool.run(argv)


def _version(tool):
    said = tool.run(("systemd-cryptenroll", "--version")).out.decode(errors="replace")
    found = re.search(r"systemd (\d+)", said)
    return int(found[1]) if found else 0


def _key(pin):
    try:
        return Key(pin.reveal().encode(), pin.key)
    except SecretError as exc:
        raise VolumeError(str(exc)) from None


# ---- the password agent -----------------------------------------------------------------------


@contextlib.contextmanager
def agent(pin, folder=ASKS):
    """Answer what the programs that we start ask for, and nobody else's questions, by a PIN."""
    done = threading.Event()
    answering = threading.Thread(target=_answer_all, args=(pin, folder, done), daemon=True)
    answering.start()
    try:
        yield
    finally:
        done.set()
        answering.join()


def _answer_all(pin, folder, done):
    answered = set()
    while not done.wait(0.05):
        try:
            names = [n for n in os.listdir(folder) if n.startswith("ask.")]
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                question = _question(path)
                asked = (name, os.stat(path).st_ino, question.get("Socket"))
                if asked not in answered and _ours(question.get("PID", "")):
                    _answer(question.get("Socket", ""), pin)
                    answered.add(asked)


def _question(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        pairs = (line.split("=", 1) for line in file if "=" in line)
        return {key.strip(): value.strip() for key, value in pairs}


def _ours(pid):
    """Whether a process is a child of this one."""
    if not pid.isdigit():
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1]) == os.getpid()


def _answer(path, pin):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, pin.fd() as fd:
        out.sendto(b"+" + os.read(fd, 65536), path)
