"""Keys and certificates: of the provider's port, and of the gateway's clients."""

import datetime
import ipaddress
import json
import ssl
from dataclasses import dataclass

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


@dataclass
class Pair:
    """A key and a certificate for it, signed by itself."""

    key: object
    certificate: x509.Certificate

    @classmethod
    def rsa(cls):
        return cls._of(rsa.generate_private_key(65537, 2048))

    @classmethod
    def ec(cls):
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def _of(cls, key):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        return cls(key, builder.add_extension(names, critical=False).sign(key, hashes.SHA256()))

    def write(self, folder, name):
        """As an operator has them: the chain first, then the key."""
        (folder / f"{name}.crt").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / f"{name}.key").write_bytes(self.key.private_bytes(*pem))

    @property
    def algorithm(self):
        """What the gateway signs with, where nothing else is said."""
        return "PS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256"

    @property
    def jwk(self):
        """The public key, as a client registers it."""
        return json.loads(jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key.public_key())) | {"use": "sig"}


def believing(file):
    """TLS that believes this certificate only."""
    return ssl.create_default_context(cafile=file)
