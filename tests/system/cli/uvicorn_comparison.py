#!/usr/bin/env python3
"""Runs uvicorn and battery-twin with the same options and compares what a script sees of them: exit codes, lines of the
log, header fields, sockets. What differs on purpose stands in DIFFERENCES, and must differ, so that the table stays true.

usage: uvicorn_comparison.py PATH_OF_BATTERY_TWIN [SCENARIO ...]
BATTERY_TWIN_TEST_BINARY names another build, one with sanitizers for example.
Exit code 77: there is no uvicorn or no FastAPI.
"""

import concurrent.futures
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 60  # seconds, passed only by what is broken
SKIPPED = 77

APPLICATION = """
from fastapi import FastAPI, WebSocket
app = FastAPI()
@app.websocket("/ws/status")
async def status(socket: WebSocket):
    await socket.accept()
    await socket.receive()
@app.get("/health/live")
async def live(): return {"status": "alive"}
"""

# (scenario, what is seen): (uvicorn, battery-twin)
DIFFERENCES = {
    # A start that fails has a code of its own, so that a script can tell it from a crash.
    ("port in use", "exit"): (1, 3),
    ("certificate is missing", "exit"): (1, 3),
    ("certificate is missing", "lines on stderr"): ("many", "one"),
    # Its socket is named by its address, as if it were our own.
    ("inherited socket", "running"): ("running on socket ('127.0.0.1', PORT)", "running on http://127.0.0.1:PORT"),
    # A line has the same parts in the same order whoever asked.
    ("unix socket", "access"): (['INFO:      - "GET /health/live HTTP/1.1" 200 OK'],
                                ['INFO:     unix: - "GET /health/live HTTP/1.1" 200 OK']),
    # GET has a HEAD and an OPTIONS here.
    ("plain", "allow"): ("GET", "GET, HEAD, OPTIONS"),
    # Here the limit is the number of those that are served, there the number at which nobody is.
    ("limit", "statuses"): ([200, 200, 503, 503], [200, 200, 200, 503]),
    ("limit", "503 says when to come again"): (False, True),
    # No line per request is none of these either.
    ("no access log", "WebSocket"): (['INFO:     127.0.0.1:CLIENT - "WebSocket /ws/status" [accepted]'], []),
    # The value of the field is the name of the server.
    ("plain", "server"): ("uvicorn", "battery-twin"),
    ("from the environment", "server"): ("uvicorn", "battery-twin"),
}


def has(python, modules):
    try:
        found = subprocess.run([python, "-c", "import " + modules], capture_output=True, timeout=PATIENCE)
    except OSError:
        return False
    return found.returncode == 0


def uvicorn_python():
    """An interpreter that has uvicorn and FastAPI, or None."""
    return next((python for python in (sys.executable, "/usr/bin/python3") if has(python, "uvicorn, fastapi")), None)


class Server:
    """A server process whose output is read all the time."""

    def __init__(self, kind, options, environment=None, pass_fds=()):
        variables = {name: value for name, value in os.environ.items()
                     if not name.startswith(("UVICORN_", "BATTERY_TWIN_"))}
        variables.update(environment or {}, PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1")
        command = COMMANDS[kind] + options
        if kind == "battery-twin":
            command += ["--db", "none"]
        self.process = subprocess.Popen(command, cwd=FOLDER, env=variables, pass_fds=pass_fds, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = {"out": [], "err": []}
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self._read, args=item, daemon=True)
                        for item in (("out", self.process.stdout), ("err", self.process.stderr))]
        for reader in self.readers:
            reader.start()
        self.port = None

    def _read(self, name, stream):
        for line in stream:
            with self.changed:
                self.lines[name].append(line.rstrip("\n"))
                self.changed.notify_all()

    def started(self):
        """Waits for the line that scripts wait for."""
        running = re.compile(r"running on (.*) \(Press CTRL\+C to quit\)$")
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while not any(running.search(line) for line in self.lines["err"]):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("did not start: " + "\n".join(self.lines["err"]))
                self.changed.wait(0.1)
            where = [running.search(line)[1] for line in self.lines["err"] if running.search(line)][0]
        port = re.search(r"(?::|, )(\d+)\)?$", where)
        self.port = int(port[1]) if port else None
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        code = self.process.wait(PATIENCE)
        for reader in self.readers:
            reader.join()
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def told(self, name):
        """Lines with what is different in every run put into words."""
        lines = []
        for line in self.lines[name]:
            line = line.replace("Uvicorn running", "running").replace("battery-twin running", "running")
            line = line.replace(f"[{self.process.pid}]", "[PID]")
            if self.port:
                line = re.sub(rf"\b{self.port}\b", "PORT", line)
            # The client's address as newer uvicorns write it.
            line = re.sub(r"\('127\.0\.0\.1', (\d+)\) - \"WebSocket", r'127.0.0.1:\1 - "WebSocket', line)
            lines.append(re.sub(r"^(INFO:     (?:\[::1\]|127\.0\.0\.1)):[1-9]\d*", r"\1:CLIENT", line))
        return lines


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def ask(connection, target="/health/live", fields=(), method="GET", close=True):
    """Status and fields of the answer."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *fields] + (["Connection: close"] if close else [])
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = connection.recv(65536)
        if not part:
            break
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    head = head.decode("latin-1").split("\r\n")
    got = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:])}
    while len(body) < int(got.get("content-length", 0)):
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return int(head[0].split()[1]) if head[0] else 0, got, body


def get(server, *arguments, **more):
    with connect(server) as connection:
        return ask(connection, *arguments, **more)


UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")


def ask_for_websocket(server, path):
    with connect(server) as connection:
        status = ask(connection, path, fields=UPGRADE, close=False)[0]
        if status == 101:
            connection.sendall(b"\x88\x82" + bytes(4) + (1000).to_bytes(2, "big"))
        while connection.recv(100):  # the answer to that, and the end
            pass
        return status


def about_websockets(server):
    return [line for line in server.told("err") if "WebSocket /" in line]


PHRASES = ("Started server process [PID]", "Application startup complete.", "Shutting down",
           "Finished server process [PID]")


def phrases(server):
    told = server.told("err")
    return [phrase for phrase in PHRASES if "INFO:     " + phrase in told]


def running(server):
    return [re.sub(r"^INFO:     | \(Press CTRL\+C to quit\)$", "", line)
            for line in server.told("err") if "running on" in line][0]


def certificate(name):
    paths = [os.path.join(FOLDER, name + end) for end in (".pem", ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", paths[1], "-out", paths[0]], check=True, capture_output=True)
    return paths


# Each scenario gives what is seen.

def plain(start):
    server = start(["--port", "0"])
    status, fields, body = get(server, "/health/live?a=b%20c")
    missing, _, _ = get(server, "/missing")
    wrong, other, _ = get(server, method="POST")
    code = server.stop(signal.SIGINT)
    return {"exit": code, "phrases": phrases(server), "running": running(server), "access": server.told("out"),
            "statuses": [status, missing, wrong], "server": fields["server"], "date": "date" in fields,
            "type": fields["content-type"], "allow": other.get("allow"), "body": body.replace(b" ", b"")}


def end_by_sigterm(start):
    server = start(["--host", "127.0.0.1", "--port", "0"])
    with connect(server) as idle:
        ask(idle, close=False)
        code = server.stop()
        return {"exit": code, "phrases": phrases(server), "idle connection": idle.recv(1)}


def fields_on_answers(start):
    server = start(["--port", "0", "--header", "X-A:1", "--header", "X-B:2", "--no-server-header", "--no-date-header"])
    _, fields, _ = get(server)
    code = server.stop()
    return {"exit": code, "fields": [fields.get(name) for name in ("x-a", "x-b", "server", "date")]}


def from_the_environment(start):
    server = start([], {"UVICORN_PORT": "0", "UVICORN_HEADERS": "X-A:1 X-B:2", "UVICORN_ACCESS_LOG": "false",
                        "UVICORN_DATE_HEADER": "0"})
    _, fields, _ = get(server)
    server.stop()
    return {"fields": [fields.get(name) for name in ("x-a", "x-b", "date")], "server": fields["server"],
            "access": server.told("out")}


def line_before_environment(start):
    server = start(["--port", "0", "--header", "X-A:line", "--access-log"],
                   {"UVICORN_PORT": "1", "UVICORN_HEADERS": "X-A:variable", "UVICORN_ACCESS_LOG": "false"})
    _, fields, _ = get(server)
    server.stop()
    return {"field": fields.get("x-a"), "access": server.told("out")}


def bad_variable(start):
    server = start([], {"UVICORN_PORT": "http"}, wait=False)
    return {"exit": server.wait(), "names it": any("port" in line for line in server.lines["err"])}


def quiet(start):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = start(["--port", str(port), "--log-level", "warning"], wait=False)
    server.port = port
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            get(server)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    return {"exit": server.stop(), "out": server.lines["out"], "err": server.lines["err"]}


def no_access_log(start):
    server = start(["--port", "0", "--no-access-log"])
    get(server)
    ask_for_websocket(server, "/ws/status")
    return {"exit": server.stop(), "access": server.told("out"), "phrases": phrases(server),
            "WebSocket": about_websockets(server)}


def websocket(start):
    server = start(["--port", "0"])
    seen = {path: ask_for_websocket(server, path) for path in ("/ws/status", "/ws/nothing")}
    server.stop()
    return {**seen, "lines": about_websockets(server), "access": server.told("out")}


def last_one_counts(start):
    server = start(["--port", "1", "--no-date-header", "--header", "X-A:1", "--port", "0", "--date-header"])
    _, fields, _ = get(server)
    return {"exit": server.stop(), "fields": [fields.get("x-a"), "date" in fields]}


ENVIRONMENT_FILE = """# what an application needs
export POSTGRES_PASSWORD='it''s'
NET=192.0.2
  FORWARDED_ALLOW_IPS = "127.0.0.1,${NET}.1"  # proxies
UVICORN_ACCESS_LOG=false
"""


def environment_file(start):
    path = os.path.join(FOLDER, "variables.env")
    with open(path, "w", encoding="utf-8") as file:
        file.write(ENVIRONMENT_FILE)
    seen = {}
    for name, variables in (("alone", {}), ("the environment has it", {"FORWARDED_ALLOW_IPS": "10.9.9.9"})):
        server = start(["--port", "0", "--env-file", path], variables)
        get(server, fields=("X-Forwarded-For: 7.7.7.7, 192.0.2.1",))
        server.stop()
        seen[name] = server.told("out")
        # Ours warns of options in it, too.
        said = [line for line in server.told("err") if line.startswith("INFO") and "environment" in line]
        seen[name + ", said"] = said
    return seen


def unix_socket(start):
    path = os.path.join(FOLDER, f"{threading.get_ident()}.sock")
    server = start(["--uds", path])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        status, _, _ = ask(connection)
    seen = {"status": status, "mode": oct(stat.S_IMODE(os.stat(path).st_mode)),
            "running": running(server).replace(path, "PATH"), "exit": server.stop(), "access": server.told("out"),
            "file at the end": os.path.exists(path)}
    if seen["file at the end"]:
        os.unlink(path)
    return seen


def inherited_socket(start):
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        server = start(["--fd", str(ours.fileno())], pass_fds=(ours.fileno(),))
        status, _, _ = get(server)
        return {"status": status, "running": running(server), "exit": server.stop(), "phrases": phrases(server)}


def root_path(start):
    server = start(["--port", "0", "--root-path", "/twin"])
    status, _, _ = get(server)
    _, _, document = get(server, "/openapi.json")
    server.stop()
    servers = re.search(rb'"servers":\s*(\[[^]]*\])', document)
    return {"status": status, "access": server.told("out"), "servers": servers and servers[1].replace(b" ", b"")}


def over_tls(start):
    pem, key = CERTIFICATES["server"]
    server = start(["--port", "0", "--ssl-certfile", pem, "--ssl-keyfile", key])
    with ssl.create_default_context(cafile=pem).wrap_socket(connect(server), server_hostname="localhost") as connection:
        status, _, _ = ask(connection)
        version = connection.version()
    with connect(server) as unencrypted:
        unencrypted.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            said = unencrypted.recv(100)
        except ConnectionResetError:
            said = b""
    code = server.stop()
    return {"status": status, "version": version, "running": running(server), "exit": code,
            "answers plain text": b"HTTP" in said,
            "access": [line for line in server.told("out") if "/health" in line]}


def certificates_of_clients(start):
    pem, key = CERTIFICATES["server"]
    server = start(["--port", "0", "--ssl-certfile", pem, "--ssl-keyfile", key, "--ssl-ca-certs",
                    CERTIFICATES["client"][0], "--ssl-cert-reqs", "2"])
    seen = {}
    for name, chain in (("known", CERTIFICATES["client"]), ("unknown", CERTIFICATES["server"]), ("none", None)):
        context = ssl.create_default_context(cafile=pem)
        if chain:
            context.load_cert_chain(*chain)
        try:
            with context.wrap_socket(connect(server), server_hostname="localhost") as connection:
                seen[name] = ask(connection)[0] or "closed"
        except (ssl.SSLError, ConnectionError):
            seen[name] = "closed"
    server.stop()
    return seen


def missing_certificate(start):
    server = start(["--port", "0", "--ssl-certfile", "/no/such.pem", "--ssl-keyfile", "/no/such.key"], wait=False)
    code = server.wait()
    errors = [line for line in server.lines["err"] if not line.startswith(("INFO:", "WARNING:"))]
    return {"exit": code, "lines on stderr": "one" if len(errors) == 1 else "many"}


def keep_alive(start):
    server = start(["--port", "0", "--timeout-keep-alive", "1"])
    with connect(server) as connection:
        ask(connection, close=False)
        began = time.monotonic()
        end = connection.recv(1)
        took = time.monotonic() - began
    server.stop()
    return {"end": end, "after about a second": 0.7 < took < 3}


def limit(start):
    server = start(["--port", "0", "--limit-concurrency", "3"])
    connections = []
    answers = []
    for _ in range(4):  # all of them stay
        connections.append(connect(server))
        answers.append(ask(connections[-1], close=False))
    for connection in connections:
        connection.close()
    server.stop()
    return {"statuses": [answer[0] for answer in answers],
            "503 says when to come again": "retry-after" in answers[-1][1]}


def behind_a_proxy(start):
    seen = {}
    for name, options, value in (("trusted", [], "6.6.6.6, 192.0.2.1"),
                                 ("off", ["--no-proxy-headers"], "192.0.2.1"),
                                 ("of others", ["--forwarded-allow-ips", "10.9.9.9"], "192.0.2.1"),
                                 ("of two", ["--forwarded-allow-ips", "127.0.0.1,192.0.2.1"], "7.7.7.7, 192.0.2.1"),
                                 ("everybody", ["--forwarded-allow-ips", "*"], "6.6.6.6, 192.0.2.1")):
        server = start(["--port", "0", *options])
        get(server, fields=("X-Forwarded-For: " + value,))
        server.stop()
        seen[name] = server.told("out")
    return seen


def port_in_use(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = start(["--port", str(taken.getsockname()[1])], wait=False)
        code = server.wait()
    return {"exit": code, "names it": any("address already in use" in line.lower() for line in server.lines["err"]),
            "runs": any("running on" in line for line in server.lines["err"])}


def usage(*options):
    def see(start):
        server = start(list(options), wait=False)
        return {"exit": server.wait(), "out": server.lines["out"],
                "names it": any(options[0] in line for line in server.lines["err"])}
    return see


def version(start):
    server = start(["--version"], wait=False)
    code = server.wait()
    return {"exit": code, "on stdout": len(server.lines["out"]), "on stderr": server.lines["err"]}


SCENARIOS = {
    "plain": plain,
    "SIGTERM": end_by_sigterm,
    "fields": fields_on_answers,
    "from the environment": from_the_environment,
    "the line comes before the environment": line_before_environment,
    "bad variable": bad_variable,
    "quiet": quiet,
    "no access log": no_access_log,
    "unix socket": unix_socket,
    "inherited socket": inherited_socket,
    "root path": root_path,
    "TLS": over_tls,
    "certificates of clients": certificates_of_clients,
    "certificate is missing": missing_certificate,
    "keep-alive": keep_alive,
    "limit": limit,
    "behind a proxy": behind_a_proxy,
    "port in use": port_in_use,
    "unknown option": usage("--no-such-option"),
    "port is no number": usage("--port", "http"),
    "unknown level": usage("--log-level", "loud"),
    "clients' certificates are no number": usage("--ssl-cert-reqs", "x"),
    "version": version,
    "WebSocket": websocket,
    "the last one counts": last_one_counts,
    "environment file": environment_file,
    "environment file is missing": usage("--env-file", "/no/such.env"),
}
# What uvicorn needs for them beside itself.
NEEDS = {"environment file": "dotenv"}


def see(name, kind):
    servers = []

    def start(options, environment=None, wait=True, pass_fds=()):
        servers.append(Server(kind, options, environment, pass_fds))
        return servers[-1].started() if wait else servers[-1]

    try:
        return SCENARIOS[name](start)
    except Exception as error:  # is what is seen, then
        return {"exception": f"{type(error).__name__}: {error}"}
    finally:
        for server in servers:
            server.kill()


def compare(name, theirs, ours):
    problems = []
    for key in sorted(theirs.keys() | ours.keys()):
        pair = (theirs.get(key), ours.get(key))
        named = DIFFERENCES.get((name, key))
        if named is None and pair[0] != pair[1]:
            problems.append(f"{name}, {key}:\n  uvicorn      {pair[0]!r}\n  battery-twin {pair[1]!r}")
        if named is not None and pair != named:
            problems.append(f"{name}, {key}: differs otherwise than the table says:\n  uvicorn      {pair[0]!r}\n"
                            f"  battery-twin {pair[1]!r}\n  table        {named!r}")
        if key == "exception":
            problems.append(f"{name}: {pair}")
    problems += [f"{name}, {key}: is in the table and is not seen" for scenario, key in DIFFERENCES
                 if scenario == name and key not in theirs.keys() | ours.keys()]
    return problems


def main():
    names = sys.argv[2:] or list(SCENARIOS)
    for name, module in NEEDS.items():
        if name in names and not has(PYTHON, module):
            print(f"{name}: not looked at, there is no {module} (Debian: python3-{module})")
            names.remove(name)
    jobs = [(name, kind) for name in names for kind in COMMANDS]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        seen = dict(zip(jobs, pool.map(lambda job: see(*job), jobs)))
    problems = [problem for name in names
                for problem in compare(name, seen[name, "uvicorn"], seen[name, "battery-twin"])]
    print("\n".join(problems) or f"{len(names)} scenarios, {len(DIFFERENCES)} differences on purpose")
    return 1 if problems else 0


if __name__ == "__main__":
    PYTHON = uvicorn_python()
    if PYTHON is None:
        print("there is no python3 with uvicorn and FastAPI (Debian: python3-uvicorn, python3-fastapi)")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="battery-twin-cli-") as FOLDER:
        with open(os.path.join(FOLDER, "twin_app.py"), "w", encoding="utf-8") as application:
            application.write(APPLICATION)
        COMMANDS = {"uvicorn": [PYTHON, "-m", "uvicorn", "twin_app:app"],
                    "battery-twin": [os.path.abspath(os.environ.get("BATTERY_TWIN_TEST_BINARY", sys.argv[1])),
                                     "twin_app:app"]}
        CERTIFICATES = {name: certificate(name) for name in ("server", "client")}
        sys.exit(main())
