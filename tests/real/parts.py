"""The programs that take part: Orthanc, the guard before it, and the gateway.

Each is a context manager that starts its program on free loopback ports, waits until it answers, and ends it again, whatever happens in
between. A program also ends when this process dies without a chance to clean up.
"""

import ctypes
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path


class Program:
    """A running program, and the files that hold what it says."""

    def __init__(self, name, command, folder, pipe_stdout=False):
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env={k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ} | {"RUST_BACKTRACE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe_stdout else log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )

    def wait_until(self, ready, what, limit=60.0):
        """Returns the first true answer of `ready`; fails early when the program ends."""
        deadline = time.monotonic() + limit
        while not (answer := ready()):
            assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.tail()}"
            assert time.monotonic() < deadline, f"{self.name}: no {what} within {limit:.0f} s:\n{self.tail()}"
            time.sleep(0.02)
        return answer

    def said(self):
        """All that the program has written so far."""
        return self.log.read_text(errors="replace")

    def tail(self):
        """The last lines of it."""
        return "\n".join(self.said().splitlines()[-30:])

    def peak_memory(self):
        """The most memory that the program ever had resident, in bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the kernel does not tell VmHWM")

    def end(self, limit=20.0):
        """Asks the program to end, insists after a while, and returns its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self.process.stdout:
                self.process.stdout.close()


@contextmanager
def orthanc(folder, **dicomweb):
    """A real DICOMweb server, empty; yields its port. `dicomweb` are further settings of its DICOMweb plug-in."""
    port = free_port()
    folder.mkdir()
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,  # it binds to every address, so it must refuse all but loopback
        "AuthenticationEnabled": False,
        "OverwriteInstances": True,
        "KeepAlive": True,
        "TcpNoDelay": True,
        "HttpThreadsCount": 20,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "Full", "SeriesMetadata": "Full", **dicomweb},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with running("orthanc", ["Orthanc", folder / "orthanc.json"], folder) as program:
        program.wait_until(lambda: status_of(port, "/system") == 200, "answer")
        yield port


@contextmanager
def guard(binary, folder, origin_port, port, admin_port, *more):
    """A front for the origin server that demands a token, and an authority that issues it; yields where they are.

    `folder` then holds what a gateway needs to get past it: `ca.pem`, `client-secret` and `gateway.toml`. `more` are arguments of the
    program, such as `--azure` for an emulated service beside it.
    """
    folder.mkdir()
    command = [binary, "--origin", f"127.0.0.1:{origin_port}", "--listen", f"127.0.0.1:{port}"]
    command += ["--admin", f"127.0.0.1:{admin_port}", "--dir", folder, *more]
    with running("guard", command, folder, pipe_stdout=True) as program:
        line = program.process.stdout.readline()
        assert line, f"guard said nothing:\n{program.tail()}"
        yield json.loads(line)


@contextmanager
def gateway(binary, configuration, admin_port):
    """The gateway itself, ready; yields the program."""
    command = [binary, "serve", configuration]
    with running("gateway", command, configuration.parent) as program:
        program.wait_until(lambda: status_of(admin_port, "/ready") == 200, "readiness")
        yield program


@contextmanager
def running(name, command, folder, pipe_stdout=False):
    """Any program, from start to end."""
    program = Program(name, command, folder, pipe_stdout)
    try:
        yield program
    finally:
        program.end()


def free_port():
    """A loopback port that nobody listens on.

    It lies below the range from which the kernel takes ports for outgoing connections, so that none of those takes it before its program
    gets to bind it.
    """
    for _ in range(1000):
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        if port not in _handed_out:
            _handed_out.add(port)
            return port
    raise AssertionError("no free port")


def status_of(port, path):
    """The status of a GET, or None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def end_on_signals(limit=1200):
    """Turns a polite signal, or too long a time, into an exception, so that every `finally` runs."""

    def leave(number, _frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    signal.signal(signal.SIGALRM, leave)
    signal.alarm(limit)


def _die_with_parent():
    _libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


_handed_out = set()
_libc = ctypes.CDLL(None)
