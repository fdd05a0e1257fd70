"""Certificate authorities and servers' certificates of the tests' own, made anew for each run."""

import datetime as dt
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """One authority: ``pem`` and ``fingerprint`` of its certificate; :meth:`server` signs.

    :param days: how long it is in force; less than 0 means that it has expired.
    """

    def __init__(self, name, days=30):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._made(self._name, self._key.public_key(), days)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = made.sign(self._key, hashes.SHA256())
        self.pem = _text(self.certificate)
        self.der = self.certificate.public_bytes(serialization.Encoding.DER)
        self.fingerprint = self.certificate.fingerprint(hashes.SHA256()).hex()

    def server(self, name):
        """``(certificate and key as one PEM text)`` of a server with this DNS name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._made(subject, key.public_key(), 1)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return _text(made.sign(self._key, hashes.SHA256())) + secret.decode()

    def _made(self, subject, public, days):
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=60))
            .not_valid_after(now + dt.timedelta(days=days))
        )


@cache
def authority(name, days=30):
    """The run's one authority of this name."""
    return Authority(name, days)


def _text(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
