"""What must hold of the token and the credential: who has to show them, and who never gets to see them."""

import http.client
import re
import ssl
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import msal
import requests
import pydicom
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from checks import JSON, World
from parts import Program
from sides import JWT


@dataclass
class Secrecy:
    """Who knows what, beside the world in which transactions take place."""

    world: World
    gateway: Program
    admin_port: int
    folder: Path  # `ca.pem`, `client-secret`, `gateway.toml`
    authority: str
    guard: str
    token: str

    @property
    def client(self):
        """The gateway's client, as its configuration has it."""
        return self._configuration["client"]

    @property
    def scope(self):
        """What the gateway asks leave for."""
        return self._configuration["route"][0]["scope"]

    @property
    def credential(self):
        """What the gateway proves itself with."""
        return (self.folder / "client-secret").read_text().strip()

    @property
    def _configuration(self):
        return tomllib.loads((self.folder / "gateway.toml").read_text())


def the_guard_lets_nobody_in_without_its_token(secrecy):
    assert _ask_guard(secrecy, {}) == 401
    assert _ask_guard(secrecy, {"Authorization": "Bearer " + "x" * 40}) == 401
    assert _ask_guard(secrecy, {"Authorization": f"Bearer {_altered(secrecy.token)}"}) == 401
    assert _ask_guard(secrecy, {"Authorization": f"Bearer {secrecy.token}"}) == 200


def a_callers_own_authorization_does_not_matter(secrecy):
    for value in ("Bearer of-the-caller", "Basic dXNlcjpwYXNz"):
        answer = secrecy.world.through.call("GET", "/studies?limit=1", headers={"Accept": JSON, "Authorization": value})
        assert answer.status == 200, f"{value.split()[0]}: {answer.status}"


# A client that is not ours finds the authority to be what it says: so it is a fair stand-in for the real one.


def msal_gets_a_token_for_a_secret(secrecy):
    _ask_guard_by_msal(secrecy, secrecy.credential)


def msal_gets_a_token_for_a_certificate(secrecy):
    key, chain = ((secrecy.folder / name).read_text() for name in ("client.key", "client.crt"))
    _ask_guard_by_msal(secrecy, {"private_key": key, "public_certificate": chain})


def msal_gets_a_token_for_a_federated_assertion(secrecy):
    _ask_guard_by_msal(secrecy, {"client_assertion": (secrecy.folder / "federated-token").read_text()})


def msal_gets_no_token_for_a_certificate_that_is_not_registered(secrecy):
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stranger")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    stranger = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    answer = _ask_by_msal(secrecy, {"private_key": key.decode(), "public_certificate": stranger.decode()})
    assert answer.get("error") == "invalid_client", answer.get("error")
    assert answer.get("error_codes") == [700027], answer.get("error_codes")


def no_answer_that_a_caller_saw_held_the_token(secrecy):
    # Each was searched as it came, and would have failed its check; here it is only made sure that this happens.
    before = secrecy.world.through.examined
    secrecy.world.through.call("GET", "/studies", headers={"Accept": JSON})
    secrecy.world.through.client.search_for_studies()
    assert secrecy.world.through.examined == before + 2


def neither_logs_nor_metrics_tell_secrets_or_patients(secrecy):
    written = {"log": secrecy.gateway.said(), "metrics": _admin(secrecy, "/metrics"), "readiness": _admin(secrecy, "/ready")}
    assert written["metrics"], "no metrics"
    # Counts and random ids, each in the very form it must have, are set aside: a patient whose ID is five digits is in some of them by chance.
    written["log"] = COUNTED_OR_RANDOM.sub("", written["log"])
    written["metrics"] = SAMPLE_VALUE.sub("", written["metrics"])
    private = {"the token": secrecy.token, "the credential": secrecy.credential}
    for where, text in written.items():
        assert not JWT.search(text.encode()), f"the {where} tells a token"
    for sample in secrecy.world.samples:
        private |= {"a study's UID": sample.study, "an instance's UID": sample.instance}
        dataset = pydicom.dcmread(sample.file, stop_before_pixels=True)
        for keyword in ("PatientName", "PatientID"):
            if len(value := str(dataset.get(keyword) or "")) > 4:
                private[f"a {keyword}"] = value
        for where, text in written.items():
            for what, value in private.items():
                assert value not in text, f"the {where} tells {what}"


def no_core_of_the_process_can_hold_them(secrecy):
    limits = (Path("/proc") / str(secrecy.gateway.process.pid) / "limits").read_text()
    [core] = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core[4:6] == ["0", "0"], core


def a_secret_that_others_can_read_is_no_secret_to_start_with(secrecy):
    secret = secrecy.folder / "client-secret"
    command = [secrecy.gateway.process.args[0], "check", str(secrecy.folder / "gateway.toml")]
    for mode, code in ((0o644, 78), (0o640, 0), (0o600, 0)):
        secret.chmod(mode)
        checked = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert checked.returncode == code, f"{mode:o}: {checked.returncode}: {checked.stderr}"
        assert secrecy.credential not in checked.stdout + checked.stderr, f"{mode:o}: the secret is told"


def _ask_guard_by_msal(secrecy, credential):
    answer = _ask_by_msal(secrecy, credential)
    assert "access_token" in answer, f"{answer.get('error')}: {answer.get('error_description')}"
    assert _ask_guard(secrecy, {"Authorization": f"Bearer {answer['access_token']}"}) == 200


def _ask_by_msal(secrecy, credential):
    # Its own session: an environment that names other trust anchors would win over `verify`.
    session = requests.Session()
    session.trust_env = False
    session.verify = str(secrecy.folder / "ca.pem")
    application = msal.ConfidentialClientApplication(
        secrecy.client["id"],
        client_credential=credential,
        authority=secrecy.authority.removesuffix("/v2.0"),
        instance_discovery=False,
        http_client=session,
    )
    return application.acquire_token_for_client([secrecy.scope])


def _ask_guard(secrecy, headers):
    guard = urlsplit(secrecy.guard)
    if guard.scheme == "https":
        trust = ssl.create_default_context(cafile=str(secrecy.folder / "ca.pem"))
        connection = http.client.HTTPSConnection(guard.hostname, guard.port, timeout=30, context=trust)
    else:
        connection = http.client.HTTPConnection(guard.hostname, guard.port, timeout=30)
    try:
        connection.request("GET", "/dicom-web/studies?limit=1", headers={"Host": "127.0.0.1", "Accept": JSON} | headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _altered(token):
    """The token with one character of its signature changed, well inside, where every bit counts."""
    at = len(token) - 20
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def _admin(secrecy, path):
    connection = http.client.HTTPConnection("127.0.0.1", secrecy.admin_port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


COUNTED_OR_RANDOM = re.compile(r"\b(?:(?:duration_us|received|sent)=\d+|request_id=[0-9a-f]{16}|trace_id=[0-9a-f]{32})(?!\S)")
SAMPLE_VALUE = re.compile(r" [0-9.]+$", re.MULTILINE)
