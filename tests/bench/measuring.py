"""Processes on their cores, what they take of processor and memory, and a small HTTP client on a raw socket."""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import time

CORES = os.cpu_count() or 1
SERVER_CORE = 0
LOAD_CORE = 1


def pinned(core, *command):
    """The command on one core, where there are two."""
    pin = ["taskset", "-c", str(core)] if CORES > 1 and shutil.which("taskset") else []
    return pin + [str(word) for word in command]


def family(pid):
    """A process and all below it: nginx works in a child."""
    members = [pid]
    for member in members:
        for task in pathlib.Path(f"/proc/{member}/task").iterdir():
            with contextlib.suppress(OSError):
                members += [int(child) for child in (task / "children").read_text().split()]
    return members


def cpu_seconds(pid):
    """User and system time of a process and its children so far. /proc/PID/stat has the same time in steps of 10 ms,
    which is too coarse for a short run."""
    nanoseconds = 0
    for member in family(pid):
        for task in pathlib.Path(f"/proc/{member}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def resident_bytes(pid):
    """Memory of a process and its children. Pages that they share count once for each."""
    pages = sum(int(pathlib.Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")


def raise_descriptor_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def running(command, **options):
    """A program that is ended when the block is left."""
    process = subprocess.Popen([str(word) for word in command], **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Client:
    """One kept-alive connection that sends what wrk would send, and knows the answer's exact bytes."""

    def __init__(self, port, timeout=30):
        self.port = port
        self.rest = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, method, path, body=None, headers=""):
        text = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{headers}"
        if body is not None:
            text += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.socket.sendall((text + "\r\n" + (body or "")).encode())

    def receive(self):
        """Header and body of the next answer."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        header, self.rest = self.rest.split(b"\r\n\r\n", 1)
        length = 0
        for line in header.split(b"\r\n")[1:]:
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return header + b"\r\n\r\n", body

    def get(self, path):
        self.send("GET", path)
        return self.receive()

    def read(self):
        """Whatever comes next, as it comes: after a handshake there are frames."""
        if not self.rest:
            self._more()
        text, self.rest = self.rest, b""
        return text

    def _more(self):
        read = self.socket.recv(65536)
        if not read:
            raise ConnectionError("the server closed the connection")
        self.rest += read


def request(port, method, path, body=None):
    """One request on a connection of its own. Gives the body of an answer that must be 200."""
    with Client(port) as client:
        client.send(method, path, None if body is None else json.dumps(body))
        header, answer = client.receive()
    if header.split(b" ", 2)[1] != b"200":
        sys.exit(f"{method} {path}: {header.decode()}{answer.decode()}")
    return answer


def answers(port, path):
    """Whether the server answers 200."""
    with contextlib.suppress(OSError):
        with Client(port) as client:
            return client.get(path)[0].startswith(b"HTTP/1.1 200")
    return False


def wait_for_answer(process, port, path, seconds=60.0):
    """Until the server answers 200."""
    end = time.monotonic() + seconds
    while not answers(port, path):
        if process.poll() is not None:
            sys.exit(f"{process.args} ended with {process.returncode}")
        if time.monotonic() > end:
            sys.exit(f"{process.args} does not answer")
        time.sleep(0.002)
