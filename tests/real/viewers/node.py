"""Runs our scripts for node, with the packages that `package-lock.json` pins."""

import json
import os
import subprocess
from pathlib import Path


def run(script, wanted):
    """The object that the script writes when it is given this one."""
    command = ["node", str(Path(__file__).with_name(script))]
    environment = os.environ | {"NODE_PATH": str(PACKAGES)}
    answer = subprocess.run(command, input=json.dumps(wanted).encode(), stdout=subprocess.PIPE, check=True, timeout=240, env=environment)
    return json.loads(answer.stdout)


PACKAGES = Path(__file__).parents[3] / ".cache/viewers/node_modules"
