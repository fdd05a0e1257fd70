"""Guests that speak without being minions: a key each, and the messages they would send."""

import datetime as dt
from pathlib import Path

from inguestlib import messages

START = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.timezone.utc)
POLICY, FACTS = "sha256:" + "0" * 64, "sha256:" + "1" * 64


def finding(control="dns-resolvers-internal", verdict="drift", resource="/etc/resolv.conf"):
    """One finding as it is in a report."""
    return {
        "control": control,
        "family": control.partition("-")[0],
        "severity": "high",
        "verdict": verdict,
        "resource": resource,
        "observed": ["8.8.8.8"],
        "expected": ["10.0.0.53"],
        "evidence": f"{resource}:1 nameserver 8.8.8.8",
        "comment": "",
        "changes": [],
    }


def private_key(path):
    """An RSA key in a PEM file of its own; its path."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = Path(path)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return path


def public_key(path):
    """The public half of a private key's file, as a master keeps it."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(Path(path).read_bytes(), None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


class Speaker:
    """One guest. ``pem``: the file of its private key.

    Its methods give ``(envelope, digest)``, and its chain goes on.
    """

    def __init__(self, name, pem, now=START):
        self.name, self.now = name, now
        self.signer = messages.Signer(pem)
        self.public = public_key(pem)
        self.seq, self.digest = 0, None

    def report(self, findings=(), **more):
        """A whole report; ``more`` takes the place of keys of its body."""
        body = {
            "previous": self.digest,
            "guest": {"hostname": self.name, "os": {"id": "debian", "version_id": "12"}},
            "summary": _summary(findings),
            "findings": list(findings),
            "waivers": [],
            "data": {"guest": {"hostname": self.name}},
        }
        return self._link("report", body, more)

    def delta(self, changed=(), gone=(), **more):
        """What changed."""
        body = {
            "previous": self.digest,
            "changed": list(changed),
            "gone": [list(one) for one in gone],
            "summary": _summary(changed),
            "families": sorted({one["family"] for one in changed}),
        }
        return self._link("delta", body, more)

    def beat(self, **more):
        """A heartbeat."""
        body = self._body("heartbeat", self.seq, {"last": self.digest}, more)
        return messages.pack(body, self.signer)

    def later(self, seconds):
        """Let the guest's clock go on, or back."""
        self.now += dt.timedelta(seconds=seconds)
        return self

    def fork(self):
        """The same machine once more: a clone, or what a snapshot brings back."""
        other = Speaker.__new__(Speaker)
        other.__dict__.update(vars(self))
        return other

    def _link(self, kind, body, more):
        made = messages.pack(self._body(kind, self.seq + 1, body, more), self.signer)
        self.seq, self.digest = more.get("seq", self.seq + 1), made[1]
        return made

    def _body(self, kind, seq, body, more):
        said = {
            "schema": 1,
            "kind": kind,
            "host": self.name,
            "seq": seq,
            "time": messages.stamp(self.now),
            "policy": POLICY,
            "facts": FACTS,
            "revision": None,
            "version": "0.1.0",
            **body,
            **more,
        }
        return {key: value for key, value in said.items() if value is not ...}


def _summary(findings):
    counts = dict.fromkeys(
        ("compliant", "drift", "waived", "not_applicable", "unknown", "error"), 0
    )
    for one in findings:
        counts[one["verdict"]] += 1
    return counts
