"""What tells one machine from all others: for the fleet to compare, on the master.

Read with every audit, whatever its families, so it is only a handful of small files, each named: no
folder is listed, for whoever watches a family would then watch that folder.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac

# Keyed hash of the machine id, as machine-id(5) asks of applications. Tokens of volumes hold it: it
# never changes.
_MACHINE = b"inguest: the machine on which a key of a volume was made"

SSH_HOST_KEYS = tuple(f"/etc/ssh/ssh_host_{kind}_key.pub" for kind in ("ed25519", "ecdsa", "rsa"))
"""The public halves of the keys that sshd has by default (sshd_config(5), HostKey)."""


def observe(guest):
    """``{"machine": "sha256:…" | None, "ssh": {path: "SHA256:…"}}``, plain data.

    ``machine`` is :func:`machine_digest`; ``ssh`` are fingerprints as ``ssh-keygen -l`` shows them,
    of the host keys that are there.
    """
    found = {path: _fingerprint(_text(guest, path)) for path in SSH_HOST_KEYS}
    machine = None
    with contextlib.suppress(OSError):
        machine = machine_digest(guest)
    return {
        "machine": machine,
        "ssh": {path: value for path, value in found.items() if value},
    }


def machine_digest(guest):
    """``sha256:…`` of this machine, as our tokens hold it; ``None`` without a machine id."""
    machine = (guest.read("/etc/machine-id") or "").strip()
    if len(machine) != 32:  # none yet: systemd writes "uninitialized" into a template
        return None
    try:
        return "sha256:" + hmac.digest(bytes.fromhex(machine), _MACHINE, "sha256").hex()
    except ValueError:
        return None


def _text(guest, path):
    try:
        return guest.read(path) or ""
    except OSError:
        return ""


def _fingerprint(text):
    """Of a public key in the format of sshd(8), AUTHORIZED_KEYS; ``None`` where it is none."""
    words = text.split()
    if len(words) < 2:
        return None
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (ValueError, binascii.Error):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
