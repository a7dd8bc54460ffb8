"""Starts battery-twin and what it is compared with, each pinned to the servers' core and ended with its block."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from measuring import Client, SERVER_CORE, free_port, pinned, request, running, wait_for_answer

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # the one that Debian's packages of FastAPI are for
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"  # which is not on everybody's path
HEALTH = "/health"
STATUS = "/machine/anode/mixing/status"
PLANT = "/factory/status"
QUIET = ("--no-access-log", "--log-level", "warning")
KEEP_ALIVE = 600  # seconds: nobody closes a connection that is only looked at


@dataclasses.dataclass
class Peer:
    process: subprocess.Popen
    ports: dict  # by path: the bare loop gives one answer only, so each has a loop of its own

    @property
    def pid(self):
        return self.process.pid

    @property
    def port(self):
        return next(iter(self.ports.values()))


def our_command(build, port, *options):
    return [build / "battery-twin", "--port", port, "--threads", 1, "--seed", 1, "--timeout-graceful-shutdown", 1,
            "--timeout-keep-alive", KEEP_ALIVE, *options]


@contextlib.contextmanager
def ours(build, *options, access_log=None):
    """battery-twin. `access_log`: a file for it."""
    port = free_port()
    # Access lines are of level info, as the plant's events are.
    log = ["--access-log", "--log-level", "info"] if access_log else QUIET
    command = our_command(build, port, *log, *options)
    with tempfile.TemporaryDirectory() as folder, \
            running(pinned(SERVER_CORE, *command), cwd=folder, stdout=access_log or subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL) as process:
        wait_for_answer(process, port, "/health/live")
        yield Peer(process, dict.fromkeys((HEALTH, STATUS, PLANT), port))


def put_to_rest(port):
    """A plant with a batch in its first machines that stands still: documents stay as long as they are, and no
    simulation is part of what a request costs."""
    request(port, "POST", "/factory/start", {})
    end = time.monotonic() + 60
    while json.loads(request(port, "GET", STATUS)).get("duration", 0) < 5:
        if time.monotonic() > end:
            sys.exit("no batch gets into its first machine")
        time.sleep(0.02)
    request(port, "PATCH", "/factory/pacing", {"paused": True})
    time.sleep(0.3)


def recorded(port, paths=(HEALTH, STATUS)):
    """Header and body of each answer, to the byte."""
    with Client(port) as client:
        return {path: client.get(path) for path in paths}


@contextlib.contextmanager
def bare_loops(build, answers):
    """For each answer a bare loop that gives it, byte for byte. By path."""
    with contextlib.ExitStack() as stack:
        peers = {}
        for path, (header, body) in answers.items():
            process = stack.enter_context(running(pinned(SERVER_CORE, build / "tests/bench/bench_responder"),
                                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            process.stdin.write(header + body)
            process.stdin.close()
            peers[path] = Peer(process, {path: int(process.stdout.readline())})
        yield peers


def nginx_config(port, folder, answers, pads):
    places = []
    for path, (_, body) in answers.items():
        text = body.decode()
        if "$" in text or "'" in text or "\\" in text:
            raise ValueError(f"nginx would not give this body as it is: {text}")
        pad = f"add_header X-Pad {'x' * pads[path]}; " if pads.get(path) else ""
        places.append(f"location = {path} {{ {pad}return 200 '{text}'; }}")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind}; "
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; {temporary}
  keepalive_requests 1000000000; keepalive_timeout {KEEP_ALIVE}s; default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    {chr(10).join(places)}
  }}
}}
"""


def nginx_command(config, folder):
    return [NGINX, "-e", f"{folder}/error.log", "-p", folder, "-c", config]


@contextlib.contextmanager
def _nginx_once(answers, pads):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "nginx.conf"
        config.write_text(nginx_config(port, folder, answers, pads), encoding="utf-8")
        with running(pinned(SERVER_CORE, *nginx_command(config, folder)), stderr=subprocess.DEVNULL) as process:
            wait_for_answer(process, port, HEALTH)
            yield Peer(process, dict.fromkeys(answers, port))


@contextlib.contextmanager
def nginx(answers):
    """nginx with the same bodies, and headers filled up to the same length."""
    with _nginx_once(answers, {}) as peer:
        plain = recorded(peer.port, answers)
    field = len("X-Pad: \r\n")
    pads = {path: max(0, len(header) - len(plain[path][0]) - field) for path, (header, _) in answers.items()}
    with _nginx_once(answers, pads) as peer:
        yield peer


def fastapi_command(port):
    return [PYTHON, "-m", "uvicorn", "--app-dir", HERE, "--port", port, "--loop", "uvloop", "--http", "httptools",
            "--no-access-log", "--log-level", "warning", "--timeout-keep-alive", KEEP_ALIVE, "fastapi_app:app"]


def plant_state(port, file):
    """What fastapi_app.py knows of the plant: the documents that ours gives."""
    machine = json.loads(request(port, "GET", STATUS))
    documents = {"health": json.loads(request(port, "GET", HEALTH)),
                 "machines": {machine["process"]: machine},
                 "factory": json.loads(request(port, "GET", PLANT))}
    file.write_text(json.dumps(documents), encoding="utf-8")


def fastapi_environment(file):
    return {**os.environ, "PLANT_STATE": str(file), "PYTHONDONTWRITEBYTECODE": "1"}


@contextlib.contextmanager
def fastapi(our_port):
    """The FastAPI application under uvicorn with the documents of our server."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "plant.json"
        plant_state(our_port, file)
        with running(pinned(SERVER_CORE, *fastapi_command(port)), env=fastapi_environment(file)) as process:
            wait_for_answer(process, port, HEALTH)
            yield Peer(process, dict.fromkeys((HEALTH, STATUS, PLANT), port))


@contextlib.contextmanager
def bare_websocket(build, way, frame):
    """The bare WebSocket loop that sends this frame for each event. `way`: single or gathered."""
    with running(pinned(SERVER_CORE, build / "tests/bench/bench_ws_bare", way),
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(frame)
        process.stdin.close()
        yield Peer(process, {HEALTH: int(process.stdout.readline())})
