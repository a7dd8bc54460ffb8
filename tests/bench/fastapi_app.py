"""What the server is compared with: the same routes with the same documents, as a FastAPI application gives them.

Run by peers.py under uvicorn. The plant is what PLANT_STATE names: a JSON file with documents that battery-twin gave.
As in the Python server a route puts its document together out of the plant's state for each request, and returns a
dict, out of which FastAPI makes a JSONResponse.
"""

import datetime
import json
import os
import pathlib
import time

from fastapi import FastAPI, HTTPException

app = FastAPI()
started = time.monotonic()
plant = json.loads(pathlib.Path(os.environ["PLANT_STATE"]).read_text(encoding="utf-8"))


def uptime():
    return round(time.monotonic() - started, 3)


@app.get("/health")
async def health():
    state = plant["health"]
    return {
        "status": state["status"],
        "version": state["version"],
        "uptime_s": uptime(),
        "simulation": dict(state["simulation"]),
        "database": dict(state["database"]),
        "websocket_clients": state["websocket_clients"],
    }


@app.get("/machine/{line_type}/{machine_id}/status")
async def machine_status(line_type: str, machine_id: str):
    machine = plant["machines"].get(f"{machine_id}_{line_type}")
    if machine is None:
        raise HTTPException(404, f"{machine_id} on line {line_type} not found")
    document = {"timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat()}
    for name, value in machine.items():
        if name != "timestamp":
            document[name] = dict(value) if isinstance(value, dict) else value
    return document


@app.get("/factory/status")
async def plant_state():
    state = plant["factory"]
    lines = {line: {name: dict(machine) for name, machine in machines.items()}
             for line, machines in state["lines"].items()}
    return {**state, "lines": lines, "uptime_s": uptime()}
