"""Runs real viewers and clients through the real gateway, before an emulated Azure DICOM service and before Orthanc.

    PYTHONPATH=tests/real python -m viewers [--binaries target/debug] [--ohif .cache/ohif] [--pictures target/viewers] [WORD …]

With words, only the checks whose names contain one of them. Ends with how many passed and failed, and where pictures are.
"""

import argparse
import sys
import tempfile
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path

import parts
from sides import Side
from tally import Tally
from viewers import cornerstone, keyed, node_client, ohif, orthanc_client, python_client, readme, recommended, services, static
from viewers.services import ASKED, AZURE, KEYED, KEYS, ORTHANC, Service


def main():
    """Starts everything, runs the checks, ends everything; the exit code."""
    options = _options()
    parts.end_on_signals(600)
    warnings.simplefilter("ignore")  # what dicomweb-client and pydicom remark is not about the gateway
    options.pictures.mkdir(parents=True, exist_ok=True)
    for former in options.pictures.glob("ohif-*.png"):
        former.unlink()
    with tempfile.TemporaryDirectory(prefix="dicom-gateway-viewers-") as name:
        tally = _run(options, Path(name))
    print(f"pictures of what was to be seen: {options.pictures}")
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


def _run(options, folder):
    tally = Tally(options.words)
    viewer_port = parts.free_port()
    viewer = f"http://127.0.0.1:{viewer_port}"
    with ExitStack() as running:
        program, azure, orthanc, asked, with_keys = _services(options, folder, viewer, running)
        for service in (azure, orthanc, asked):
            tally.run(python_client, service, f"dicomweb-client for Python, {service.name}: ")
        tally.run(keyed, with_keys, "callers with keys: ")
        readings = []
        for service in (azure, orthanc):
            tally.run(cornerstone, service, f"Cornerstone, {service.name}: ")
            with static.served(options.ohif / "dist", recommended.ohif(service.url), viewer_port):
                tally.run(node_client, node_client.Place(service, viewer), f"dicomweb-client for JavaScript, {service.name}: ")
                readings.append(ohif.Reading.by(service, viewer, options.pictures))
            tally.run(ohif, readings[-1], f"OHIF, {service.name}: ")
        tally.check("OHIF shows the very same pixels of both services", lambda: ohif.Reading.compare(*readings))
        for service in (azure, orthanc):
            peer_port = running.enter_context(parts.orthanc(folder / f"peer-of-{service.name}", **recommended.orthanc(service.url)))
            tally.run(orthanc_client, orthanc_client.Peer(service, peer_port), f"Orthanc as a client, {service.name}: ")
        tally.run(readme, running.enter_context(_demo(options.binaries / "demo", folder)), "README: ")
        if tally.failed:
            print(f"The gateway's last words:\n{program.tail()}", flush=True)
    return tally


def _services(options, folder, viewer, running):
    """Starts the gateway and what is behind it; the gateway, and its routes, each filled with the demo's studies."""
    port, admin_port = parts.free_port(), parts.free_port()
    guarded = folder / "guard"
    orthanc_port = running.enter_context(parts.orthanc(folder / "orthanc"))
    guard = parts.guard(options.binaries / "guard", guarded, orthanc_port, port, admin_port, "--azure")
    told = running.enter_context(guard)
    file = guarded / "viewers.toml"
    file.write_text(services.configuration(guarded, told, (port, admin_port), viewer))
    keys = services.keys(options.binaries / "dicom-gateway", guarded / KEYS)
    program = running.enter_context(parts.gateway(options.binaries / "dicom-gateway", file, admin_port))

    # Nothing that a caller is sent may hold these: neither secrets, nor where the services really are.
    hidden = [*keys, told["token"], (guarded / "client-secret").read_text().strip(), services.ORTHANC_CALLS_ITSELF]
    hidden += [address.split("//")[1] for address in (told["guard"], told["azure"])]
    sides = [Side(prefix, port, hidden, prefix) for prefix in (AZURE, ORTHANC, ASKED)]
    of_orthanc = services.forget_by_orthanc(orthanc_port)
    azure = Service("azure", sides[0], is_azure=True, forget=services.forget_by_gateway(sides[0]))
    orthanc = Service("orthanc", sides[1], is_azure=False, forget=of_orthanc)
    services.fill(azure, orthanc)
    asked = Service("orthanc-asked", sides[2], is_azure=False, forget=of_orthanc, datasets=orthanc.datasets)
    side = Side(KEYED, port, hidden, KEYED)
    of_keys = Service("azure-keyed", side, is_azure=True, forget=azure.forget, datasets=azure.datasets)
    return program, azure, orthanc, asked, keyed.Keyed(of_keys, *keys)


@contextmanager
def _demo(binary, folder):
    port, admin_port = parts.free_port(), parts.free_port()
    command = [binary, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin_port}"]
    with parts.running("demo", command, folder) as program:
        program.wait_until(lambda: parts.status_of(admin_port, "/ready") == 200, "readiness")
        program.wait_until(lambda: "Ctrl-C" in program.said(), "introduction")
        yield readme.Demo(program.said(), port, admin_port, folder)


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=_path, default="target/debug")
    parser.add_argument("--ohif", type=_path, default=".cache/ohif")
    parser.add_argument("--pictures", type=_path, default="target/viewers")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    for needed in (options.binaries / "guard", options.binaries / "dicom-gateway", options.binaries / "demo", options.ohif / "dist/index.html"):
        if not needed.is_file():
            parser.error(f"{needed} is missing: `tests/run viewers` brings all that is needed")
    return options


def _path(text):
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
