#!/usr/bin/python3
"""Sends mutated requests to the server's reading of a connection (fuzz_print_framing) and to h11, and tells of those in
which the server sees more requests than h11: what could be smuggled past a proxy. Needs the package python3-h11.

    tests/fuzz/differential.py build/asan/tests/fuzz/fuzz_print_framing [REQUESTS [SEED]]
"""

import pathlib
import random
import re
import subprocess
import sys

import h11

CORPUS = pathlib.Path(__file__).parent / "corpus" / "request_framing"
PIECES = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"\r\n\r\n", b"0\r\n\r\n", b"\x0b", b"\x7f", b"\x80",
          b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: a\r\n",
          b"Connection: close\r\n", b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", b"chunked", b"HTTP/1.0", b"+", b"-", b"_", b'"']
# Allowed by RFC 9112 7.1.1 (BWS), refused by h11.
BLANKS_BEFORE_EXTENSION = re.compile(rb"[0-9A-Fa-f][ \t]+;")


def requests_of_h11(data):
    """How many whole requests h11 reads; nothing where it says no to what is no matter of framing.

    One connection of its own for each request: h11 does not ignore an empty line before a request, as RFC 9112 2.2 asks
    for, and never keeps a connection of HTTP/1.0."""
    count = 0
    while data:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        connection.receive_data(data.removeprefix(b"\r\n"))
        request = None
        try:
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    request = event
                if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    return count
        except h11.RemoteProtocolError as error:
            in_trailer = request is not None and ("Content-Length" in str(error) or "Transfer-Encoding" in str(error))
            return None if in_trailer else count
        count += 1
        options = b",".join(value for name, value in request.headers if name == b"connection").lower().split(b",")
        if b"close" in (option.strip() for option in options):
            return count
        data = connection.trailing_data[0]
    return count


def mutated(seeds, rng):
    data = rng.choice(seeds)
    for _ in range(rng.randint(0, 4)):
        at = rng.randint(0, len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data = data[:at] + rng.choice(PIECES) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + rng.randint(1, 8):]
        elif kind == 2:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        elif kind == 3:
            other = rng.choice(seeds)
            data = data[:at] + other[rng.randint(0, len(other)):]
        else:
            end = rng.randint(at, min(len(data), at + 40))
            data = data[:end] + data[at:end] + data[end:]
    return data


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    seeds = [data for data in (path.read_bytes()[1:] for path in sorted(CORPUS.iterdir())) if 0 < len(data) < 5000]
    server = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    served = more = 0
    for _ in range(wanted):
        data = mutated(seeds, rng)
        server.stdin.write(b"%d\n%b" % (len(data), data))
        server.stdin.flush()
        line = server.stdout.readline()
        if not line.endswith(b"\n"):
            sys.exit(f"the server's reader ended at {data!r}")
        seen = len(line.split())
        served += seen
        if BLANKS_BEFORE_EXTENSION.search(data):
            continue
        wanted_most = requests_of_h11(data)
        if wanted_most is not None and seen > wanted_most:
            more += 1
            if more <= 20:
                print(f"{seen} requests, h11 sees {wanted_most}: {data!r}")
    server.stdin.close()
    server.wait()
    print(f"{wanted} connections, {served} requests served, {more} with more than h11 sees")
    sys.exit(1 if more else 0)


if __name__ == "__main__":
    main()
