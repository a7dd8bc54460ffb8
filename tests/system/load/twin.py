"""The server as a process: start, figures from /proc, log, end."""

import contextlib
import http.client
import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
START_TIME = 60  # seconds; reached only when something is broken
MIB = 1024 * 1024
LISTENING = "0A"  # in /proc/net/tcp


class Failed(Exception):
    """A bound that was missed, in one sentence."""


def require(holds, sentence):
    if not holds:
        raise Failed(sentence)


def eventually(holds, seconds, sentence):
    """Seconds until it held."""
    begin = time.monotonic()
    while not holds():
        require(time.monotonic() - begin < seconds, f"{sentence} (not within {seconds} s)")
        time.sleep(0.02)
    return time.monotonic() - begin


class Twin:
    def __init__(self, binary, *options, environment=None, descriptors=None):
        self.folder = tempfile.TemporaryDirectory(prefix="battery-twin-load-")
        self.log_file = pathlib.Path(self.folder.name, "log")
        self.access_file = pathlib.Path(self.folder.name, "access")
        sanitizers = {  # what is freed is kept for a while, which must not look like growth
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "quarantine_size_mb=16"),
            "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")}

        def limit():
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        with open(self.log_file, "wb") as log, open(self.access_file, "wb") as access:
            self.process = subprocess.Popen(
                [os.path.abspath(binary), "--port", "0", "--seed", "1", "--no-use-colors", *map(str, options)], stderr=log,
                stdout=access, env={**os.environ, **sanitizers, **(environment or {})}, preexec_fn=limit,
                cwd=self.folder.name)
        found = []

        def started():
            # From the socket, because a log that is to be short does not say it.
            links = self.links()
            with open("/proc/net/tcp") as table:
                for line in table:
                    _, local, _, state, *rest = line.split()
                    if state == LISTENING and f"socket:[{rest[5]}]" in links:
                        found.append(int(local.split(":")[1], 16))
            return found or self.process.poll() is not None

        try:
            eventually(started, START_TIME, "the server did not start")
            require(found, f"the server did not start:\n{self.log()}")
        except BaseException:
            self.process.kill()
            raise
        self.port = found[0]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if self.process.poll() is None and error is None:
                self.end()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if kind is Failed:
                unusual = [line for line in self.log().splitlines() if not line.startswith("INFO")]
                error.args = (f"{error}\n" + "\n".join(["The log, without its INFO lines:", *unusual[-50:]]),)
            self.folder.cleanup()

    def end(self):
        """SIGTERM. Seconds until it had gone, which it must with 0 and without a word from a sanitizer."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise Failed("the server did not end within 60 s after SIGTERM") from None
        took = time.monotonic() - begin
        self.check_log()
        require(code == 0, f"the server ended with {code} after SIGTERM")
        return took

    def check_log(self):
        for line in self.log().splitlines():
            for word in ("Sanitizer", "runtime error", "internal error", "a handler failed"):
                require(word not in line, f"the log says: {line}")

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def resident(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE

    def links(self):
        """What its descriptors are."""
        found = set()
        with contextlib.suppress(FileNotFoundError):  # one that was closed meanwhile, or all of them
            for link in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
                found.add(os.readlink(link))
        return found

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def settled(self):
        """Descriptors and memory once it has done everything once."""
        done = self.completed()
        self.request("POST", "/factory/start", {})
        eventually(lambda: self.completed() > done, 60, "a batch does not complete")
        time.sleep(0.2)  # the connections of these requests are being closed
        return self.descriptors(), self.resident()

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def request(self, method, path, body=None, expected=200):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {} if body is None else {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        require(expected is None or response.status == expected,
                f"{method} {path} was answered with {response.status}: {text[:200]!r}")
        return json.loads(text)

    def get(self, path):
        return self.request("GET", path)

    def websocket_clients(self):
        return self.get("/health")["websocket_clients"]

    def newest_seq(self):
        logs = self.get("/factory/logs?limit=1")["logs"]
        return logs[-1]["seq"] if logs else 0

    def completed(self):
        return self.get("/factory/status")["counters"]["completed"]

    def descriptors_return_to(self, before):
        eventually(lambda: self.descriptors() <= before, 30, f"the server does not give back its descriptors, it had "
                   f"{before} before")
        return self.descriptors()
