"""`battery-twin simulate`: studies on one and on two threads."""

import statistics
import subprocess
import tempfile
import time

from tables import Goal, number, table

ROUNDS = 3
CELLS = 296  # of a batch of the default recipe
PYTHON_BATCHES = 50.0  # a second, of the Python engine with all its pauses removed; it is not part of this repository
CELLS_STUDY = "mechanistic, a report"
REFERENCE_STUDY = "reference, a report"


def studies(folder):
    """Name, options, batches, what is counted, how many of it in a batch."""
    rows = ["--output", f"{folder}/rows.csv"]
    return [
        (CELLS_STUDY, [], 4_000, "cells", CELLS),
        ("the same in the paced plant's steps", ["--stepping", "literal"], 250, "cells", CELLS),
        ("mechanistic, nominal cells only, a report", ["--cells", "1"], 500_000, "batches", 1),
        ("mechanistic, nominal cells only, 20 columns of CSV", ["--cells", "1", *rows], 500_000, "rows", 1),
        ("mechanistic, a row of CSV per cell", ["--per-cell", *rows], 1_000, "rows", CELLS),
        (REFERENCE_STUDY, ["--models", "reference"], 40_000, "batches", 1),
    ]


def seconds_of(build, batches, threads, options):
    start = time.perf_counter()
    subprocess.run([build / "battery-twin", "simulate", "--batches", str(batches), "--noise", "on", "--seed", "1",
                    "--threads", str(threads), *options], capture_output=True, check=True)
    return time.perf_counter() - start


def run(build, quick):
    rounds, share = (1, 10) if quick else (ROUNDS, 1)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        plan = studies(folder)
        # The studies in turn, so that the machine's moods meet all of them.
        for _ in range(rounds):
            for name, options, batches, _, each in plan:
                for threads in (1, 2):
                    rate = batches // share * each / seconds_of(build, batches // share, threads, options)
                    found.setdefault((name, threads), []).append(rate)
    one = {name: statistics.median(found[name, 1]) for name, *_ in plan}
    two = {name: statistics.median(found[name, 2]) for name, *_ in plan}
    gain = {name: statistics.median(b / a for a, b in zip(found[name, 1], found[name, 2])) for name, *_ in plan}
    table("`battery-twin simulate --noise on --seed 1`",
          ["study", "counted", "per second, one thread", "two threads", "two against one"],
          [[name, counted, number(one[name]), number(two[name]), number(gain[name], 2)]
           for name, _, _, counted, _ in plan], words=2)
    return [Goal("simulate: cells/s on two cores", 1_000_000, two[CELLS_STUDY], digits=0),
            Goal("simulate: the second core's gain", 1.9, gain[CELLS_STUDY]),
            Goal(f"simulate, reference models: one core against the Python engine's {PYTHON_BATCHES:.0f} batches/s",
                 1000, one[REFERENCE_STUDY] / PYTHON_BATCHES, digits=0)]
