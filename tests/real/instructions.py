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
        now = cost(program, what)
        change = (now / what["instructions"] - 1) * 100
        print(f"{name:40} {what['instructions']:7} recorded {now:9.1f} now {change:+7.1f} %")
        bound = what.get("tolerance_percent", tolerance)
        if change > bound:
            dearer.append(f"{name} by more than {bound} %")
        elif change < -bound:
            print(f"{name}: that is cheaper; record it, so that it stays so")
    if dearer:
        sys.exit(f"dearer: {', '.join(dearer)}. Make them as cheap as they were, or record the new "
                 "figure with the change that is worth it.")


def build():
    """The crate's own tests, optimized as far as a short build goes; what they depend on is there.

    In one piece: cut into several, as compilers do to be quick, a function is inlined or not by where the
    cuts lie, and those move with every line that is added anywhere."""
    command = ["cargo", "test", "--package", "dicom-gateway", "--lib", "--no-run", "--locked",
               "--message-format", "json-render-diagnostics",
               "--config", "profile.dev.package.dicom-gateway.opt-level=3",
               "--config", "profile.dev.package.dicom-gateway.codegen-units=1"]
    environment = {**os.environ, "CARGO_INCREMENTAL": "0"}
    built = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    messages = (json.loads(line) for line in built.stdout.splitlines())
    programs = [message["executable"] for message in messages if message.get("executable")]
    assert len(programs) == 1, programs
    return programs[0]


def cost(program, what):
    """The instructions of one time: of a function, or of all that a process does more in one test than
    in another, so that its start is in neither."""
    if "function" in what:
        return count(program, what["test"], what["function"]) / what["times"]
    return (count(program, what["test"]) - count(program, what["beyond"])) / what["times"]


def count(program, test, function=None):
    """The instructions of one test: of all calls of `function` and of what it calls, or of all threads."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "counted")
        only = [f"--toggle-collect={function}"] if function else []
        command = ["valgrind", "--tool=callgrind", "--quiet", *only, f"--callgrind-out-file={out}",
                   program, "--ignored", "--exact", test]
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
