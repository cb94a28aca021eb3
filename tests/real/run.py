"""Runs the real gateway between a real DICOMweb client and a real DICOMweb server that demands a token.

    run.py [--binaries target/debug] [WORD …]

With words, only the checks whose names contain one of them. Ends with how many passed and failed.
"""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import checks
import parts
import samples
import secrecy
from sides import Side
from tally import Tally


def main():
    """Starts everything, runs the checks, ends everything; the exit code."""
    options = _options()
    parts.end_on_signals()
    # dicomweb-client and pydicom remark upon what these files and Orthanc do; it is the same on both sides.
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="dicom-gateway-real-") as name:
        tally = _run(options, Path(name))
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


def _run(options, folder):
    tally = Tally(options.words)
    port, admin_port = parts.free_port(), parts.free_port()
    guarded = folder / "guard"
    with (
        parts.orthanc(folder / "orthanc") as origin_port,
        parts.guard(options.binaries / "guard", guarded, origin_port, port, admin_port) as told,
        parts.gateway(options.binaries / "dicom-gateway", guarded / "gateway.toml", admin_port) as program,
    ):
        credential = (guarded / "client-secret").read_text().strip()
        direct = Side("straight", origin_port)
        through = Side("through the gateway", port, secrets=(told["token"], credential))
        held = samples.load(direct)
        print(f"{len(held)} instances in {len({sample.study for sample in held})} studies", flush=True)
        world = checks.World(direct, through, held)
        tally.run(checks, world)
        tally.run(secrecy, secrecy.Secrecy(world, program, admin_port, guarded, **told))
        if tally.failed:
            print(f"The gateway's last words:\n{program.tail()}", flush=True)
        tally.check("told to end the gateway ends well", lambda: _ends_well(program))
    return tally


def _ends_well(program):
    code = program.end()
    assert code == 0, f"exit code {code}:\n{program.tail()}"


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=lambda text: Path(text).resolve(), default=Path("target/debug"))
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    for binary in ("guard", "dicom-gateway"):
        if not (options.binaries / binary).is_file():
            parser.error(f"{options.binaries / binary} is missing: cargo build --workspace")
    options.binaries = options.binaries.resolve()
    return options


if __name__ == "__main__":
    sys.exit(main())
