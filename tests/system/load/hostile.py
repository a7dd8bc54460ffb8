#!/usr/bin/env python3
"""Hostile clients and mishaps against the real server. docs/load.md says what must hold and what was measured.

usage: hostile.py SERVER SCENARIO... [--full] [--strict] [--minutes N]

Prints one line of figures for each scenario. Ends with 1 and a sentence where something does not hold, with 77 where
the machine lacks what a scenario needs. Figures that depend on the time of day decide only with --strict.
"""

import argparse
import errno
import json
import os
import pathlib
import random
import select
import socket
import struct
import sys
import tempfile
import time

from clients import (GONE, Listeners, Probe, RestLoad, WebSocket, Worker, connect, get_text, masked,
                     raise_descriptor_limit, unsent_by_server)
from twin import MIB, Failed, Twin, eventually, require

SKIPPED = 77
BACKLOG = MIB  # of a client that does not read
HEADER_TIME = 10  # seconds
LATE = 20  # seconds that a time-out may be late before a test says so
P99 = 50  # ms
FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class Skipped(Exception):
    pass


class Run:
    """One scenario's size, bounds and figures."""

    def __init__(self, arguments):
        self.binary = arguments.server
        self.full = arguments.full
        self.strict = arguments.strict
        self.minutes = arguments.minutes
        text = pathlib.Path(self.binary).read_bytes()
        self.sanitized = b"__asan_init" in text
        self.figures = {}

    def size(self, quick, full):
        return full if self.full else quick

    def note(self, **figures):
        self.figures.update(figures)

    def timing(self, holds, sentence):
        """What a machine that is busy with other things may miss."""
        if holds:
            return
        require(not self.strict, sentence)
        self.figures.setdefault("missed", []).append(sentence)

    def memory(self, before, peak, allowed, what):
        # A sanitizer pads every block and keeps freed ones.
        allowed *= 4 if self.sanitized else 1
        require(peak - before <= allowed, f"memory grew by {(peak - before) / MIB:.1f} MiB {what}, "
                f"allowed are {allowed / MIB:.0f} MiB")

    def health(self, probe, served_throughout=True, p99=P99):
        figures = probe.end()
        self.note(health={key: round(value, 2) for key, value in figures.items()})
        if served_throughout:
            require(figures["failures"] == 0, f"GET /health failed {figures['failures']} times")
        require(figures["requests"] > 0, "GET /health was never answered")
        self.timing(figures["p99_ms"] < p99, f"GET /health p99 was {figures['p99_ms']:.0f} ms, more than {p99} ms")

    def everything_reached(self, listeners, twin):
        newest = twin.newest_seq()
        listeners.wait_for(newest)
        figures = listeners.end()
        self.note(events_each=figures["least"], events_expected=figures["most"])
        require(figures["missed"] == 0 and figures["codes"] == {None: figures["clients"]},
                f"healthy clients were not served well: {figures}")
        require(figures["last"] >= newest, f"event {newest} reached nobody")
        require(figures["least"] == figures["most"], f"clients got between {figures['least']} and "
                f"{figures['most']} events, not all the same")


def start_batches(twin, count):
    for _ in range(count):
        twin.request("POST", "/factory/start", {})


# --- The scenarios ----------------------------------------------------------------------------------------------------


def nonreaders(run):
    """WebSocket clients that never read among those that do, REST load and batches at full speed."""
    healthy, silent, late = run.size(60, 900), run.size(10, 100), run.size(5, 50)
    # Only warnings: of a flood of lines the oldest would be dropped.
    with Twin(run.binary, "--step-interval", 0, "--log-level", "warning") as twin:
        descriptors, _ = twin.settled()
        # Processes first: they would inherit the sockets, and keep them open.
        listeners, probe, rest = Listeners(twin.port, healthy), Probe(twin.port), RestLoad(twin.port, "rest", True, 0.05)
        deaf = [WebSocket(twin.port, receive_buffer=4096) for _ in range(silent)]
        by_port = {client.socket.getsockname()[1]: client for client in deaf}
        before = peak = twin.resident()
        batches = 0
        begin = time.monotonic()
        open_ones = {port for port in by_port}
        waking = set(list(by_port)[:late])  # these read when their time has come, the others never
        slowest_close, codes = 0.0, []
        while open_ones:
            require(time.monotonic() - begin < 300, f"{len(open_ones)} clients that do not read are still open")
            group = 4
            start_batches(twin, group)
            batches += group
            seen = listeners.wait_for(twin.newest_seq())
            peak = max(peak, twin.resident())
            unsent = unsent_by_server(twin.port)
            due = []
            for port in sorted(open_ones):
                client = by_port[port]
                if port not in unsent:
                    open_ones.remove(port)  # cut: the server has no such connection any more
                    continue
                left_behind = seen["bytes"] - unsent[port] - client.unread() - client.bytes
                if port in waking and left_behind > BACKLOG + 64 * 1024:
                    due.append(client)
                    open_ones.remove(port)
            woken = time.monotonic()
            codes += read_all_to_the_end(due)
            slowest_close = max(slowest_close, time.monotonic() - woken)
        run.note(healthy=healthy, nonreaders=silent, batches=batches, seconds=round(time.monotonic() - begin, 1),
                 codes={code: codes.count(code) for code in set(codes)}, slowest_close_s=round(slowest_close, 2))
        # Who has not begun to read three seconds after the close was due is cut off, and who reads late may meet that.
        run.timing(codes.count(1013) == late, f"of {late} clients that began to read again {codes.count(1013)} saw 1013")
        require(set(codes) <= {1013, GONE}, f"clients that did not read were closed with {codes}")
        for client in deaf:
            client.socket.close()
        eventually(lambda: twin.websocket_clients() == healthy, 30, "clients that are gone are still counted")
        start_batches(twin, 1)
        answered = rest.end()
        run.everything_reached(listeners, twin)
        run.health(probe)

        def told():
            """Clients that the log says were closed with 1013."""
            return sum(int(line.split()[1]) for line in twin.log().splitlines() if line.endswith("closed with 1013"))

        eventually(lambda: told() >= silent, 30, f"the log does not say that {silent} clients were closed with 1013")
        require(told() == silent, f"the log says that {told()} clients were closed with 1013, {silent} did not read")
        run.memory(before, peak, silent * 2 * MIB + 128 * MIB, "beside clients that do not read")
        run.note(rest=answered["statuses"], rss_mib=[round(x / MIB, 1) for x in (before, peak, twin.resident())],
                 descriptors=[descriptors, twin.descriptors_return_to(descriptors)])


def read_all_to_the_end(clients):
    """They begin to read, and now fast. Their close codes."""
    for client in clients:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MIB)
    until = time.monotonic() + 30
    while any(client.code is None for client in clients) and time.monotonic() < until:
        readable, _, _ = poll([client.socket for client in clients if client.code is None], [])
        for client in clients:
            if client.socket in readable:
                client.read_now()
    return [client.code for client in clients]


def hold_slow(port, count, body_drippers, seconds, drip=1.0):
    """Opens connections that never finish a request. How each ended: [(kind, age, what it was answered)]."""
    poller = select.epoll()
    clients = {}
    kinds = ["silent", "header"] + (["body"] if body_drippers else [])
    for i in range(count):
        # More than one address: one has too few ports for the largest numbers.
        one = connect(port, source=f"127.0.0.{1 + i % 8}")
        kind = kinds[i % len(kinds)]
        if kind == "header":
            one.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        elif kind == "body":
            one.send(b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 1000\r\n\r\n")
        one.setblocking(False)
        clients[one.fileno()] = [one, kind, time.monotonic(), b""]
        poller.register(one.fileno(), select.EPOLLIN)
    ended, next_drip, until = [], time.monotonic() + drip, time.monotonic() + seconds
    while clients and time.monotonic() < until:
        for descriptor, _ in poller.poll(0.1):
            client = clients[descriptor]
            try:
                data = client[0].recv(4096)
            except OSError:
                data = b""
            client[3] += data
            if not data:
                ended.append((client[1], time.monotonic() - client[2], client[3][9:12].decode()))
                poller.unregister(descriptor)
                client[0].close()
                del clients[descriptor]
        if time.monotonic() >= next_drip:
            next_drip += drip
            for one, kind, _, got in clients.values():
                if kind != "silent" and not got:
                    try:
                        one.send(b"x")
                    except OSError:
                        pass
    for one, *_ in clients.values():
        one.close()
    require(not clients, f"{len(clients)} of {count} slow connections are open after {seconds} s")
    return ended


def check_slow(run, ended):
    latest = {}
    for kind, age, answer in ended:
        due = {"silent": HEADER_TIME, "header": HEADER_TIME, "body": 60}[kind]
        latest[kind] = max(latest.get(kind, 0), age - due)
        require(age > due - 1, f"a slow connection ({kind}) was ended after {age:.1f} s already")
        expected = "" if kind == "silent" else "408"
        require(answer == expected, f"a slow connection ({kind}) was answered {answer!r} instead of {expected!r}")
    run.note(latest_s_after_deadline={kind: round(late, 2) for kind, late in latest.items()})
    # With the 408 goes a lingering close: the connection ends when the client does, or 2 s later.
    run.timing(max(latest.values()) <= 3, f"slow connections were gone {max(latest.values()):.1f} s after the deadline")


def slowloris(run):
    """Connections that send nothing, or a header or body byte by byte."""
    for count in run.size([100], [500, 5000]):
        with Twin(run.binary, "--step-interval", 0) as twin:
            descriptors, before = twin.settled()
            probe = Probe(twin.port)
            ended = hold_slow(twin.port, count, run.full, (60 if run.full else HEADER_TIME) + LATE)
            require(len(ended) == count, f"{len(ended)} of {count} connections ended")
            check_slow(run, ended)
            run.health(probe, p99=20)
            peak = twin.resident()
            run.memory(before, peak, count * 64 * 1024 + 16 * MIB, "beside slow connections")
            run.note(connections=count, rss_mib=[round(x / MIB, 1) for x in (before, peak)],
                     descriptors=[descriptors, twin.descriptors_return_to(descriptors)])
            print_figures("slowloris", run)


def idle(run):
    """Clients that only listen, while nothing happens; then one event for all of them."""
    count = run.size(500, 10_000)
    with Twin(run.binary, "--step-interval", 0, "--no-access-log") as twin:
        descriptors, before = twin.settled()
        listeners = Listeners(twin.port, count)
        eventually(lambda: twin.websocket_clients() == count, 60, "not all clients are counted")
        with_them = twin.resident()
        probe = Probe(twin.port)
        time.sleep(run.size(1, 45))  # in the long one pings and their answers come by
        broadcasts = []
        for _ in range(5):
            begin = time.monotonic()
            twin.request("PATCH", "/machine/anode/mixing/parameters",
                         {"material_ratios": {"AM": 0.475, "CA": 0.01, "PVDF": 0.015, "solvent": 0.5}})
            broadcasts.append(listeners.wait_for(twin.newest_seq())["at"] - begin)
        run.health(probe, p99=10)
        run.everything_reached(listeners, twin)
        each = (with_them - before) / count
        run.note(clients=count, rss_each=round(each), broadcast_ms=[round(1000 * one) for one in broadcasts],
                 rss_mib=[round(x / MIB, 1) for x in (before, with_them, twin.resident())],
                 descriptors=[descriptors, twin.descriptors_return_to(descriptors)])
        run.memory(0, each, 8 * 1024, "for each idle client")
        run.timing(each <= 4096 or run.sanitized, f"an idle client takes {each:.0f} bytes")
        run.timing(max(broadcasts) < 0.2, f"an event reached all {count} clients after {max(broadcasts):.2f} s")


def descriptors(run):
    """1 000 connections at a server that may have 64 descriptors."""
    limit, connects = 64, 1000
    with Twin(run.binary, "--step-interval", 0, "--no-access-log", descriptors=limit) as twin:
        before, resident = twin.settled()
        cpu, begin = twin.cpu(), time.monotonic()
        storm, answers = [], {}
        for _ in range(connects):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", twin.port))
            storm.append(one)
        pending, most = {one: b"" for one in storm}, 0
        asked = set()
        hold = 3  # seconds
        while time.monotonic() - begin < hold:
            waiting = [one for one in pending if one not in asked]
            readable, writable, _ = poll(list(pending), waiting)
            for one in writable:
                asked.add(one)
                try:
                    one.send(get_text())
                except OSError:
                    pass
            for one in readable:
                try:
                    data = one.recv(4096)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                pending[one] += data
                if not data:
                    answer = pending.pop(one)[9:12].decode() or "none"
                    answers[answer] = answers.get(answer, 0) + 1
                    one.close()
            most = max(most, twin.descriptors())
        for answer in pending.values():
            key = answer[9:12].decode() or "waiting"
            answers[key] = answers.get(key, 0) + 1
        busy = (twin.cpu() - cpu) / (time.monotonic() - begin)
        for one in storm:
            one.close()
        ended = time.monotonic()

        def served():
            try:
                with connect(twin.port) as one:
                    one.sendall(get_text())
                    return one.recv(100).startswith(b"HTTP/1.1 200")
            except OSError:
                return False

        eventually(served, 30, "the server is not back after the storm")
        back = time.monotonic() - ended
        run.note(connects=connects, answers=answers, most_descriptors=most, cpu=round(busy, 2), back_s=round(back, 3),
                 rss_mib=[round(x / MIB, 1) for x in (resident, twin.resident())])
        require(answers.get("200", 0) > 0 and answers.get("503", 0) > 0, f"the storm was answered with {answers}")
        require(most <= limit, f"the server had {most} descriptors")
        require("too many connections" in twin.log(), "the log does not say that there were too many connections")
        lines = twin.log().count("too many connections") + twin.log().count("cannot accept")
        require(lines <= time.monotonic() - begin + 2, f"the log says so {lines} times")
        run.memory(resident, twin.resident(), 16 * MIB, "in the storm")
        run.note(descriptors=[before, twin.descriptors_return_to(before)])
        run.timing(back < 1, f"the server was back {back:.1f} s after the storm")
        run.timing(busy < 0.2, f"the storm took {100 * busy:.0f} % of a CPU")


def poll(readers, writers):
    """select for descriptors of any number."""
    poller = select.poll()
    by_descriptor = {one.fileno(): one for one in readers}
    wanted = set(writers)
    for descriptor, one in by_descriptor.items():
        poller.register(descriptor, select.POLLIN | (select.POLLOUT if one in wanted else 0))
    events = poller.poll(50)
    return ([by_descriptor[fd] for fd, event in events if event & (select.POLLIN | select.POLLHUP | select.POLLERR)],
            [by_descriptor[fd] for fd, event in events if event & select.POLLOUT and by_descriptor[fd] in wanted], [])


def clock_step(run):
    """The wall clock jumps by an hour, forth and back, while batches run and connections are open."""
    if not FAKETIME.exists():
        raise Skipped("libfaketime is not installed")
    with tempfile.TemporaryDirectory() as folder:
        offset = pathlib.Path(folder, "offset")

        def step(seconds):
            new = pathlib.Path(folder, "new")
            new.write_text(f"{seconds:+d}\n")
            new.rename(offset)

        step(0)
        environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
                       "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        with Twin(run.binary, "--step-interval", run.size(1, 20), environment=environment) as twin:
            listener = WebSocket(twin.port)
            moments = []
            listener.on_text = lambda text: moments.append((time.time(), json.loads(text)))
            listeners, probe = Listeners(twin.port, 5), Probe(twin.port)
            rest = RestLoad(twin.port, "rest", False, 0.05)
            slow = connect(twin.port)
            slow.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
            kept = connect(twin.port)
            start_batches(twin, 2)
            started, uptime = time.monotonic(), twin.get("/health")["uptime_s"]
            jumps = []
            for seconds in (0, 3600, -3600, 0):
                step(seconds)
                until = time.monotonic() + run.size(1.5, 2.2)
                while time.monotonic() < until:
                    kept.sendall(get_text())
                    require(kept.recv(65536).startswith(b"HTTP/1.1 200"), "a kept connection was not served")
                    select.select([listener.socket], [], [], 0.1)
                    while listener.read_now():
                        pass
                twin.request("PATCH", "/machine/anode/mixing/parameters",
                             {"material_ratios": {"AM": 0.475, "CA": 0.01, "PVDF": 0.015, "solvent": 0.5}})
                newest = twin.newest_seq()
                eventually(lambda: listener.read_now() or listener.next > newest, 30, "an event did not come")
                said = [at for at in moments if at[1].get("seq")][-1]
                told = time.mktime(time.strptime(said[1]["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
                jumps.append(round(told - said[0]))
                require(abs(told - said[0] - seconds) < 5, f"after a step of the clock to {seconds:+d} s the timestamps "
                        f"are {told - said[0]:+.0f} s off")
                real = time.monotonic() - started
                shown = twin.get("/health")["uptime_s"] - uptime
                require(abs(real - shown) < 2, f"uptime went on by {shown:.1f} s in {real:.1f} s")
            slow.send(b"\r\n")
            require(slow.recv(4096).startswith(b"HTTP/1.1 200"), "a request under way was ended by the clock")
            eventually(lambda: twin.completed() == 2, 120, "the batches do not complete")
            require(listener.missed == 0 and listener.code is None, "a client missed an event or was closed")
            answered = rest.end()
            require("closed" not in answered["statuses"], "connections were closed")
            run.everything_reached(listeners, twin)
            run.health(probe)
            require(" 408 " not in twin.access_file.read_text(), "a time-out fired")
            require("blocked" not in twin.log(), "the watchdog fired")
            run.note(clock_s=jumps, uptime_steady=True)


def sigterm(run):
    """The end, while everybody is at it."""
    count = run.size(40, 1000)
    with Twin(run.binary, "--step-interval", 1) as twin:
        # The queue is filled before: what is accepted is known, whatever the signal interrupts.
        listeners = Listeners(twin.port, count)
        rests = [RestLoad(twin.port, f"rest{i}", True) for i in range(2)]
        deaf = [WebSocket(twin.port, "?replay=100", receive_buffer=4096) for _ in range(5)]
        slow = [connect(twin.port) for _ in range(20)]
        for one in slow:
            one.send(b"GET /health HT")
        eventually(lambda: twin.completed() >= 1, 120, "no batch completes")
        started = time.monotonic()
        twin.process.terminate()
        code = twin.process.wait(timeout=60)
        took = time.monotonic() - started
        twin.check_log()
        accepted = sum(rest.end()["accepted"] for rest in rests)
        figures = listeners.end()
        log = twin.log()
        completed = sum(line.startswith("INFO:") and line.endswith(" completed") for line in log.splitlines())
        still_open = next((int(line.split()[1]) for line in log.splitlines() if "on at the next start" in line), 0)
        run.note(clients=count, codes=figures["codes"], took_s=round(took, 2), accepted=accepted, completed=completed,
                 named_as_open=still_open)
        require(code == 0, f"the server ended with {code}")
        require(took < 20, f"the end took {took:.1f} s")
        run.timing(took < 10, f"the end took {took:.1f} s")
        require(figures["codes"] == {1012: count}, f"clients were closed with {figures['codes']}")
        require(figures["missed"] == 0, f"clients missed {figures['missed']} events before the end")
        # An answer may be cut off on its way to the client, but none that arrived may be forgotten.
        require(accepted <= completed + still_open <= accepted + len(rests), f"{accepted} batches were accepted, {completed} "
                f"completed, {still_open} were said to go on")
        for one in slow + [client.socket for client in deaf]:
            one.close()


def pipeliner(run):
    """One client that sends 32 MiB of GETs and does not read; another that reads at the end."""
    with Twin(run.binary, "--step-interval", 0, "--no-access-log") as twin:
        descriptors, before = twin.settled()
        probe = Probe(twin.port)
        sent, peak, ended = pipeline(twin.port, 32 * MIB, run.size(2, 45), twin.resident)
        run.memory(before, peak, 8 * MIB, "for one client that pipelines")
        if run.full:
            require(ended, "the client that does not read is still there after 45 s")
        one, wanted = connect(twin.port), 2000
        one.sendall(get_text("/health/live") * wanted)
        got, answers = b"", 0
        while answers < wanted:
            part = one.recv(256 * 1024)
            require(part, f"only {answers} of {wanted} pipelined requests were answered")
            got += part
            answers += got.count(b"HTTP/1.1 200")
            got = got[-11:] if not got[-11:].endswith(b"HTTP/1.1 200") else b""
        one.close()
        run.health(probe)
        run.note(sent_mib=round(sent / MIB, 2), cut_off=ended, pipelined_answers=answers,
                 rss_mib=[round(x / MIB, 1) for x in (before, peak, twin.resident())],
                 descriptors=[descriptors, twin.descriptors_return_to(descriptors)])


def pipeline(port, size, seconds, resident):
    """Sends as much as the server takes. How much that was, its largest memory, and whether it was cut off."""
    one = connect(port, receive_buffer=4096)
    one.setblocking(False)
    requests, sent, peak = get_text() * 1000, 0, 0
    until = time.monotonic() + seconds
    ended = False
    while time.monotonic() < until and not ended and sent < size:
        _, writable, _ = select.select([], [one], [], 0.1)
        try:
            if writable:
                sent += one.send(requests[sent % len(get_text()):])
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        peak = max(peak, resident())
    one.close()
    return sent, peak, ended


BAD_REQUESTS = [  # and the status that each is to be answered with; None: closed without a word
    (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", {400, 505}), (b"GET /\r\n\r\n", {400}), (b"\x00\x01\x02\r\n\r\n", {400, None}),
    (b"GET / HTTP/1.1\r\n\r\n", {400}), (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", {400}), (b"GET / HTTP/1.1\nHost: localhost\n\n", {400, 200}),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", {431}),
    (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {414, 431}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     {400}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", {400}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", {400, 501}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
     b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", {400}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
     b"Content-Length: 99999999999\r\n\r\n", {413}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", {415}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
     b"Content-Length: 400\r\n\r\n" + b"[" * 400, {400}),
    (b"POST /factory/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
     b'Content-Length: 20\r\n\r\n{"id": "\xff\xfe", "x":1}', {400}),
    (b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", {405, 501}), (b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 404}),
    (b"GET /batches?limit=1e9 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), {None}),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {None}),
]
BAD_FRAMES = [  # and the close code
    (b"\x81\x05hello", 1002), (masked(1, b"\xff\xfe"), 1007), (masked(2, b"binary"), 1003), (masked(3), 1002),
    (masked(1, b"x", first=0xC0), 1002), (masked(0, b"x"), 1002), (masked(8, b"\x00"), 1002),
    (masked(8, b"\x03\xec"), 1002), (masked(8, b"\x03\xe8\xff"), 1007), (b"\x89\xfe\x00\x7e" + bytes(130), 1002),
    (b"\x81\xff" + b"\xff" * 8 + bytes(4), 1002), (b"\x81\xff" + struct.pack(">Q", 1 << 40) + bytes(4), 1009),
]


def send_bad_request(port, request, expected, cut=None):
    with connect(port) as one:
        try:
            one.sendall(request[:cut])
            one.shutdown(socket.SHUT_WR)
            answer = b""
            while part := one.recv(65536):
                answer += part
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
        status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else None
        if cut is None:
            require(status in expected, f"{request[:80]!r} was answered with {status} instead of {expected}")
        require(status is None or status < 500 or status in (501, 505), f"{request[:cut]!r} was answered with {status}")


def send_bad_frame(port, frame, code):
    client = WebSocket(port)
    client.socket.sendall(frame)
    got = client.read_to_the_end()
    client.socket.close()
    require(got == code, f"the frame {frame[:20]!r} was answered with {got} instead of {code}")


def send_all_bad(port, chance):
    for request, expected in BAD_REQUESTS:
        send_bad_request(port, request, expected)
        send_bad_request(port, request, expected, chance.randrange(len(request)))
    for frame, code in BAD_FRAMES:
        send_bad_frame(port, frame, code)


def bad_input(run):
    """Requests and frames that break the rules, whole and cut off anywhere."""
    rounds, chance = run.size(5, 200), random.Random(1)
    with Twin(run.binary, "--step-interval", 0) as twin:
        send_all_bad(twin.port, chance)
        descriptors, before = twin.settled()
        listeners, probe = Listeners(twin.port, 5), Probe(twin.port)
        for _ in range(rounds):
            send_all_bad(twin.port, chance)
            start_batches(twin, 1)
        run.everything_reached(listeners, twin)
        run.health(probe)
        run.memory(before, twin.resident(), 32 * MIB, "over bad requests")
        run.note(sent=rounds * (2 * len(BAD_REQUESTS) + len(BAD_FRAMES)),
                 rss_mib=[round(x / MIB, 1) for x in (before, twin.resident())],
                 descriptors=[descriptors, twin.descriptors_return_to(descriptors)])


# --- All together -----------------------------------------------------------------------------------------------------


class Hostile(Worker):
    """One kind of hostile client, again and again."""

    def work(self, pipe, port, kind, size):
        chance, rounds, codes = random.Random(kind), 0, {}
        while not pipe.poll(0.2):
            rounds += 1
            getattr(self, kind)(port, size, chance, codes, pipe.poll)
        pipe.recv()
        pipe.send({"kind": kind, "rounds": rounds, "codes": codes})

    @staticmethod
    def bad_input(port, size, chance, codes, stop):
        send_all_bad(port, chance)

    @staticmethod
    def slowloris(port, size, chance, codes, stop):
        for kind, _, answer in hold_slow(port, size, False, HEADER_TIME + LATE):
            codes[f"{kind} {answer}"] = codes.get(f"{kind} {answer}", 0) + 1

    @staticmethod
    def pipeliner(port, size, chance, codes, stop):
        pipeline(port, 32 * MIB, 5, lambda: 0)

    @staticmethod
    def storm(port, size, chance, codes, stop):
        """Connections that are reset at once, or in the middle of a request."""
        for _ in range(size):
            one = connect(port)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if chance.random() < 0.5:
                one.send(get_text("/factory/status")[:chance.randrange(60)])
            one.close()

    @staticmethod
    def nonreaders(port, size, chance, codes, stop):
        """Until each is closed, with 1013 or, when it does not even take that, cut off."""
        clients = [WebSocket(port, receive_buffer=4096) for _ in range(size)]
        by_port = {client.socket.getsockname()[1]: client for client in clients}
        while by_port and not stop():
            time.sleep(0.3)
            unsent = unsent_by_server(port)
            for own, client in list(by_port.items()):
                if own in unsent:
                    continue
                code = client.read_to_the_end(5)
                codes[code] = codes.get(code, 0) + 1
                del by_port[own]
            if chance.random() < 0.02 and by_port:  # some wake up in between
                own, client = chance.choice(list(by_port.items()))
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MIB)
                code = client.read_to_the_end(1)
                if code is not None:
                    codes[code] = codes.get(code, 0) + 1
                    del by_port[own]
        for client in clients:
            client.socket.close()

    @staticmethod
    def pages(port, size, chance, codes, stop):
        """The longest answer there is, not always read to its end."""
        with connect(port) as one:
            one.sendall(get_text("/batches?limit=1000"))
            for _ in range(chance.randrange(1, 300)):
                if not one.recv(65536):
                    break
        time.sleep(1)


def soak(run):
    """All of it at once, for minutes."""
    healthy, count = run.size(20, 200), run.size(10, 100)
    seconds = 60 * run.minutes if run.minutes else run.size(8, 1800)
    with Twin(run.binary, "--step-interval", 0, "--no-access-log", "--history-limit", 500) as twin:
        descriptors, _ = twin.settled()
        listeners = Listeners(twin.port, healthy)
        probe = Probe(twin.port)
        rests = [RestLoad(twin.port, "rest", False, 0.05)]
        hostile = [Hostile(twin.port, kind, size) for kind, size in
                   [("bad_input", 0), ("slowloris", count), ("pipeliner", 0), ("storm", count), ("nonreaders", count // 5),
                    ("pages", 0)]]
        begin, batches, memory = time.monotonic(), 0, []
        while time.monotonic() - begin < seconds:
            for worker in hostile + rests:
                if worker.pipe.poll():
                    worker.answer()  # it tells what went wrong
            start_batches(twin, 4)
            batches += 4
            listeners.wait_for(twin.newest_seq(), 300)
            memory.append((time.monotonic() - begin, twin.resident()))
            time.sleep(run.size(0.01, 0.1))
        told = [worker.end() for worker in hostile]
        statuses = {}
        for rest in rests:
            for status, number in rest.end()["statuses"].items():
                statuses[status] = statuses.get(status, 0) + number
        eventually(lambda: twin.completed() == batches + 1, 120, "not all batches complete")
        run.everything_reached(listeners, twin)
        run.health(probe)
        tenth = seconds / 10

        def mean(number):
            values = [size for at, size in memory if number * tenth <= at < (number + 1) * tenth]
            return sum(values) / max(len(values), 1)

        growth = mean(9) - mean(1)
        run.note(seconds=round(seconds), healthy=healthy, batches=batches, rest=statuses,
                 hostile={one["kind"]: {"rounds": one["rounds"], "ends": one["codes"]} for one in told},
                 rss_mib=[round(mean(tenth_part) / MIB, 1) for tenth_part in range(10)])
        for status in statuses:
            require(status == "closed" or status < 500, f"a request was answered with {status}")
        require("closed" not in statuses, "a connection of a healthy client was closed")
        run.memory(0, growth, 64 * MIB, "from the second tenth to the last")
        run.timing(growth <= 0.02 * mean(1) or seconds < 600, f"memory grew by {growth / MIB:.1f} MiB")
        run.note(descriptors=[descriptors, twin.descriptors_return_to(descriptors)])


SCENARIOS = {"nonreaders": nonreaders, "slowloris": slowloris, "idle": idle, "descriptors": descriptors,
             "clock-step": clock_step, "sigterm": sigterm, "pipeliner": pipeliner, "bad-input": bad_input, "soak": soak}


def print_figures(name, run):
    if run.figures:
        print(name, json.dumps(run.figures), flush=True)
    run.figures = {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", help="the program")
    parser.add_argument("scenario", nargs="+", choices=SCENARIOS)
    parser.add_argument("--full", action="store_true", help="the sizes of docs/load.md; without it a few seconds each")
    parser.add_argument("--strict", action="store_true", help="a bound of time that is missed counts, too")
    parser.add_argument("--minutes", type=float, help="how long to soak")
    arguments = parser.parse_args()
    raise_descriptor_limit()
    failed = skipped = 0
    for name in arguments.scenario:
        run = Run(arguments)
        begin = time.monotonic()
        try:
            SCENARIOS[name](run)
        except Failed as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
        except Skipped as error:
            skipped += 1
            print(f"{name}: skipped, {error}", flush=True)
        run.note(took_s=run.figures.get("took_s", round(time.monotonic() - begin, 1)))
        print_figures(name, run)
    return 1 if failed else SKIPPED if skipped == len(arguments.scenario) else 0


if __name__ == "__main__":
    sys.exit(main())
