"""Telemetry into SQLite, into PostgreSQL, and the same rows into PostgreSQL by psql's \\copy."""

import contextlib
import glob
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from measuring import cpu_seconds, free_port, running
from tables import Goal, median, number, ratio, table

USER = "postgres"
COLUMNS = '(batch, series, step, "timestamp", properties)'


def programs():
    """Where Debian keeps those of the newest version."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise SystemExit("PostgreSQL is missing: config/install-packages.sh bench")
    return pathlib.Path(found[-1])


def unprivileged(*command):
    """PostgreSQL does not run as root."""
    drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.getuid() == 0 else []
    return drop + [str(word) for word in command]


@contextlib.contextmanager
def postgresql(folder):
    """As it comes, with fsync; on a free port. Gives process and URL."""
    data = pathlib.Path(folder) / "cluster"
    data.mkdir()
    if os.getuid() == 0:
        os.chmod(folder, 0o755)
        shutil.chown(data, USER, USER)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(unprivileged(programs() / "initdb", "-D", data, "-U", USER, "-A", "trust"), check=True, **quiet)
    port = free_port()
    command = unprivileged(programs() / "postgres", "-D", data, "-p", port, "-k", "", "-c", "listen_addresses=127.0.0.1")
    with running(command, **quiet) as process:
        url = f"postgresql://{USER}@127.0.0.1:{port}/"
        end = time.monotonic() + 60
        while subprocess.run(["psql", url + USER, "-c", "select 1"], **quiet, check=False).returncode != 0:
            if time.monotonic() > end:
                raise SystemExit("PostgreSQL does not answer")
            time.sleep(0.1)
        yield process, url


def psql(url, *commands):
    words = [word for command in commands for word in ("-c", command)]
    return subprocess.run(["psql", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, *words], check=True,
                          capture_output=True, text=True).stdout.strip()


def told(build, rows, *where):
    """What the store said of itself: rows a second, and the CPU seconds of the program."""
    answer = subprocess.run([build / "tests/bench/bench_store", *where, str(rows)], check=True, capture_output=True)
    found = json.loads(answer.stdout)
    return {"rate": found["rows"] / found["seconds"], "rows": found["rows"],
            "cpu_us": 1e6 * found["cpu_seconds"] / found["rows"]}


def one_round(build, rows, folder, name, server, url):
    """One after the other, so that what the machine does to one of them it does to all."""
    sqlite = told(build, rows, f"sqlite:{folder}/{name}.db")
    psql(url + USER, f"create database {name}")
    before = cpu_seconds(server.pid)
    ours = told(build, rows, url + name, f"{folder}/{name}-spool.db")
    ours["server_us"] = 1e6 * (cpu_seconds(server.pid) - before) / rows
    count = psql(url + name, "select count(*) from battery_twin.telemetry")
    if int(count) != ours["rows"]:
        raise SystemExit(f"{count} of {ours['rows']} rows arrived")
    # The same rows into the same table with the same indexes.
    path = f"{folder}/{name}.copy"
    psql(url + name, f"\\copy battery_twin.telemetry {COLUMNS} to '{path}'",
         "create table copied (like battery_twin.telemetry including all)", "checkpoint")
    start = time.perf_counter()
    before = cpu_seconds(server.pid)
    psql(url + name, f"\\copy copied {COLUMNS} from '{path}'")
    seconds = time.perf_counter() - start
    copy = {"rate": ours["rows"] / seconds, "cpu_us": 0, "server_us": 1e6 * (cpu_seconds(server.pid) - before) / rows}
    psql(url + USER, f"drop database {name} with (force)")
    for left in pathlib.Path(folder).glob(f"{name}*"):
        left.unlink()
    return sqlite, ours, copy


def run(build, quick):
    rows, rounds = (20_000, 1) if quick else (500_000, 3)
    with tempfile.TemporaryDirectory() as folder, postgresql(folder) as (server, url):
        found = [one_round(build, rows, folder, f"round{i}", server, url) for i in range(rounds)]
    sqlite, ours, copy = (list(each) for each in zip(*found, strict=True))
    names = {"SQLite": sqlite, "PostgreSQL, by way of the spool": ours, "psql \\copy of the same rows": copy}
    table(f"Telemetry: {number(rows)} rows of 5 to 22 numbers, median of {rounds} interleaved rounds, not pinned",
          ["into", "rows/s", "CPU µs/row of ours", "against \\copy"],
          [[name, number(median(each, "rate")), number(median(each, "cpu_us"), 1), number(ratio(each, copy, "rate"), 2)]
           for name, each in names.items()])
    return [Goal("telemetry into PostgreSQL against `\\copy` of the same rows", .5, ratio(ours, copy, "rate"))]
