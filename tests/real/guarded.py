"""What a gateway needs before the guarded service: its configuration, and keys for its callers."""

import subprocess
import tomllib


def new_key(binaries, guarded, name):
    """A key of this name for the gateway's callers."""
    command = [binaries / "dicom-gateway", "key", "new", name, "--file", guarded / "api-keys"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def configuration(guarded, ports, origin):
    """A gateway for callers with keys, on these two ports; keys of its route may follow, and then other tables.

    Client and scope are those that the guard knows, whose folder `guarded` is.
    """
    given = tomllib.loads((guarded / "gateway.toml").read_text())
    return f"""\
[listener]
address = "127.0.0.1:{ports[0]}"

[admin]
address = "127.0.0.1:{ports[1]}"

[client]
token_endpoint = "{given["client"]["token_endpoint"]}"
id = "{given["client"]["id"]}"
anchors = "ca.pem"
credential.secret_file = "client-secret"

[[route]]
prefix = "/dicom-web"
origin = "{origin}"
anchors = "ca.pem"
scope = "{given["route"][0]["scope"]}"
callers = {{ api_keys = "api-keys" }}
"""
