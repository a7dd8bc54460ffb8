"""HTTP: requests per CPU second and latency, against the bare loop, nginx and FastAPI, all in one run."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import peers
from measuring import Client, LOAD_CORE, cpu_seconds, pinned
from peers import HEALTH, PLANT, STATUS
from tables import Goal, median, number, ratio, table

CONNECTIONS = (1, 64, 256)
PIPELINED = 16
SECONDS = 2
ROUNDS = 3
WARM_UP = 0.2  # seconds
OURS, BARE, NGINX, FASTAPI = "battery-twin", "bare epoll loop", "nginx `return 200`", "FastAPI under uvicorn"
LOGGING = "battery-twin, access log on"


def warm_up(port, path):
    """Gives how many requests it took."""
    end = time.monotonic() + WARM_UP
    count = 0
    with Client(port) as client:
        while time.monotonic() < end:
            client.get(path)
            count += 1
    return count


def wrk(peer, path, connections, seconds, pipelined=1):
    """One run: requests/s, requests per CPU second of the server, and latencies in µs."""
    port = peer.ports[path]
    warmed = warm_up(port, path)
    before = cpu_seconds(peer.pid)
    out = subprocess.run(pinned(LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                                "-s", peers.HERE / "wrk.lua", f"http://127.0.0.1:{port}{path}"),
                         env={**os.environ, "WRK_PIPELINE": str(pipelined)}, capture_output=True, text=True,
                         check=True).stdout
    cpu = cpu_seconds(peer.pid) - before
    found = re.search(r"^wrk-result (.*)$", out, re.MULTILINE)
    if not found or json.loads(found.group(1))["errors"]:
        sys.exit(f"wrk against {path}: {out}")
    result = json.loads(found.group(1))
    return {"rate": result["requests"] / result["seconds"], "per_cpu": result["requests"] / max(cpu, 0.01),
            "p50": max(result["p50"], 1.0), "p99": max(result["p99"], 1.0), "asked": warmed + result["requests"]}


def in_turn(servers, path, connections, rounds, seconds, pipelined=1):
    """Every server once in each round. By server, the rounds' results."""
    results = {name: [] for name in servers}
    for _ in range(rounds):
        for name, peer in servers.items():
            # The slow one needs no long run: its ratio is the last that a hundredth matters to.
            length = 1 if name == FASTAPI else seconds
            results[name].append(wrk(peer, path, connections, length, pipelined))
    return results


def route_table(path, size, by_connections, rounds, seconds):
    rows = []
    for connections, results in by_connections.items():
        for name, found in results.items():
            ours = results[OURS]
            rows.append([str(connections), name, number(median(found, "rate")), number(median(found, "per_cpu")),
                         number(1e6 / median(found, "per_cpu"), 1), number(median(found, "p50")),
                         number(median(found, "p99")), number(ratio(ours, found, "per_cpu"), 2),
                         number(ratio(ours, found, "p50"), 2), number(ratio(ours, found, "p99"), 2)])
    table(f"`GET {path}`, {size} bytes of JSON: `wrk -t1 -d{seconds}s`, median of {rounds} interleaved rounds; the "
          "last three columns are battery-twin's figure against this server's",
          ["connections", "server", "requests/s", "requests per CPU second", "CPU µs/request", "p50 µs", "p99 µs",
           "per CPU second", "p50", "p99"], rows, words=2)


def short_table(title, results, first):
    table(title, ["server", "requests/s", "requests per CPU second", f"{first} against it, per CPU second"],
          [[name, number(median(found, "rate")), number(median(found, "per_cpu")),
            number(ratio(results[first], found, "per_cpu"), 2)] for name, found in results.items()])


def route_goals(path, results):
    """`results` by connections, then by server."""
    goals = []

    def goal(text, wanted, connections, theirs, key="per_cpu", at_most=False):
        if connections in results:
            found = results[connections]
            goals.append(Goal(f"`GET {path}`: {text}", wanted, ratio(found[OURS], found[theirs], key), at_most))

    goal("per CPU second against the bare loop, 64 connections", .90, 64, BARE)
    goal("per CPU second against nginx, 64 connections", 1.15, 64, NGINX)
    goal("per CPU second against the bare loop, 256 connections", .85, 256, BARE)
    goal("p99 against the bare loop's, 64 connections", 1.1, 64, BARE, "p99", at_most=True)
    goal("p50 against the bare loop's, 1 connection", 1.05, 1, BARE, "p50", at_most=True)
    goal("per CPU second against FastAPI, 64 connections", 13, 64, FASTAPI)
    return goals


def run(build, quick):
    rounds, seconds = (1, 1) if quick else (ROUNDS, SECONDS)
    goals = []
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(peers.ours(build))
        peers.put_to_rest(ours.port)
        answers = peers.recorded(ours.port)
        bare = stack.enter_context(peers.bare_loops(build, answers))
        nginx = stack.enter_context(peers.nginx(answers))
        fastapi = stack.enter_context(peers.fastapi(ours.port))
        for path in (HEALTH, STATUS):
            servers = {OURS: ours, BARE: bare[path], NGINX: nginx, FASTAPI: fastapi}
            results = {connections: in_turn(servers, path, connections, rounds, seconds)
                       for connections in CONNECTIONS if not quick or connections == 64}
            route_table(path, len(answers[path][1]), results, rounds, seconds)
            goals += route_goals(path, results)

        state = in_turn({OURS: ours, FASTAPI: fastapi}, PLANT, 64, rounds, seconds)
        short_table(f"`GET {PLANT}`, the state of 16 machines, 64 connections", state, OURS)
        goals.append(Goal(f"`GET {PLANT}`: per CPU second against FastAPI", 30,
                          ratio(state[OURS], state[FASTAPI], "per_cpu")))

        together = in_turn({OURS: ours, BARE: bare[HEALTH], NGINX: nginx}, HEALTH, 64, rounds, seconds, PIPELINED)
        short_table(f"`GET {HEALTH}`, {PIPELINED} requests pipelined, 64 connections", together, OURS)
        goals.append(Goal(f"`GET {HEALTH}`, pipelined × {PIPELINED}: per CPU second against nginx", 5,
                          ratio(together[OURS], together[NGINX], "per_cpu")))

        goals += access_log(build, ours, rounds, seconds)
    return goals


def access_log(build, ours, rounds, seconds):
    with tempfile.TemporaryFile() as log:
        with peers.ours(build, access_log=log) as logging:
            peers.put_to_rest(logging.port)
            results = in_turn({LOGGING: logging, OURS: ours}, HEALTH, 64, rounds, seconds)
        log.seek(0)
        lines = sum(block.count(b"\n") for block in iter(lambda: log.read(1 << 20), b""))
    # What is written slower than it comes is dropped: such a log would be a cheap one.
    written = lines / sum(run["asked"] for run in results[LOGGING])
    short_table(f"`GET {HEALTH}` with the access log on, into a file, 64 connections; "
                f"{100 * written:.1f} % of the lines were written", results, LOGGING)
    return [Goal("with the access log on: per CPU second against off", .85,
                 ratio(results[LOGGING], results[OURS], "per_cpu"))]
