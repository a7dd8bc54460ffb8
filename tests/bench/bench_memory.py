"""Memory of the idle server, and what an idle HTTP connection and an idle WebSocket client add to it."""

import contextlib

import peers
from bench_websocket import event_frame
from measuring import Client, raise_descriptor_limit, resident_bytes
from peers import HEALTH
from tables import Goal, number, table

IDLE = 1000
HANDSHAKE = ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")


def idle_clients(peer, path, headers=""):
    """Bytes that each of many clients adds. All have had one answer and ask for nothing more."""
    before = resident_bytes(peer.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            client = stack.enter_context(Client(peer.port))
            client.send("GET", path, headers=headers)
            client.receive()
        return (resident_bytes(peer.pid) - before) / IDLE


def run(build, _quick):
    raise_descriptor_limit()
    with peers.ours(build) as server:
        answers = peers.recorded(server.port, (HEALTH,))
        frame = event_frame(server.port)
    # A server for each figure: what one has kept from closed connections would hide what new ones need.
    with peers.ours(build) as server:
        resident = resident_bytes(server.pid)
        http = idle_clients(server, HEALTH)
    with peers.ours(build) as server:
        websocket = idle_clients(server, "/ws/status?replay=0", HANDSHAKE)
        with peers.fastapi(server.port) as python:
            python_resident, python_http = resident_bytes(python.pid), idle_clients(python, HEALTH)
    with peers.nginx(answers) as nginx:
        nginx_resident, nginx_http = resident_bytes(nginx.pid), idle_clients(nginx, HEALTH)
    with peers.bare_loops(build, answers) as loops:
        bare_http = idle_clients(loops[HEALTH], HEALTH)
    with peers.bare_websocket(build, "single", frame) as loop:
        bare_resident = resident_bytes(loop.pid)
        bare_websocket = idle_clients(loop, "/ws/status", HANDSHAKE)

    mebibyte = 1 << 20
    table(f"Memory, resident; {IDLE} idle clients, each of which has had one answer",
          ["server", "idle, MiB", "bytes/HTTP connection", "bytes/WebSocket client"],
          [["battery-twin", number(resident / mebibyte, 1), number(http), number(websocket)],
           ["bare epoll loops", number(bare_resident / mebibyte, 1), number(bare_http), number(bare_websocket)],
           ["nginx, master and one worker", number(nginx_resident / mebibyte, 1), number(nginx_http), "–"],
           ["FastAPI under uvicorn", number(python_resident / mebibyte, 1), number(python_http), "–"]])
    return [Goal("memory: idle server, MiB (with SQLite)", 25, resident / mebibyte, at_most=True, digits=1),
            Goal("memory: bytes per idle keep-alive connection", 4096, http, at_most=True, digits=0),
            Goal("memory: bytes per idle WebSocket client", 4096, websocket, at_most=True, digits=0)]
