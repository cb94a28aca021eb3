"""Holds the printed schema of the configuration against the standard, the sample file, and files that are wrong.

    schema.py [--binary target/debug/dicom-gateway]
"""

import argparse
import copy
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema


def main():
    """Prints how it went; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=Path("target/debug/dicom-gateway"))
    binary = parser.parse_args().binary
    if not binary.is_file():
        parser.error(f"{binary} is missing: cargo build --workspace")
    schema = json.loads(subprocess.run([binary.resolve(), "schema"], check=True, capture_output=True, timeout=60).stdout)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)
    sample = tomllib.loads((Path(__file__).parents[2] / "config" / "gateway.toml").read_text())
    validator.validate(sample)
    for what, wrong in _wrong(sample):
        assert not validator.is_valid(wrong), f"the schema lets {what} pass"
    print("ok   the schema is a schema, the sample file follows it, and wrong files do not")
    return 0


def _wrong(sample):
    for what, change in {
        "an unknown table": lambda file: file.update(listner={}),
        "an unknown key": lambda file: file["listener"].update(adress="127.0.0.1:1"),
        "a number for an address": lambda file: file["listener"].update(address=8080),
        "a route without an origin": lambda file: file["route"][0].pop("origin"),
        "an unknown transaction": lambda file: file["route"][0].update(allow=["serach"]),
    }.items():
        wrong = copy.deepcopy(sample)
        change(wrong)
        yield what, wrong


if __name__ == "__main__":
    sys.exit(main())
