#!/usr/bin/env python3
"""Measures battery-twin and prints tables in Markdown. `make bench` runs it; docs/performance.md says what they mean.

usage: bench.py BUILD_DIRECTORY

Needs wrk. With two cores the server runs on the first and the load on the second, both with nothing else to do.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

CORES = os.cpu_count() or 1
TICKS = os.sysconf("SC_CLK_TCK")
SIMULATE_ROUNDS = 3
CONNECTIONS = 64
WRK_SECONDS = 5
WRK_ROUNDS = 2
WS_CLIENTS = (100, 1000)
WS_BATCHES = 50
WS_GROUP = 5  # batches at a time: their messages stay far below the backlog at which a client is closed
PATHS = ("/health", "/machine/anode/mixing/status")


def pinned(core, *command):
    pin = ["taskset", "-c", str(core)] if CORES > 1 and shutil.which("taskset") else []
    return pin + [str(word) for word in command]


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    pages = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def request(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status != 200:
        sys.exit(f"{method} {path}: {response.status} {text.decode()}")
    return text


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(build, *options):
    """The server on a free port, in a working directory of its own. Gives process and port."""
    port = free_port()
    command = pinned(0, build / "battery-twin", "--port", port, "--no-access-log", "--log-level", "warning",
                     "--threads", 1, "--seed", 1, "--timeout-graceful-shutdown", 1, *options)
    with tempfile.TemporaryDirectory() as folder, running(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        for _ in range(200):
            with contextlib.suppress(OSError):
                request(port, "GET", "/health/live")
                break
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            sys.exit("the server does not answer")
        if process.poll() is not None:
            sys.exit(f"the server ended with {process.returncode}")
        yield process, port


@contextlib.contextmanager
def responder(build):
    """The bare epoll loop. Gives process and port."""
    with running(pinned(0, build / "tests/bench_responder"), stdout=subprocess.PIPE) as process:
        yield process, int(process.stdout.readline())


def wrk(process, port, path):
    """One run: requests/s, and requests per CPU second of the server."""
    before = cpu_seconds(process.pid)
    out = subprocess.run(pinned(1, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{WRK_SECONDS}s",
                                f"http://127.0.0.1:{port}{path}"), capture_output=True, text=True, check=True).stdout
    cpu = cpu_seconds(process.pid) - before
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(out)
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), "per_cpu": requests / max(cpu, 0.01)}


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def number(value, digits=0):
    return f"{value:,.{digits}f}".replace(",", " ")


def table(title, columns, rows):
    print(f"\n{title}\n")
    print("| " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * (len(columns) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def bench_simulate(build):
    """Every study on one and on two threads, the studies in turn, so that the machine's moods meet all of them."""
    cells = 296  # of a batch of the default recipe
    with tempfile.TemporaryDirectory() as folder:
        rows = ["--output", f"{folder}/rows.csv"]
        studies = [  # name, options, batches, what is counted, how many of it in a batch
            ("mechanistic, a report", [], 4_000, "cells", cells),
            ("the same in the paced plant's steps", ["--stepping", "literal"], 250, "cells", cells),
            ("mechanistic, nominal cells only, a report", ["--cells", "1"], 500_000, "batches", 1),
            ("mechanistic, nominal cells only, 20 columns of CSV", ["--cells", "1", *rows], 500_000, "rows", 1),
            ("mechanistic, a row of CSV per cell", ["--per-cell", *rows], 1_000, "rows", cells),
            ("reference, a report", ["--models", "reference"], 40_000, "batches", 1),
        ]
        found = {(study[0], threads): [] for study in studies for threads in (1, 2)}
        for _ in range(SIMULATE_ROUNDS):
            for name, options, batches, _, each in studies:
                for threads in (1, 2):
                    start = time.perf_counter()
                    subprocess.run([build / "battery-twin", "simulate", "--batches", str(batches), "--noise", "on",
                                    "--seed", "1", "--threads", str(threads), *options],
                                   capture_output=True, check=True)
                    found[name, threads].append(batches * each / (time.perf_counter() - start))
    table("`battery-twin simulate --noise on --seed 1`",
          ["study", "counted", "per second, one thread", "two threads", "two against one"],
          [[name, counted, number(statistics.median(found[name, 1])), number(statistics.median(found[name, 2])),
            number(statistics.median(found[name, 2]) / statistics.median(found[name, 1]), 2)]
           for name, _, _, counted, _ in studies])


def bench_http(build):
    bare, ours = [], {path: [] for path in PATHS}
    with server(build, "--step-interval", 100) as (process, port), responder(build) as (loop, loop_port):
        for _ in range(3):  # the plant is at work all the time
            request(port, "POST", "/factory/start", {})
        for _ in range(WRK_ROUNDS):
            bare.append(wrk(loop, loop_port, PATHS[0]))
            for path, results in ours.items():
                results.append(wrk(process, port, path))
        sizes = [len(request(port, "GET", path)) for path in PATHS]
        bare_size = len(request(loop_port, "GET", PATHS[0]))

    def row(name, size, results):
        return [name, number(size), number(median(results, "rate")), number(median(results, "per_cpu")),
                number(median(results, "rate") / median(bare, "rate"), 2),
                number(median(results, "per_cpu") / median(bare, "per_cpu"), 2)]

    table(f"HTTP: `wrk -t1 -c{CONNECTIONS} -d{WRK_SECONDS}s`, median of {WRK_ROUNDS} interleaved rounds",
          ["server", "bytes/body", "requests/s", "requests per CPU second", "requests/s against the bare loop",
           "per CPU second against the bare loop"],
          [row("bare epoll loop", bare_size, bare)] +
          [row(f"battery-twin, GET {path}", size, ours[path]) for path, size in zip(PATHS, sizes)])


def bench_websocket(build):
    rows = []
    for clients in WS_CLIENTS:
        with server(build, "--step-interval", 0) as (process, port):
            command = pinned(1, build / "tests/bench_ws_load", port, clients, WS_BATCHES, WS_GROUP)
            without = resident_bytes(process.pid)
            with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
                if load.stdout.readline() != "ready\n":
                    sys.exit("the WebSocket clients could not connect")
                idle = (resident_bytes(process.pid) - without) / clients
                before = cpu_seconds(process.pid)
                load.stdin.write("\n")
                load.stdin.flush()
                line = load.stdout.readline()
                if not line:
                    sys.exit("the WebSocket run failed")
                cpu = cpu_seconds(process.pid) - before
        result = json.loads(line)
        rows.append([str(clients), number(result["messages"]), number(result["messages"] / result["seconds"]),
                     number(result["messages"] / max(cpu, 0.01)), number(result["bytes"] / result["messages"]),
                     number(WS_BATCHES / result["seconds"], 1), number(idle)])
    table(f"WebSocket: {WS_BATCHES} batches at step interval 0, {WS_GROUP} at a time, every event to every client",
          ["clients", "messages", "messages/s", "deliveries per CPU second", "bytes/message", "batches/s",
           "resident bytes/idle client"], rows)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    for program in ["battery-twin", "tests/bench_responder", "tests/bench_ws_load"]:
        if not (build / program).exists():
            sys.exit(f"{build / program} is missing: cmake --preset release -DBATTERY_TWIN_BENCH=ON, then build")
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: config/install-packages.sh bench")
    print(f"{CORES} cores, load average before the run {os.getloadavg()[0]:.2f}", flush=True)
    start = time.monotonic()
    bench_simulate(build)
    bench_http(build)
    bench_websocket(build)
    print(f"\nTook {time.monotonic() - start:.0f} s.")


if __name__ == "__main__":
    main()
