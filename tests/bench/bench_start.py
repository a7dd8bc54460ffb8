"""From exec to the first answer."""

import pathlib
import statistics
import subprocess
import tempfile
import time

import peers
from measuring import answers, free_port, running
from peers import HEALTH
from tables import Goal, number, table

STARTS = 10
POLL = 0.0005  # seconds


def time_to_ready(command, port, path, **options):
    begin = time.perf_counter()
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options):
        while not answers(port, path):
            if time.perf_counter() - begin > 60:
                raise TimeoutError(f"{command} does not answer")
            time.sleep(POLL)
        return 1000 * (time.perf_counter() - begin)


def run(build, quick):
    starts = 3 if quick else STARTS
    times = {"battery-twin": [], "nginx": [], "FastAPI under uvicorn": []}
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder) / "plant.json"
        with peers.ours(build) as server:
            found = peers.recorded(server.port, (HEALTH,))
            peers.plant_state(server.port, state)
        for _ in range(starts):
            port = free_port()
            times["battery-twin"].append(time_to_ready(
                [str(word) for word in peers.our_command(build, port, *peers.QUIET)], port, "/health/live", cwd=folder))
            port = free_port()
            config = pathlib.Path(folder) / "nginx.conf"
            config.write_text(peers.nginx_config(port, folder, found, {}), encoding="utf-8")
            times["nginx"].append(time_to_ready(peers.nginx_command(config, folder), port, HEALTH))
            port = free_port()
            times["FastAPI under uvicorn"].append(time_to_ready(
                peers.fastapi_command(port), port, HEALTH, env=peers.fastapi_environment(state)))
    table(f"From start to the first answer: {starts} starts, not pinned",
          ["server", "median, ms", "slowest, ms"],
          [[name, number(statistics.median(found), 1), number(max(found), 1)] for name, found in times.items()])
    return [Goal("start to ready, ms", 50, statistics.median(times["battery-twin"]), at_most=True, digits=1)]
