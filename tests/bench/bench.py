#!/usr/bin/env python3
"""Measures battery-twin beside what it is compared with, and prints tables in Markdown and the goals at the end.

`make bench` runs it; docs/performance.md says what the tables mean.

  simulate      bench_simulate.py       studies on one and on two threads
  http          bench_http.py           GET against a bare epoll loop, nginx and FastAPI; pipelined; access log on
  instructions  bench_instructions.py   user instructions per request, by callgrind
  websocket     bench_websocket.py      events to 1, 100 and 1000 clients, against bare loops
  memory        bench_memory.py         resident memory, also per idle client
  start         bench_start.py          from start to the first answer
  store         bench_store.py          telemetry into SQLite and PostgreSQL, beside psql's \\copy

measuring.py has processes and their figures, peers.py starts the servers, tables.py prints. In C++: responder.cpp and
ws_bare.cpp are the bare loops, ws_load.cpp is the WebSocket clients, store_load.cpp a plant that tells a store. wrk.lua is wrk's script.
"""

import argparse
import os
import pathlib
import shutil
import sys
import time

import bench_http
import bench_instructions
import bench_memory
import bench_simulate
import bench_start
import bench_store
import bench_websocket
import peers
from measuring import CORES
from tables import goal_table

PARTS = {
    "simulate": bench_simulate,
    "http": bench_http,
    "instructions": bench_instructions,
    "websocket": bench_websocket,
    "memory": bench_memory,
    "start": bench_start,
    "store": bench_store,
}
QUIET = 0.5  # load average above which others are at work


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="build directory, made with -DBATTERY_TWIN_BENCH=ON")
    parser.add_argument("--only", metavar="PART,…", default=",".join(PARTS), help="some parts, separated by commas")
    parser.add_argument("--quick", action="store_true",
                        help="one short round of everything: shows that it works, the figures mean little")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.parts = options.only.split(",")
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    return options


def check_tools(build):
    for program in ("battery-twin", *(f"tests/bench/bench_{tool}" for tool in ("responder", "store", "ws_bare", "ws_load"))):
        if not (build / program).exists():
            sys.exit(f"{build / program} is missing: cmake --preset release -DBATTERY_TWIN_BENCH=ON, then build")
    for program in ("wrk", peers.NGINX, peers.PYTHON):
        if not shutil.which(program):
            sys.exit(f"{program} is missing: config/install-packages.sh bench")


def main():
    options = arguments()
    check_tools(options.build)
    load = os.getloadavg()[0]
    print(f"{CORES} cores, load average before the run {load:.2f}", flush=True)
    if load > QUIET:
        print(f"\nNote: that is above {QUIET}. Others are at work on this machine, and the figures suffer from it.")
    if options.quick:
        print("\nNote: a quick run. The figures mean little.")
    start = time.monotonic()
    goals = []
    for name in options.parts:
        goals += PARTS[name].run(options.build, options.quick)
    goal_table(goals)
    print(f"\nTook {time.monotonic() - start:.0f} s.")


if __name__ == "__main__":
    main()
