"""Counts the instructions of what each request does, and compares them with what was recorded.

Time says little on a machine that has other work to do; instructions are the same each time. What is
counted, and how many there were, stands in benches/instructions.toml.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    recorded = tomllib.loads((ROOT / "benches/instructions.toml").read_text())
    tolerance = recorded.pop("tolerance_percent")
    program = build()
    dearer = []
    for name, what in recorded.items():
        now = count(program, what["test"], what["function"]) / what["times"]
        change = (now / what["instructions"] - 1) * 100
        print(f"{name:40} {what['instructions']:7} recorded {now:9.1f} now {change:+7.1f} %")
        if change > tolerance:
            dearer.append(name)
        elif change < -tolerance:
            print(f"{name}: that is cheaper; record it, so that it stays so")
    if dearer:
        sys.exit(f"dearer by more than {tolerance} %: {', '.join(dearer)}. Make them as cheap as they "
                 "were, or record the new figure with the change that is worth it.")


def build():
    """The crate's own tests, optimized as far as a short build goes; what they depend on is there."""
    command = ["cargo", "test", "--package", "dicom-gateway", "--lib", "--no-run", "--locked",
               "--message-format", "json-render-diagnostics"]
    environment = {**os.environ, "CARGO_PROFILE_DEV_OPT_LEVEL": "3"}
    built = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    messages = (json.loads(line) for line in built.stdout.splitlines())
    programs = [message["executable"] for message in messages if message.get("executable")]
    assert len(programs) == 1, programs
    return programs[0]


def count(program, test, function):
    """The instructions of all calls of `function`, and of what it calls, in one test."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "counted")
        command = ["valgrind", "--tool=callgrind", "--quiet", f"--toggle-collect={function}",
                   f"--callgrind-out-file={out}", program, "--ignored", "--exact", test]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode or "1 passed" not in run.stdout:
            sys.exit(f"{test} did not pass:\n{run.stdout}{run.stderr}")
        totals = [line.split()[1] for line in out.read_text().splitlines()
                  if line.startswith(("totals:", "summary:"))]
    total = int(totals[-1]) if totals else 0
    assert total > 0, f"{function} was never called in {test}"
    return total


if __name__ == "__main__":
    main()
