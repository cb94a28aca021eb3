"""Runs the real gateway as a client of oidc-provider, an authority that nobody here wrote, before a service that takes its tokens only.

    PYTHONPATH=tests/real python -m authority [--binaries target/debug] [--library …/oidc-provider] [WORD …]

With words, only the checks whose names contain one of them. Ends with how many passed and failed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import parts
from authority import checks
from authority.scene import Scene
from tally import Tally


def main():
    """Starts everything, runs the checks, ends everything; the exit code."""
    options = _options()
    parts.end_on_signals(600)
    tally = Tally(options.words)
    # The gateway takes no secret that others can read.
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="dicom-gateway-authority-") as name:
        scene = Scene(Path(name), options.library)
        with scene.running(options.binaries / "dicom-gateway"):
            tally.run(checks, scene)
            if tally.failed:
                print(f"The gateway's last words:\n{scene.gateway.tail()}", flush=True)
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=_path, default="target/debug")
    parser.add_argument("--library", type=_path, default=".cache/authority/node_modules/oidc-provider")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    for needed in (options.binaries / "dicom-gateway", options.library / "lib/index.js"):
        if not needed.is_file():
            parser.error(f"{needed} is missing: `tests/run authority` brings all that is needed")
    return options


def _path(text):
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
