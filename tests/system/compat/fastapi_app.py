"""What clients of the Python server are used to: its routes as a FastAPI application that was written for this test.

The plant is a stand-in that never gets on, as a paused one does: one batch in the mixing machines, the others wait.
Names and rules are those of the Python server's documentation; `POST /_empty` is for the test.
"""

import asyncio
import datetime
import os
from typing import Any, Dict, Optional

from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field, root_validator

from machines import LABELS, LAYOUT, MAY_BE_ABSENT, OPTIONAL, STAGES, TABLES

QUEUE_LIMIT = int(os.environ["QUEUE_LIMIT"])
RESET_SECONDS = 5

class Wrong(ValueError):
    pass


def check_ranges(values):
    for name, value in values.items():
        if value is None and name in OPTIONAL:
            continue
        if name == "temperature":
            if not -73.15 <= value <= 326.85:
                raise Wrong(f"{name} is out of range")
        elif value < 0 or (value == 0 and name not in ("initial_voltage", "tapering_steps", "D_surface_max", "k_leak")):
            raise Wrong(f"{name} must be positive")
    if "AM_ratio" in values and abs(sum(values.values()) - 1) > 1e-6:
        raise Wrong("ratios must sum to 1")


class Plant:
    def __init__(self):
        self.machines = {line: {name: dict(values) for name, values in machines.items()}
                         for line, machines in LAYOUT.items()}
        self.accepted = 0
        self.running = []
        self.queue = []

    def add_batch(self):
        if not self.running:
            place = self.running
        elif len(self.queue) < QUEUE_LIMIT:
            place = self.queue
        else:
            raise Wrong("too many batches wait")
        self.accepted += 1
        place.append(str(self.accepted))
        return str(self.accepted)

    def machine(self, line, name):
        if name not in self.machines.get(line, {}):
            raise Wrong(f"there is no {name} on the line {line}")
        is_on = name == "mixing" and bool(self.running)
        status = {"timestamp": datetime.datetime.now().isoformat(), "process": f"{name}_{line}",
                  "state": "On" if is_on else "Off", "machine_parameters": dict(self.machines[line][name]),
                  "process_specifics": None}
        if is_on:
            status.update(duration=0, battery_model={"AM_volume": 0.0})
        return status

    def batch(self, identity, is_running):
        model = {"AM_volume": 0.0} if is_running else {}
        return {"batch_id": identity, "current_anode_line_model": model, "current_cathode_line_model": model,
                "current_cell_line_model": None}


plant = Plant()
app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"], allow_headers=["*"])


@app.post("/_empty")
async def empty():
    global plant
    plant = Plant()


def success(message, **more):
    return {"success": True, "message": message, **more}


def problem(message, code, **more):
    return {"success": False, "message": str(message), "error_code": code, **more}


def refused(message, code, **more):
    return HTTPException(400, problem(message, code, **more))


# The README's routes, with models as FastAPI's documentation recommends them.


class Ratios(BaseModel):
    AM: float = Field(gt=0)
    CA: float = Field(gt=0)
    PVDF: float = Field(gt=0)
    solvent: float = Field(gt=0)

    @root_validator(skip_on_failure=True)
    def sums_to_one(cls, values):
        if abs(sum(values.values()) - 1) > 1e-6:
            raise ValueError("ratios must sum to 1")
        return values


class Simulation(BaseModel):
    anode: Ratios
    cathode: Ratios


class MixingParams(BaseModel):
    material_ratios: Ratios


class CoatingParams(BaseModel):
    coating_speed: Optional[float] = Field(None, gt=0)
    gap_height: Optional[float] = Field(None, gt=0)
    flow_rate: Optional[float] = Field(None, gt=0)
    coating_width: Optional[float] = Field(None, gt=0)


class BatchRequest(BaseModel):
    id: Optional[str] = None
    anode_mixing_params: Optional[MixingParams] = None
    cathode_mixing_params: Optional[MixingParams] = None
    anode_coating_params: Optional[CoatingParams] = None
    cathode_coating_params: Optional[CoatingParams] = None


def started(response):
    try:
        batch_id = plant.add_batch()
    except Wrong as wrong:
        response.headers["Retry-After"] = "1"
        raise HTTPException(503, str(wrong), {"Retry-After": "1"}) from None
    return {"message": "accepted", "batch_id": batch_id, "queue_position": len(plant.queue), "seed": 1, "warnings": []}


@app.get("/")
async def root():
    return success("This is a battery plant", version="1")


@app.post("/start-simulation")
async def start_simulation(simulation: Simulation, response: Response):
    if plant.running:
        raise HTTPException(409, "A simulation is running")
    answer = started(response)
    del answer["queue_position"]
    return answer


@app.post("/factory/start")
async def factory_start(request: BatchRequest, response: Response):
    return started(response)


@app.get("/factory/logs")
async def factory_logs(limit: int = Query(100, ge=1, le=1000)):
    return {"logs": [], "count": 0}


@app.get("/health/live")
async def health_live():
    return {"status": "alive"}


# The front end's.


@app.get("/api/simulation/state")
async def state():
    machines = [plant.machine(line, name) for line in LAYOUT for name in LAYOUT[line]]
    return success("state", data={"batch_requests": [plant.batch(one, False) for one in plant.queue],
                                  "running_batches": [plant.batch(one, True) for one in plant.running],
                                  "machine_statuses": machines})


@app.get("/plant/state")
@app.get("/api/plant/state")
async def plant_state():
    return {line: {name: plant.machine(line, name) for name in LAYOUT[line]} for line in LAYOUT}


@app.post("/plant/batch")
async def plant_batch(response: Response):
    return started(response)


@app.post("/api/simulation/start")
async def start():
    try:
        return success("added", batch_id=plant.add_batch())
    except Wrong as wrong:
        raise refused(wrong, "BATCH_LIMIT") from None


class Mixing(BaseModel):
    electrode_type: Optional[str] = None


@app.post("/api/simulation/mixing/start")
async def start_mixing(request: Optional[Mixing] = None):
    try:
        data = {"batch_id": plant.add_batch(), "electrode_type": request.electrode_type if request else None}
    except Wrong as wrong:
        raise refused(wrong, "BATCH_LIMIT") from None
    return success("started", data=data)


@app.post("/reset")
@app.post("/api/simulation/reset")
async def reset():
    if plant.running:
        await asyncio.sleep(RESET_SECONDS)
    if plant.running:
        raise refused("batches are running", "RESET_TIMEOUT")
    return success("reset")


@app.get("/api/machine/{line_type}/{machine_id}/status")
async def machine_status(line_type: str, machine_id: str):
    place = {"line_type": line_type, "machine_id": machine_id}
    try:
        return success("status", **place, data=plant.machine(line_type, machine_id))
    except Wrong as wrong:
        raise refused(wrong, "MACHINE_NOT_FOUND", **place) from None


@app.patch("/api/machine/{line_type}/{machine_id}/parameters")
async def machine_parameters(line_type: str, machine_id: str, parameters: Dict[str, Any]):
    place = {"line_type": line_type, "machine_id": machine_id}
    try:
        current = plant.machine(line_type, machine_id)["machine_parameters"]
    except Wrong as wrong:
        raise refused(wrong, "MACHINE_NOT_FOUND", **place) from None
    missing = [name for name in current if name not in parameters and name not in MAY_BE_ABSENT]
    unknown = [name for name in parameters if name not in current]
    mistyped = [name for name, value in parameters.items()
                if not (type(value) in (int, float) or (value is None and name in OPTIONAL))]
    if missing or unknown or mistyped:
        raise refused("wrong fields", "MACHINE_PARAMETER_TYPE_ERROR", **place)
    values = {**current, **parameters}
    try:
        check_ranges(values)
    except Wrong as wrong:
        raise refused(wrong, "MACHINE_PARAMETER_VALIDATION_ERROR", **place) from None
    plant.machines[line_type][machine_id] = values
    return success("set", **place)


class NoNumber(Wrong):
    pass


def read_form(form):
    """Line, machine, what is given by field, and the machine's parameters with that."""
    stage = form.get("stage")
    if not isinstance(stage, str) or stage not in STAGES:
        raise Wrong("unknown stage")
    line, name = STAGES[stage]
    if name == "mixing":
        labels = {f"{line.title()} {word}": f"{word.lower() if word == 'Solvent' else word}_ratio"
                  for word in ("PVDF", "CA", "AM", "Solvent")}
    else:
        labels = LABELS[name]
    parameters = form.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise Wrong("parameters is no object")
    given = {}
    for label, value in parameters.items():
        if label not in labels or value is None or (isinstance(value, str) and not value.strip()):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise NoNumber(f"{label} is no number")
        try:
            given[labels[label]] = float(value)
        except ValueError:
            raise NoNumber(f"{label} is no number") from None
    values = {**plant.machines[line][name], **given}
    check_ranges(values)
    return line, name, given, values


@app.post("/api/parameters/validate")
async def validate(form: Dict[str, Any]):
    try:
        line, name, _, _ = read_form(form)
    except Wrong as wrong:
        return problem(wrong, "VALIDATION_FAILED", errors=str(wrong))
    return success("valid", data={"valid": True, "line_type": line, "machine_id": name})


@app.post("/api/parameters/update")
async def update(form: Dict[str, Any]):
    if not form.get("stage"):
        raise refused("a stage is required", "MISSING_STAGE")
    try:
        line, name, given, values = read_form(form)
    except NoNumber as wrong:
        raise refused(wrong, "PARAMETER_VALUE_ERROR") from None
    except Wrong as wrong:
        raise refused(wrong, "VALIDATION_FAILED", errors=str(wrong)) from None
    plant.machines[line][name] = values
    return success("updated", data={"stage": form["stage"], "line_type": line, "machine_id": name,
                                    "updated_parameters": list(given)})


@app.get("/api/parameters/current/{stage}")
async def current(stage: str):
    if stage not in STAGES:
        raise refused("unknown stage", "INVALID_STAGE")
    line, name = STAGES[stage]
    status = plant.machine(line, name)
    return success("current", data={"stage": stage, "line_type": line, "machine_id": name,
                                    "parameters": status["machine_parameters"], "status": status})


@app.get("/api/db/{table}")
async def table(table: str):
    if table not in TABLES:
        return {"error": "unknown table"}
    return {"message": "no rows", "data": []}
