"""WebSocket: events to many clients, per CPU second and until the last has them, against bare loops."""

import contextlib
import json
import subprocess
import sys
import time

import peers
from measuring import Client, LOAD_CORE, cpu_seconds, pinned, running
from tables import Goal, median, number, ratio, table

# What is sent costs the same with a database, but every request that sets events off waits for the disk, and 16 of them on
# one connection come one after the other.
WITHOUT_DATABASE = ("--db", "none")

CLIENTS = (1, 100, 1000)
ROUNDS = 3
BURST = 16
DELIVERIES = {1: 100_000, BURST: 400_000}  # about as many in a run, by burst; with few clients the events limit it
MOST_EVENTS = {1: 3_000, BURST: 32_000}
BATCHES = 50
GROUP = 5  # batches at a time: their messages stay far below the backlog at which a client is closed
OURS, SINGLE, GATHERED = "battery-twin", "bare loop, a send per event", "bare loop, a writev per 16 events"


def event_frame(port):
    """The frame of the event that a change of parameters makes, as the server sends it."""
    with Client(port) as client:
        client.send("GET", "/ws/status?replay=0", headers="Upgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
        client.receive()
        with Client(port) as operator:
            operator.send("PATCH", "/machine/anode/coating/parameters", "{}")
            operator.receive()
        frame = b""
        while len(frame) < 4 or len(frame) < 4 + int.from_bytes(frame[2:4], "big"):
            frame += client.read()
    if frame[:2] != b"\x81\x7e":
        sys.exit(f"this is no frame of 126 bytes or more: {frame!r}")
    return frame


def load(build, peer, clients, *way):
    """A run of the load tool: what it found, and the server's CPU seconds."""
    command = pinned(LOAD_CORE, build / "tests/bench/bench_ws_load", peer.port, clients, *way)
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tool:
        if tool.stdout.readline() != "ready\n":
            sys.exit("the WebSocket clients could not connect")
        before = cpu_seconds(peer.pid)
        tool.stdin.write("\n")
        tool.stdin.flush()
        line = tool.stdout.readline()
        if not line:
            sys.exit("the WebSocket run failed")
        return json.loads(line), cpu_seconds(peer.pid) - before


def events(build, peer, clients, burst, quick):
    """Events on command. What the requests cost that make them is found without clients, and taken off."""
    count = min(MOST_EVENTS[burst], DELIVERIES[burst] // clients) // (10 if quick else 1)
    rounds = max(1, count // burst)
    _, requests = load(build, peer, 0, "events", rounds, burst)
    found, cpu = load(build, peer, clients, "events", rounds, burst)
    time.sleep(0.2)  # the server is busy with the clients that left
    return {"rate": found["messages"] / found["seconds"], "per_cpu": found["messages"] / max(cpu - requests, 0.001),
            "last": found["last_p50"], "last_p99": found["last_p99"], "bytes": found["bytes"] / found["messages"]}


def events_table(title, results):
    rows = []
    for clients, servers in results.items():
        for name, found in servers.items():
            ours = servers[OURS]
            rows.append([str(clients), name, number(median(found, "rate")), number(median(found, "per_cpu")),
                         number(median(found, "last")), number(median(found, "last_p99")),
                         number(median(found, "bytes")), number(ratio(ours, found, "per_cpu"), 2),
                         number(ratio(ours, found, "last"), 2)])
    table(title, ["clients", "server", "deliveries/s", "deliveries per CPU second", "last client p50 µs", "p99 µs",
                  "bytes/event", "battery-twin against it, per CPU second", "last client p50"], rows, words=2)


def plant_at_work(build, quick):
    rows, goals = [], []
    batches = GROUP if quick else BATCHES
    for clients in CLIENTS[1:]:
        with peers.ours(build, "--step-interval", 0, *WITHOUT_DATABASE) as server:
            found, cpu = load(build, server, clients, "plant", batches, GROUP)
        rows.append([str(clients), number(found["messages"]), number(found["messages"] / found["seconds"]),
                     number(found["messages"] / max(cpu, 0.01)), number(found["bytes"] / found["messages"]),
                     number(batches / found["seconds"], 1)])
        goals.append(Goal(f"WebSocket, {clients} clients, the plant at work: deliveries per CPU second", 750_000,
                          found["messages"] / max(cpu, 0.01), digits=0))
    table(f"WebSocket: {batches} batches at step interval 0, {GROUP} at a time, every event to every client; "
          "the simulation is part of the CPU time",
          ["clients", "deliveries", "deliveries/s", "deliveries per CPU second", "bytes/event", "batches/s"], rows)
    return goals


def run(build, quick):
    rounds = 1 if quick else ROUNDS
    single, bursts = {}, {}
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(peers.ours(build, *WITHOUT_DATABASE))
        frame = event_frame(ours.port)
        one = stack.enter_context(peers.bare_websocket(build, "single", frame))
        gathered = stack.enter_context(peers.bare_websocket(build, "gathered", frame))
        for results, burst, servers in ((single, 1, {OURS: ours, SINGLE: one}),
                                        (bursts, BURST, {OURS: ours, GATHERED: gathered})):
            for clients in CLIENTS:
                found = results[clients] = {name: [] for name in servers}
                for _ in range(rounds):
                    for name, peer in servers.items():
                        found[name].append(events(build, peer, clients, burst, quick))
    events_table(f"WebSocket: single events, median of {rounds} interleaved rounds", single)
    events_table(f"WebSocket: bursts of {BURST} events, median of {rounds} interleaved rounds", bursts)
    goals = plant_at_work(build, quick)
    for clients in CLIENTS[1:]:
        goals += [
            Goal(f"WebSocket, {clients} clients, single events: per CPU second against the bare send loop", .95,
                 ratio(single[clients][OURS], single[clients][SINGLE], "per_cpu")),
            Goal(f"WebSocket, {clients} clients, bursts: deliveries per CPU second", 750_000,
                 median(bursts[clients][OURS], "per_cpu"), digits=0),
            Goal(f"WebSocket, {clients} clients, bursts: per CPU second against the gathering bare loop", 1.0,
                 ratio(bursts[clients][OURS], bursts[clients][GATHERED], "per_cpu"))]
    goals.append(Goal("WebSocket: single event to the last of 1 000 clients, p50 against the bare loop's", 1.05,
                      ratio(single[1000][OURS], single[1000][SINGLE], "last"), at_most=True))
    return goals
