"""rsyslog, the gateway, and the service behind it."""

import re
from pathlib import Path
from urllib.request import urlopen

import parts
from audit.pki import Authority
from guarded import configuration, new_key
from sides import Side


class Scene:
    """Everything that takes part. `through` is the way through the gateway."""

    def __init__(self, binaries, folder, driver, schema, running):
        self.folder = folder
        self.schema = schema
        self._binaries = binaries
        self._running = running
        self._driver = driver
        self._guarded = folder / "guard"
        self._ports = [parts.free_port() for _ in range(4)]
        self.received = folder / "received"
        caller, admin, self._sink, origin = self._ports
        self._told = running.enter_context(parts.guard(binaries / "guard", self._guarded, origin, caller, admin, "--azure"))
        authority = Authority(folder)
        authority.issue("arr", "localhost")
        authority.issue("gateway", "gateway.hospital.example")
        self.key = new_key(binaries, self._guarded, "reader")
        self.writer = new_key(binaries, self._guarded, "writer")
        self.start_repository()
        self.start_gateway()
        self.through = Side("gateway", caller, [self._told["token"], self.key, self.writer])

    def start_repository(self):
        """Starts rsyslog, or starts it again."""
        text = CONFIGURATION.read_text()
        changes = (
            ("/var/spool/rsyslog", str(self.folder)),
            ("/etc/rsyslog.d/audit/", f"{self.folder}/"),
            ("/var/log/dicom-audit.log", str(self.received)),
            ('address="0.0.0.0" port="6514"', f'address="127.0.0.1" port="{self._sink}"'),
            ('Driver="ossl"', f'Driver="{self._driver}"'),
            ('streamDriver.name="ossl"', f'streamDriver.name="{self._driver}"'),
        )
        for old, new in changes:
            assert old in text, f"rsyslog.conf has no {old}"
            text = text.replace(old, new)
        (self.folder / "rsyslog.conf").write_text(text)
        command = ["rsyslogd", "-n", "-f", self.folder / "rsyslog.conf", "-i", self.folder / "rsyslog.pid"]
        self.repository = self._running.enter_context(parts.running("rsyslog", command, self.folder))
        listening = f"0100007F:{self._sink:04X} 00000000:0000 0A"
        self.repository.wait_until(lambda: listening in Path("/proc/net/tcp").read_text(), "socket")

    def start_gateway(self):
        """Starts the gateway, or starts it again."""
        file = self._guarded / "audit.toml"
        file.write_text(self._configuration())
        program = parts.gateway(self._binaries / "dicom-gateway", file, self._ports[1])
        self.gateway = self._running.enter_context(program)

    def messages(self):
        """What rsyslog has written: header and XML of each record, in their order."""
        if not self.received.exists():
            return []
        lines = self.received.read_text().split("\n")
        # The last one may not be whole yet.
        return [line.partition("<?xml") for line in lines[:-1]]

    def wait_for(self, is_so, what, limit=60.0):
        """Waits until this is so of the parsed messages, all of which must be valid; gives them."""

        def found():
            parsed = [self.schema.parsed(mark + xml) for _, mark, xml in self.messages()]
            return parsed if is_so(parsed) else None

        return self.gateway.wait_until(found, what, limit)

    def wait_until_told(self):
        """Waits until the gateway knows that everything was received: what breaks before that comes twice."""

        def is_told():
            with urlopen(f"http://127.0.0.1:{self._ports[1]}/metrics") as metrics:
                found = re.findall(r"^dicom_gateway_audit_sink_behind_bytes.* (\d+)$", metrics.read().decode(), re.MULTILINE)
            return found and set(found) == {"0"}

        self.gateway.wait_until(is_told, "delivery")

    def _configuration(self):
        route = configuration(self._guarded, self._ports, self._told["azure"])
        return f"""\
{route}permits = [{{ to = ["api_key:writer"], allow = ["store", "delete", "worklist", "manage"] }}]

[audit]
queue = "{self.folder}/queue"
site = "St. Anne & Söhne"

[audit.syslog]
address = "localhost:{self._sink}"
anchors = "{self.folder}/ca.pem"
identity = {{ chain = "{self.folder}/gateway.pem", key = "{self.folder}/gateway.key" }}
timeout_secs = 5
danger_bare_end = {"true" if self._driver == "gtls" else "false"}
"""


CONFIGURATION = Path(__file__).resolve().parents[3] / "deploy/audit/rsyslog.conf"
