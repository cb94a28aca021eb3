"""Stores and retrieves what is far larger than memory allows, through the real gateway, and looks at how much memory it took.

    large.py [--binary target/debug/dicom-gateway] [--gibibytes 5] [--ceiling-mebibytes 64]

Every byte is compared on arrival. Ends with how many passed and failed.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import parts
from bulk_origin import CHUNKED_STUDY, HELD_STUDY, MEASURED_STUDY, bulk_origin
from stream import CONTENT_TYPE, STEP, Body, Checker


def main():
    """Runs the transfers; the exit code."""
    options = _options()
    parts.end_on_signals()
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix="dicom-gateway-large-") as name, bulk_origin(options.size) as origin_port:
        port, admin_port = parts.free_port(), parts.free_port()
        with parts.gateway(options.binary, _configuration(Path(name), origin_port, port, admin_port), admin_port) as program:
            print(f"{options.size / GIB:.1f} GiB each; resident before: {program.peak_memory() / MIB:.1f} MiB", flush=True)
            for sentence, transfer in TRANSFERS.items():
                start = time.monotonic()
                try:
                    transfer(port, origin_port, options.size)
                    seconds, peak = time.monotonic() - start, program.peak_memory()
                    assert peak < options.ceiling, f"{peak / MIB:.1f} MiB resident"
                except Exception:
                    failed += 1
                    print(f"FAIL {sentence}\n{traceback.format_exc(limit=-3, chain=False)}{program.tail()}", flush=True)
                else:
                    passed += 1
                    speed = options.size / MIB / seconds
                    print(f"ok   {sentence} ({seconds:.1f} s, {speed:.0f} MiB/s, peak {peak / MIB:.1f} MiB resident)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def _store_with_length(port, _origin_port, size):
    _store(port, "", Body(size).pieces(), size, "length", {"Content-Length": str(size)})


def _store_in_chunks(port, _origin_port, size):
    _store(port, "", Body(size).pieces(), size, "chunked", {"Transfer-Encoding": "chunked"})


def _store_to_one_who_does_not_read(port, origin_port, size):
    progress = [0]

    def pieces():
        for piece in Body(size).pieces():
            yield piece
            progress[0] += len(piece)

    def let_go():
        try:
            held_at.append(_when_it_stalls(lambda: progress[0]))
        finally:
            _ask(origin_port, "POST", "/release")

    held_at = []
    waiter = threading.Thread(target=let_go)
    waiter.start()
    try:
        _store(port, f"/{HELD_STUDY}", pieces(), size, "length", {"Content-Length": str(size)})
    finally:
        waiter.join()
    assert held_at and held_at[0] < _socket_buffers(), f"the caller got rid of {held_at} bytes that nobody read"


def _retrieve_with_length(port, _origin_port, size):
    _retrieve(port, MEASURED_STUDY, size, base="/as-is")


def _retrieve_looked_through(port, _origin_port, size):
    _retrieve(port, MEASURED_STUDY, size)


def _retrieve_in_chunks(port, _origin_port, size):
    _retrieve(port, CHUNKED_STUDY, size)


def _retrieve_by_one_who_does_not_read(port, origin_port, size):
    def hold():
        sent = _when_it_stalls(lambda: _ask(origin_port, "GET", "/sent")["sent"])
        assert sent < _socket_buffers(), f"the origin server got rid of {sent / MIB:.0f} MiB that nobody read"

    _retrieve(port, CHUNKED_STUDY, size, hold)


def _store(port, study, pieces, size, how, framing):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        chunked = "Transfer-Encoding" in framing
        headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/dicom+json"} | framing
        connection.request("POST", f"/dicom-web/studies{study}", pieces, headers, encode_chunked=chunked)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, f"{response.status}: {answer[:300]!r}"
        assert json.loads(answer) == {"received": size, "how": how}, f"{answer!r}"
    finally:
        connection.close()


def _retrieve(port, study, size, before_reading=lambda: None, base="/dicom-web"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        connection.request("GET", f"{base}/studies/{study}", headers={"Accept": accept})
        response = connection.getresponse()
        assert response.status == 200, f"{response.status}: {response.read(300)!r}"
        assert response.getheader("Content-Type") == CONTENT_TYPE
        assert (response.getheader("Content-Length") == str(size)) == (base == "/as-is")
        before_reading()
        checker, view = Checker(size), memoryview(bytearray(STEP))
        while count := response.readinto(view):
            checker.take(view[:count])
        checker.finish()
    finally:
        connection.close()


def _when_it_stalls(progress):
    """What had been sent when for half a second nothing more was."""
    before = 0
    for _ in range(120):
        time.sleep(0.5)
        if (now := progress()) == before and now:
            return now
        before = now
    raise AssertionError("it does not even start, or never stalls")


def _socket_buffers():
    """What the kernel may hold on the way, in the two connections' four buffers, and a little for the programs."""
    largest = [int(Path(f"/proc/sys/net/ipv4/tcp_{way}mem").read_text().split()[2]) for way in "rw"]
    return 2 * sum(largest) + 16 * MIB


def _ask(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _configuration(folder, origin_port, port, admin_port):
    secret = folder / "client-secret"
    secret.touch(mode=0o600)
    secret.write_text("synthetic")
    file = folder / "gateway.toml"
    file.write_text(f"""
[listener]
address = "127.0.0.1:{port}"

[admin]
address = "127.0.0.1:{admin_port}"

[client]
token_endpoint = "http://127.0.0.1:{origin_port}/token"
id = "large"
credential.secret_file = "client-secret"

[[route]]
prefix = "/dicom-web"
origin = "http://127.0.0.1:{origin_port}/dicom-web"
profile = "generic"
scope = "synthetic/.default"
callers = "anyone"
allow = ["search", "retrieve", "store"]

# What no URL is put right in keeps its length; the other route looks through every byte.
[[route]]
prefix = "/as-is"
origin = "http://127.0.0.1:{origin_port}/dicom-web"
profile = "generic"
urls = "keep"
scope = "synthetic/.default"
callers = "anyone"
allow = ["retrieve"]
""")
    return file


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=lambda text: Path(text).resolve(), default=Path("target/debug/dicom-gateway").resolve())
    parser.add_argument("--gibibytes", type=float, default=5)
    parser.add_argument("--ceiling-mebibytes", type=float, default=64)
    options = parser.parse_args()
    if not options.binary.is_file():
        parser.error(f"{options.binary} is missing: cargo build --workspace")
    options.size = int(options.gibibytes * GIB)
    options.ceiling = options.ceiling_mebibytes * MIB
    return options


MIB = 1 << 20
GIB = 1 << 30
TRANSFERS = {
    "a store of known length arrives whole, in bounded memory": _store_with_length,
    "a store in chunks arrives whole, in bounded memory": _store_in_chunks,
    "a store that the origin server does not read is held back": _store_to_one_who_does_not_read,
    "a retrieve of known length arrives whole, in bounded memory": _retrieve_with_length,
    "a retrieve of known length arrives whole, in bounded memory, looked through for URLs": _retrieve_looked_through,
    "a retrieve in chunks arrives whole, in bounded memory": _retrieve_in_chunks,
    "a retrieve that the caller does not read is held back": _retrieve_by_one_who_does_not_read,
}

if __name__ == "__main__":
    sys.exit(main())
