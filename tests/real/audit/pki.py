"""An authority for the certificates that rsyslog and the gateway show each other."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A root that exists for one run; its certificate is in `ca.pem`."""

    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("audit test root")
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = _builder(self._name, self._name, self._key).add_extension(constraints, critical=True)
        (folder / "ca.pem").write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def issue(self, file, name):
        """A certificate for this name and its key: `FILE.pem` and `FILE.key`."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = _builder(_name(name), self._name, key).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        (self._folder / f"{file}.pem").write_bytes(_pem(certificate))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self._folder / f"{file}.key").write_bytes(key.private_bytes(*form))


def _builder(subject, issuer, key):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    return x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), now - day, now + day)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
