"""Clients: those that behave, each kind in a process of its own so that none slows another, and parts of those that
do not."""

import fcntl
import multiprocessing
import resource
import select
import socket
import statistics
import struct
import termios
import time

from twin import Failed, eventually, require

fork = multiprocessing.get_context("fork")
WORDS = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
ESTABLISHED = "01"  # in /proc/net/tcp
GONE = -1  # instead of a close code: the connection ended without one


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def get_text(path="/health"):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def connect(port, receive_buffer=None, source="127.0.0.1"):
    one = socket.socket()
    if receive_buffer is not None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    one.settimeout(60)
    if source != "127.0.0.1":
        one.bind((source, 0))
    one.connect(("127.0.0.1", port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def masked(opcode, payload=b"", first=0x80):
    """A client's frame; masked with zeros."""
    length = struct.pack(">B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack(">BH", 0xFE, len(payload))
    return bytes([first | opcode]) + length + bytes(4) + payload


class WebSocket:
    """Knows which life-cycle events have come, and whether one is missing."""

    def __init__(self, port, query="?replay=0", receive_buffer=None):
        self.socket = connect(port, receive_buffer)
        self.socket.sendall(f"GET /ws/status{query} HTTP/1.1\r\nHost: localhost\r\n{WORDS}"
                            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = self.socket.recv(4096)
            require(part, "the server closed the connection instead of opening a WebSocket")
            answer += part
        head, self.rest = answer.split(b"\r\n\r\n", 1)
        require(head.startswith(b"HTTP/1.1 101"), f"the handshake was refused: {head[:100]!r}")
        self.socket.setblocking(False)
        self.first = self.next = None
        self.missed = 0
        self.bytes = 0
        self.code = None  # once it is closed
        self.on_text = None

    def read_now(self):
        try:
            data = self.socket.recv(256 * 1024)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        if not data:
            if self.code is None:
                self.code = GONE
            return False
        self.bytes += len(data)
        self.take(self.rest + data if self.rest else data)
        return True

    def read_to_the_end(self, seconds=30):
        until = time.monotonic() + seconds
        while self.code is None and time.monotonic() < until:
            select.select([self.socket], [], [], 1)
            while self.read_now():
                pass
        return self.code

    def take(self, data):
        at, size = 0, len(data)
        while size - at >= 2:
            length, head = data[at + 1] & 0x7F, 2
            if length == 126:
                if size - at < 4:
                    break
                length, head = data[at + 2] << 8 | data[at + 3], 4
            elif length == 127:
                if size - at < 10:
                    break
                length, head = int.from_bytes(data[at + 2:at + 10], "big"), 10
            begin = at + head
            at_end = begin + length
            if at_end > size:
                break
            opcode = data[at] & 0x0F
            if opcode == 1:
                if data[begin:begin + 7] == b'{"seq":':
                    seq = int(data[begin + 7:data.index(b",", begin)])
                    if self.next is None:
                        self.first = seq
                    elif seq != self.next:
                        self.missed += 1
                    self.next = seq + 1
                if self.on_text:
                    self.on_text(data[begin:at_end])
            elif opcode == 8:
                self.code = int.from_bytes(data[begin:begin + 2], "big") if length >= 2 else 1005
            elif opcode == 9:
                try:
                    self.socket.send(masked(10, data[begin:at_end]))
                except OSError:
                    pass  # full or gone: the next read tells
            at = at_end
        self.rest = data[at:]

    def unread(self):
        """Bytes in the client's own socket buffer."""
        return struct.unpack("i", fcntl.ioctl(self.socket, termios.FIONREAD, b"\0" * 4))[0]


def unsent_by_server(port):
    """What the system still holds for each client that the server has not closed, by the client's port."""
    held = {}
    with open("/proc/net/tcp") as table:
        next(table)
        for line in table:
            _, local, remote, state, queues, *_ = line.split()
            if int(local.split(":")[1], 16) == port and state == ESTABLISHED:
                held[int(remote.split(":")[1], 16)] = int(queues.split(":")[0], 16)
    return held


class Worker:
    """Something that goes on in a process of its own until it is asked what came of it."""

    def __init__(self, *arguments):
        self.pipe, other = fork.Pipe()
        self.process = fork.Process(target=self._main, args=(other, arguments), daemon=True)
        self.process.start()
        other.close()

    def _main(self, pipe, arguments):
        self.pipe.close()
        try:
            self.work(pipe, *arguments)
        except Failed as failed:
            pipe.send(failed)
        except (EOFError, BrokenPipeError, KeyboardInterrupt):
            pass
        except OSError as error:
            pipe.send(Failed(f"{type(self).__name__} {arguments[1:]}: {error!r}"))

    def ask(self, *question):
        try:
            self.pipe.send(question)
        except BrokenPipeError:
            pass  # it has said why before it went
        return self.answer()

    def answer(self, seconds=300):
        require(self.pipe.poll(seconds), f"{type(self).__name__} does not answer")
        try:
            answer = self.pipe.recv()
        except EOFError:
            raise Failed(f"{type(self).__name__} ended unexpectedly") from None
        if isinstance(answer, Failed):
            raise answer
        return answer

    def end(self):
        answer = self.ask("end")
        self.process.join(30)
        return answer


class Probe(Worker):
    """GET /health, again and again, as a monitor would."""

    def work(self, pipe, port, every=0.01):
        times, failures, longest_gap = [], 0, 0.0
        connection, served = None, time.perf_counter()
        while not pipe.poll(every):
            begin = time.perf_counter()
            try:
                if connection is None:
                    connection = connect(port)
                connection.sendall(get_text())
                answer = b""
                while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                    part = connection.recv(4096)
                    if not part:
                        raise ConnectionError
                    answer += part
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise ConnectionError
                served = time.perf_counter()
                times.append(served - begin)
            except OSError:
                failures += 1
                longest_gap = max(longest_gap, time.perf_counter() - served)
                if connection is not None:
                    connection.close()
                connection = None
        times.sort()

        def at(part):
            return 1000 * times[min(int(len(times) * part), len(times) - 1)] if times else float("inf")

        pipe.recv()
        pipe.send({"requests": len(times), "failures": failures, "longest_gap_s": longest_gap, "p50_ms": at(0.5),
                   "p99_ms": at(0.99), "max_ms": at(1)})


class Listeners(Worker):
    """WebSocket clients that read all they get."""

    def __init__(self, port, count):
        super().__init__(port, count)
        self.count = count
        self.answer()

    def work(self, pipe, port, count):
        clients = [WebSocket(port) for _ in range(count)]
        by_descriptor = {client.socket.fileno(): client for client in clients}
        poller = select.epoll()
        for descriptor in by_descriptor:
            poller.register(descriptor, select.EPOLLIN)
        poller.register(pipe.fileno(), select.EPOLLIN)
        pipe.send("ready")
        newest, newest_at = 0, 0.0
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == pipe.fileno():
                    question = pipe.recv()
                    if question[0] == "end":
                        pipe.send(self.figures(clients))
                        return
                    seen = [client.next for client in clients]
                    pipe.send({"seen": 0 if None in seen else min(seen) - 1, "at": newest_at,
                               "bytes": min(client.bytes for client in clients),
                               "closed": sum(client.code is not None for client in clients),
                               "missed": sum(client.missed for client in clients)})
                    continue
                client = by_descriptor[descriptor]
                client.read_now()
                if client.next is not None and client.next >= newest:
                    newest, newest_at = client.next, time.monotonic()
                if client.code is not None:
                    poller.unregister(descriptor)

    @staticmethod
    def figures(clients):
        codes = {}
        for client in clients:
            codes[client.code] = codes.get(client.code, 0) + 1
        return {"clients": len(clients), "missed": sum(client.missed for client in clients), "codes": codes,
                "least": min((client.next or 1) - (client.first or 1) for client in clients),
                "most": max((client.next or 1) - (client.first or 1) for client in clients),
                "last": max(client.next or 1 for client in clients) - 1}

    def state(self):
        state = self.ask("state")
        require(state["missed"] == 0, f"healthy clients missed {state['missed']} events")
        require(state["closed"] == 0, f"{state['closed']} healthy clients were closed")
        return state

    def wait_for(self, seq, seconds=120):
        last = {}

        def all_have_it():
            last.update(self.state())
            return last["seen"] >= seq

        eventually(all_have_it, seconds, f"not every healthy client has got event {seq}")
        return last


class RestLoad(Worker):
    """A mix of requests over some connections. Accepts 503 only where the queue is full."""

    PATCH = b'{"material_ratios":{"AM":0.475,"CA":0.01,"PVDF":0.015,"solvent":0.5}}'

    def work(self, pipe, port, name, starts=True, pause=0.0):
        def text(method, path, body=b""):
            return (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode() + body

        connection, rest, number, accepted, statuses = None, b"", 0, 0, {}
        while not pipe.poll(pause):
            number += 1
            batch = f"{name}-{number}"
            mix = [(get_text("/factory/status"), {200}), (get_text("/batches?limit=20"), {200}),
                   (get_text("/factory/logs?limit=200"), {200}), (get_text("/machine/cell/aging/status"), {200}),
                   (text("PATCH", "/machine/anode/mixing/parameters", self.PATCH), {200}),
                   (text("PATCH", "/machine/anode/mixing/parameters", b'{"material_ratios":{"AM":2}}'), {400}),
                   (text("POST", "/factory/start", b'{"id":'), {400}), (get_text("/nowhere"), {404})]
            if starts:
                mix += [(text("POST", "/factory/start", f'{{"id":"{batch}"}}'.encode()), {200, 503}),
                        (text("DELETE", f"/batches/{batch}-not"), {404})]
            for request, expected in mix:
                try:
                    if connection is None:
                        connection, rest = connect(port), b""
                    connection.sendall(request)
                    status, rest = self.read(connection, rest)
                except OSError:
                    connection = None
                    statuses["closed"] = statuses.get("closed", 0) + 1
                    if pipe.poll():
                        break
                    time.sleep(0.01)
                    continue
                statuses[status] = statuses.get(status, 0) + 1
                accepted += status == 200 and request.startswith(b"POST")
                draining = status == 503 and not starts
                if status not in expected and not draining:
                    raise Failed(f"{request[:60]!r} was answered with {status}")
        pipe.recv()
        pipe.send({"accepted": accepted, "statuses": statuses})

    @staticmethod
    def read(connection, rest):
        while b"\r\n\r\n" not in rest:
            part = connection.recv(65536)
            if not part:
                raise ConnectionError
            rest += part
        head, rest = rest.split(b"\r\n\r\n", 1)
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(rest) < length:
            part = connection.recv(65536)
            if not part:
                raise ConnectionError
            rest += part
        return int(head[9:12]), rest[length:]


def median(values):
    return statistics.median(values) if values else 0
