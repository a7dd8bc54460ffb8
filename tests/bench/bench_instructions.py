"""User instructions per request, counted by callgrind: free of the machine's noise.

Two servers answer a different number of requests; the difference is the requests' own. All that runs beside, as the
server's clock does, is in it, and is less than a hundredth.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile

import peers
from measuring import Client, free_port, running, wait_for_answer
from peers import HEALTH, STATUS
from tables import Goal, number, table

FEW, MANY, MANY_QUICK = 200, 2200, 700


def instructions(build, path, requests):
    """Of a whole server that has answered so many requests of one connection."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                   *peers.our_command(build, port, *peers.QUIET)]
        with running(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_for_answer(process, port, "/health/live")
            peers.put_to_rest(port)
            with Client(port) as client:
                for _ in range(requests):
                    client.get(path)
        return int(re.search(r"^summary: (\d+)", out.read_text(encoding="utf-8"), re.MULTILINE).group(1))


def run(build, quick):
    many = MANY_QUICK if quick else MANY
    if not shutil.which("valgrind"):
        print("\nUser instructions: not counted, valgrind is missing.")
        return [Goal(f"`GET {path}`: user instructions/request", 4500, None, at_most=True, digits=0)
                for path in (HEALTH, STATUS)]
    found = {path: (instructions(build, path, many) - instructions(build, path, FEW)) / (many - FEW)
             for path in (HEALTH, STATUS)}
    table(f"User instructions per request: callgrind, {many} requests less {FEW}", ["route", "instructions/request"],
          [[f"`GET {path}`", number(count)] for path, count in found.items()])
    return [Goal(f"`GET {path}`: user instructions/request", 4500, count, at_most=True, digits=0)
            for path, count in found.items()]
