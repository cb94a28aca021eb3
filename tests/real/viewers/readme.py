"""What the README and the demo say to type: it does what they say, to the letter, but for the ports."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from viewers import recommended


@dataclass
class Demo:
    """A demo that runs."""

    said: str
    port: int
    admin_port: int
    folder: Path


def the_curl_lines_of_the_demo_work(demo):
    lines = re.findall(r"^ +(curl .*)$", demo.said, re.MULTILINE)
    assert len(lines) >= 2, demo.said
    for line in lines:
        _run(demo, line)
    assert (demo.folder / "slice.png").read_bytes().startswith(b"\x89PNG")


def the_curl_lines_of_the_readme_work(demo):
    text = README.read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if re.match(r"\s*curl ", line)]
    lines += [re.sub(r"\s+", " ", line) for line in re.findall(r"`(curl\s[^`]*)`", text)]
    assert lines, "the README has none"
    for line in lines:
        _run(demo, line.replace(":8080", f":{demo.port}").replace(":9090", f":{demo.admin_port}"))


def the_recommended_script_for_python_works(demo):
    script = recommended.python(f"http://127.0.0.1:{demo.port}/dicom-web")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=90)
    assert ended.returncode == 0, ended.stderr.decode()
    assert b" 40 instances\n" in ended.stdout and ended.stdout.count(b"\n") == 4, ended.stdout.decode()


def _run(demo, line):
    # `--fail` so that a status from 400 on is a failure, which for a reader it is.
    script = f'curl() {{ command curl --fail --silent --show-error --max-time 60 "$@"; }}\n{line}'
    ended = subprocess.run(["bash", "-c", script], cwd=demo.folder, capture_output=True, timeout=90)
    assert ended.returncode == 0, f"{line}\n{ended.stderr.decode()}"
    assert ended.stdout or "-o " in line, f"{line}: nothing came"


README = Path(__file__).parents[3] / "README.md"
