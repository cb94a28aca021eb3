"""The gateway beside MSAL Python, as clients of one and the same authority.

    rivals.py [--binaries target/debug] [WORD …]

Each row is something that MSAL does worse than it could, as its code and its issues tell: both clients live through it, and what it costs is
printed side by side. Fails where the gateway is worse in anything that the row is about. With words, only the rows whose names contain one.
"""

import argparse
import http.client
import inspect
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msal

import parts

# --- what both live through ---


def fifty_callers_before_there_is_a_token(run):
    """MSAL: each of them asks."""
    run.authority.tell(delay=DELAY)
    with run.client(ready=False) as call:
        run.at_once(call, 50)
    return REQUESTS, WAITS, FAILURES


def fifty_callers_past_the_refresh_time(run):
    """MSAL: each of them asks again, and waits, though the token in hand is good."""
    run.authority.tell(refresh_in=1)
    with run.client() as call:
        run.in_turn(call, 1)
        run.authority.tell(refresh_in=0, delay=DELAY)
        time.sleep(1.5)
        run.at_once(call, 50)
    return REQUESTS, WAITS, FAILURES


def a_refresh_is_answered_503(run):
    """MSAL: raises, though the token in hand is good for an hour."""
    run.authority.tell(refresh_in=1)
    with run.client() as call:
        run.in_turn(call, 1)
        run.authority.tell(answer="unavailable")
        time.sleep(1.5)
        run.in_turn(call, 20)
    return REQUESTS, WAITS, FAILURES


def the_authority_is_down_for_a_tokens_last_four_minutes(run):
    """MSAL: a token is no token in its last five minutes."""
    run.authority.tell(lifetime=240)
    with run.client() as call:
        run.in_turn(call, 1)
        run.authority.tell(answer="unavailable")
        run.in_turn(call, 20)
    return REQUESTS, WAITS, FAILURES


def tokens_live_for_four_minutes(run):
    """MSAL: they are never served twice."""
    run.authority.tell(lifetime=240)
    with run.client() as call:
        run.in_turn(call, 20)
    return REQUESTS, WAITS, FAILURES


def consent_is_given_after_the_first_attempt(run):
    """MSAL: a 400 is replayed from a cache for a minute."""
    run.authority.tell(answer="no_consent")
    with run.client(ready=False) as call:
        run.in_turn(call, 1)
        run.authority.tell(answer="well")
        run.until_well(call)
    return FAILURES, SECONDS


def an_authority_is_back_after_an_outage(run):
    """MSAL: a 503 without Retry-After is replayed for five seconds."""
    run.authority.tell(answer="unavailable")
    with run.client(ready=False) as call:
        run.in_turn(call, 1)
        run.authority.tell(answer="well")
        run.until_well(call)
    return FAILURES, SECONDS


def an_authority_wants_to_be_left_alone_for_three_seconds(run):
    """MSAL does this well."""
    run.authority.tell(answer="throttled")
    with run.client(ready=False) as call:
        run.in_turn(call, 20)
        run.authority.tell(answer="well")
        run.until_well(call)
    return REQUESTS, SECONDS


def refresh_in_is_a_string(run):
    """MSAL: TypeError; other clients read it as authorities other than Entra write it."""
    run.authority.tell(answer="refresh_in_text")
    with run.client() as call:
        run.in_turn(call, 5)
    return REQUESTS, WAITS, FAILURES


def a_secret_is_replaced_in_its_file(run):
    """MSAL: has it for the life of its object, and so mostly of the process."""
    run.authority.tell(refresh_in=1, lifetime=240)
    with run.client() as call:
        run.in_turn(call, 1)
        run.replace_secret("the next one")
        run.authority.tell(refresh_in=0)
        time.sleep(1.5)
        run.in_turn(call, 20)
    return REQUESTS, FAILURES


def twenty_callers_of_one_user_before_there_is_a_token(run):
    """MSAL: each of them asks on behalf of the same user, with the same assertion."""
    run.authority.tell(delay=DELAY)
    with run.client(users=True) as call:
        run.at_once(lambda: call("ann"), 20)
    return REQUESTS, FAILURES


def a_user_calls_twenty_times(run):
    """MSAL: never looks whether it has the user's token already."""
    with run.client(users=True) as call:
        run.in_turn(lambda: call("ann"), 20)
    return REQUESTS, FAILURES


def twenty_callers_of_one_user_past_the_refresh_time(run):
    """MSAL: each of them asks and waits."""
    run.authority.tell(refresh_in=1)
    with run.client(users=True) as call:
        run.in_turn(lambda: call("ann"), 1)
        run.authority.tell(refresh_in=0, delay=DELAY)
        time.sleep(1.5)
        run.at_once(lambda: call("ann"), 20)
    return REQUESTS, WAITS, FAILURES


def the_authority_fails_one_user_and_another_calls(run):
    """MSAL: the other is refused as well for five seconds, and the authority is not asked."""
    run.authority.tell(of_user=("ann", "unavailable"))
    with run.client(users=True) as call:
        run.in_turn(lambda: call("ann"), 1)
        run.until_well(lambda: call("bob"))
    return FAILURES, SECONDS


def a_user_consents_after_the_first_attempt(run):
    """MSAL: a 400 is replayed from a cache for a minute."""
    run.authority.tell(of_user=("ann", "no_consent"))
    with run.client(users=True) as call:
        run.in_turn(lambda: call("ann"), 1)
        run.authority.tell(of_user=("ann", "well"))
        run.until_well(lambda: call("ann"))
    return FAILURES, SECONDS


# --- how ---


class Run:
    """One client in one row: what it may do, and what that cost."""

    def __init__(self, authority, client):
        self.authority = authority
        self.client = client
        self.waits = self.failures = 0
        self.seconds = 0.0
        authority.reset()
        self._before = authority.tell()

    def at_once(self, call, count):
        """So many calls, all at the same time."""
        with ThreadPoolExecutor(count) as pool:
            self._count(pool.map(lambda _: _timed(call), range(count)))

    def in_turn(self, call, count):
        """So many calls, one after the other."""
        self._count(_timed(call) for _ in range(count))

    def until_well(self, call):
        """Calls four times a second until that succeeds, or for as long as anybody would wait."""
        start = time.monotonic()
        while time.monotonic() < start + PATIENCE:
            good, _ = _timed(call)
            self.seconds = time.monotonic() - start
            if good:
                return
            self.failures += 1
            time.sleep(0.25)
        self.seconds = PATIENCE

    def replace_secret(self, secret):
        """At the authority and in the file."""
        (self.authority.folder / "client-secret").write_text(secret)
        self.authority.tell(secret=secret)

    def cost(self):
        """Token requests, waits, failures, seconds."""
        return Cost(self.authority.tell() - self._before, self.waits, self.failures, self.seconds)

    def _count(self, outcomes):
        for good, seconds in outcomes:
            self.failures += not good
            self.waits += seconds > DELAY / 2


@dataclass
class Cost:
    """What a row cost a client."""

    requests: int
    waits: int
    failures: int
    seconds: float

    def worse(self, other, measures):
        """In which of the measures this is worse than the other."""
        # Calls come four times a second, so less than one of them is chance.
        slack = {SECONDS: 0.75, FAILURES: 0}
        if SECONDS in measures:
            slack[FAILURES] = 3
        return [name for name in measures if getattr(self, name) > getattr(other, name) + slack.get(name, 0)]

    def __str__(self):
        seconds = "" if not self.seconds else f"> {PATIENCE:.0f}" if self.seconds >= PATIENCE else f"{self.seconds:.1f}"
        return f"{self.requests:>8} {self.waits:>6} {self.failures:>9} {seconds:>8}"


class Authority:
    """The emulated authority, and the folder with what its clients need."""

    def __init__(self, process, folder):
        self.folder = folder
        self._process = process
        self._tokens = {}
        self._one_at_a_time = threading.Lock()
        self.told = json.loads(process.stdout.readline())
        self._secret = (folder / "client-secret").read_text()
        # What is said to `requests` in code gives way to this variable, which machines behind proxies have.
        os.environ["REQUESTS_CA_BUNDLE"] = str(folder / "ca.pem")

    def tell(self, **order):
        """Makes this hold from now on; gives how many token requests there were."""
        return self._ask(order)["requests"]

    def token_of(self, user):
        """What this user's viewer calls with, the same until a reset."""
        with self._one_at_a_time:
            if user not in self._tokens:
                self._tokens[user] = self._ask({"user": user})["token"]
            return self._tokens[user]

    def _ask(self, order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def reset(self):
        """As it was at first."""
        (self.folder / "client-secret").write_text(self._secret)
        for user in self._tokens:
            self.tell(of_user=(user, "well"))
        self._tokens = {}
        self.tell(lifetime=3600, refresh_in=0, delay=0, answer="well", secret=self._secret)

    @contextmanager
    def msal(self, ready=True, users=False):
        """MSAL as an application has it: one object, its own cache. Yields a call: whether there is a token, for a user where users is set."""
        app = msal.ConfidentialClientApplication(
            self.told["client_id"],
            client_credential=(self.folder / "client-secret").read_text(),
            authority=self.told["authority"],
            instance_discovery=False,
        )

        def call():
            return "access_token" in app.acquire_token_for_client(scopes=[self.told["scope"]])

        def call_for(user):
            token = self.token_of(user)
            return "access_token" in app.acquire_token_on_behalf_of(token, scopes=[self.told["scope"]])

        yield call_for if users else call


@contextmanager
def authority(binary, folder, port, admin_port):
    """The emulated authority, running."""
    command = [binary, "--dir", folder, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin_port}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Authority(process, folder)
        process.stdin.close()


@contextmanager
def gateway(binary, emulated, ports, ready=True, users=False):
    """The gateway, a new process. Yields a call: whether the origin server was reached with a token, the user's where users is set."""
    port, admin_port = ports
    configuration = emulated.folder / ("users.toml" if users else "gateway.toml")
    with parts.running("gateway", [binary, "serve", configuration], configuration.parent) as program:
        wanted = "/ready" if ready else "/live"
        program.wait_until(lambda: parts.status_of(admin_port, wanted) == 200, wanted)

        def call(user=None):
            headers = {"Authorization": f"Bearer {emulated.token_of(user)}"} if user else {}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request("GET", "/dicom-web/extendedquerytags", headers=headers)
                return connection.getresponse().status == 200
            finally:
                connection.close()

        yield call


def _timed(call):
    start = time.monotonic()
    try:
        good = call()
    except Exception:  # whatever a client raises, its application has no token
        good = False
    return good, time.monotonic() - start


def main():
    """All rows for both, and a table; the exit code."""
    options = _options()
    parts.end_on_signals()
    logging.disable()  # MSAL tells at length of each answer that is no JSON
    module = sys.modules[__name__]
    rows = [row for _, row in inspect.getmembers(module, inspect.isfunction) if list(inspect.signature(row).parameters) == ["run"]]
    rows.sort(key=lambda row: row.__code__.co_firstlineno)
    print(f"{'':58} {'requests':>8} {'waits':>6} {'failures':>9} {'seconds':>8}", flush=True)
    worse = 0
    ports = parts.free_port(), parts.free_port()
    with tempfile.TemporaryDirectory(prefix="dicom-gateway-rivals-") as name:
        folder = Path(name)
        with authority(options.binaries / "authority", folder, *ports) as emulated:
            for row in rows:
                sentence = row.__name__.replace("_", " ")
                if options.words and not any(word in sentence for word in options.words):
                    continue
                worse += _row(row, sentence, emulated, options.binaries / "dicom-gateway", ports)
    print(f"{worse} rows in which the gateway is worse", flush=True)
    return 1 if worse else 0


def _row(row, sentence, emulated, binary, ports):
    costs = {}
    for name, client in [
        (f"MSAL {msal.__version__}", emulated.msal),
        ("gateway", lambda **how: gateway(binary, emulated, ports, **how)),
    ]:
        run = Run(emulated, client)
        measures = row(run)
        costs[name] = run.cost()
    theirs, ours = costs.values()
    worse = ours.worse(theirs, measures)
    print(f"{sentence} ({', '.join(measures)})")
    for name, cost in costs.items():
        print(f"    {name:54} {cost}")
    if worse:
        print(f"    WORSE in {', '.join(worse)}")
    sys.stdout.flush()
    return bool(worse)


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=lambda text: Path(text).resolve(), default=Path("target/debug").resolve())
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    for binary in ("authority", "dicom-gateway"):
        if not (options.binaries / binary).is_file():
            parser.error(f"{options.binaries / binary} is missing: cargo build --workspace")
    return options


# A call waited if it took more than half of this: the authority's answers come so late, in seconds.
DELAY = 2.0

# Who has waited so long, in seconds, gives up.
PATIENCE = 15.0

REQUESTS, WAITS, FAILURES, SECONDS = "requests", "waits", "failures", "seconds"

if __name__ == "__main__":
    sys.exit(main())
