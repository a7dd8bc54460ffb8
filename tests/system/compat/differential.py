#!/usr/bin/env python3
"""The same requests to battery-twin and to a live FastAPI application (fastapi_app.py): status, the headers that matter
and the shape of the body are the same, or the difference has a name.

usage: differential.py SERVER [--list]
BATTERY_TWIN_TEST_BINARY names another build, one with sanitizers for example.

DIFFERENCES is the table of names; docs/differences.md has a row for each. A request that differs without one fails the
test, and so does a name that no request needs. --list prints what each name was needed for. Ends with 77 where Debian's
FastAPI is missing.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from machines import LAYOUT

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parents[2] / "docs" / "differences.md"
PYTHON = "/usr/bin/python3"  # the one that Debian's packages of FastAPI are for
SKIPPED = 77
QUEUE_LIMIT = 3
PATIENCE = 60  # seconds
JSON = "application/json"
OURS, THEIRS = "battery-twin", "FastAPI"


@dataclass
class Request:
    method: str
    path: str
    body: object = None  # a text as it is, or a document
    headers: dict = field(default_factory=dict)
    kind: str = ""

    def __post_init__(self):
        if self.body is not None:
            if not isinstance(self.body, (str, bytes)):
                self.body = json.dumps(self.body)
            if isinstance(self.body, str):
                self.body = self.body.encode()
            self.headers.setdefault("Content-Type", JSON)
        self.headers = {name: value for name, value in self.headers.items() if value is not None}

    @property
    def route(self):
        return self.path.split("?")[0]

    @property
    def is_native(self):
        """Of the README, and not of the front end."""
        return not self.route.startswith(("/api/", "/reset", "/plant/"))

    def __str__(self):
        more = "".join(f" {name}={value}" for name, value in self.headers.items() if value != JSON)
        return f"{self.method} {self.path}{more} {(self.body or b'')[:120].decode(errors='replace')}"


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def document(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Server:
    """A process that listens on a port of its own, and a connection to it."""

    def __init__(self, name, command, port, **options):
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        **{"stderr": subprocess.DEVNULL, **options})
        self.connection = None
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if self.ask(Request("GET", "/health/live")).status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.end()
                sys.exit(f"{name} does not start")
            time.sleep(0.05)

    def ask(self, request):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            self.connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            headers = {"Host": f"127.0.0.1:{self.port}", **request.headers}
            if request.body is not None:
                headers["Content-Length"] = str(len(request.body))
            elif request.method in ("POST", "PATCH", "PUT"):
                headers["Content-Length"] = "0"
            for name, value in headers.items():
                self.connection.putheader(name, value)
            self.connection.endheaders(request.body)
            response = self.connection.getresponse()
            answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()},
                            response.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def end(self):
        self.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.process.returncode


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# What is compared.

# Properties, which are the models' own, and events, which the stand-in has none of.
OPAQUE = ("battery_model", "current_anode_line_model", "current_cathode_line_model", "logs")


def shape(value, name=""):
    """The names and types in a document."""
    if name in OPAQUE and isinstance(value, (dict, list)):
        return type(value).__name__
    if isinstance(value, dict):
        return {key: shape(inner, key) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        if name == "loc":
            return "list"
        return [shape(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return str(value)
    return "number" if isinstance(value, (int, float)) else "text"


def aspects(request, answer):
    """All of an answer that has to be the same."""
    headers = answer.headers
    found = {"status": answer.status,
             "type": headers.get("content-type", "").split(";")[0],
             "date and server": "date" in headers and "server" in headers,
             "request id": "x-request-id" in headers,
             "retry": headers.get("retry-after"),
             "location": headers.get("location"),
             "allow": ", ".join(sorted(re.split(r",\s*", headers.get("allow", ""))))}
    for name in ("origin", "methods", "headers", "credentials"):
        found[f"CORS {name}"] = headers.get(f"access-control-allow-{name}")
    if request.method == "HEAD":
        found["body"] = answer.body
        return found
    document = answer.document()
    if document is None:
        found["body"] = "text" if answer.body else ""
    elif request.route in ("/openapi.json",):
        found["body"] = "a document"
    else:
        found["body"] = shape(document)
    if isinstance(document, dict):
        detail = document.get("detail", document)
        found["code"] = detail.get("error_code") if isinstance(detail, dict) else None
    return found


# Differences with a name. A function gets the request and what was found of both answers, and says of which aspects the
# name explains that they differ. The names stand in docs/differences.md in this order.

DIFFERENCES = {}


def difference(name):
    def take(explains):
        DIFFERENCES[name] = explains
        return explains
    return take


ERROR = {"status", "type", "body", "code"}  # of an answer that is another one
KNOWN = ("http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080")


def statuses(theirs, ours):
    return theirs["status"], ours["status"]


def is_preflight(request):
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def is_foreign(request):
    return request.headers.get("Origin", KNOWN[0]) not in KNOWN


@difference("`X-Request-ID`")
def _(request, theirs, ours):
    return {"request id"} if ours["request id"] and not theirs["request id"] else set()


@difference("`HEAD` of every `GET` route")
def _(request, theirs, ours):
    return {"status", "type", "allow"} if request.method == "HEAD" and statuses(theirs, ours) == (405, 200) else set()


@difference("`OPTIONS` is answered")
def _(request, theirs, ours):
    is_asked = request.method == "OPTIONS" and not is_preflight(request)
    return {"status", "type", "body", "allow"} if is_asked and statuses(theirs, ours) == (405, 204) else set()


@difference("`Allow` has every method")
def _(request, theirs, ours):
    named = set(theirs["allow"].split(", "))
    return {"allow"} if statuses(theirs, ours) == (405, 405) and named < set(ours["allow"].split(", ")) else set()


@difference("relative `Location`")
def _(request, theirs, ours):
    return {"location"} if statuses(theirs, ours) == (307, 307) and theirs["location"].endswith(ours["location"]) else set()


@difference("400 for 422")
def _(request, theirs, ours):
    return {"status", "body"} if request.is_native and statuses(theirs, ours) == (422, 400) else set()


@difference("an empty list is no object")
def _(request, theirs, ours):
    refused = 400 if request.is_native else 422
    return ERROR if request.kind == "empty list" and theirs["status"] != 422 and ours["status"] == refused else set()


@difference("unknown fields are refused")
def _(request, theirs, ours):
    is_unknown = request.kind == "unknown field" and request.is_native
    return ERROR if is_unknown and statuses(theirs, ours) == (200, 400) else set()


@difference("no conversion of types")
def _(request, theirs, ours):
    refused = 400 if request.is_native else 422
    return ERROR if request.kind == "other type" and statuses(theirs, ours) == (200, refused) else set()


@difference("strict JSON")
def _(request, theirs, ours):
    refused = 400 if request.is_native else 422
    return ERROR if request.kind == "lax JSON" and theirs["status"] != ours["status"] == refused else set()


@difference("errors do not repeat the body")
def _(request, theirs, ours):
    both = statuses(theirs, ours) == (422, 422)
    return {"body"} if both and request.kind in ("no JSON", "lax JSON") and "ctx" in theirs["body"]["detail"][0] else set()


@difference("415: the body is not declared as JSON")
def _(request, theirs, ours):
    is_other = not re.match(r"application/(\w+\+)?json\b", request.headers.get("Content-Type", ""), re.IGNORECASE)
    return ERROR if is_other and ours["status"] == 415 and theirs["status"] in (200, 422) else set()


@difference("415: the body is encoded")
def _(request, theirs, ours):
    return ERROR if "Content-Encoding" in request.headers and ours["status"] == 415 else set()


@difference("413: the body is large")
def _(request, theirs, ours):
    return ERROR if ours["status"] == 413 and len(request.body) > 2**20 else set()


@difference("CORS for known origins only")
def _(request, theirs, ours):
    names = {"CORS origin", "CORS credentials", "CORS methods", "CORS headers"}
    return names if is_foreign(request) and not any(ours[name] for name in names) else set()


@difference("CORS without credentials")
def _(request, theirs, ours):
    origin = request.headers.get("Origin")
    is_so = origin in KNOWN and ours["CORS origin"] == origin and ours["CORS credentials"] is None
    return {"CORS origin", "CORS credentials"} if is_so else set()


@difference("a preflight is answered with 204 and the path's methods")
def _(request, theirs, ours):
    if not is_preflight(request) or statuses(theirs, ours) != (200, 204):
        return set()
    is_named = is_foreign(request) or ", ".join(sorted(re.split(r",\s*", ours["CORS methods"]))) == ours["allow"]
    return {"status", "type", "body", "allow", "CORS methods"} if is_named else set()


@difference("a preflight of an unknown path is 404")
def _(request, theirs, ours):
    if not is_preflight(request) or statuses(theirs, ours) != (200, 404):
        return set()
    return {"status", "type", "body", "CORS methods"}


@difference("a page is no proxy")
def _(request, theirs, ours):
    asked = request.headers.get("Access-Control-Request-Headers") or ""
    left = ", ".join(name for name in asked.split(", ") if not name.startswith("x-forwarded-"))
    return {"CORS headers"} if left != asked == theirs["CORS headers"] and ours["CORS headers"] == left else set()


@difference("403: a foreign origin may change nothing")
def _(request, theirs, ours):
    is_change = request.method in ("POST", "PATCH", "DELETE")
    return ERROR | {"allow"} if is_change and is_foreign(request) and ours["status"] == 403 else set()


@difference("421: the `Host` is foreign")
def _(request, theirs, ours):
    return ERROR if ours["status"] == 421 and "Host" in request.headers else set()


@difference("no `/redoc`")
def _(request, theirs, ours):
    return {"status", "type", "body", "allow"} if request.path == "/redoc" and ours["status"] == 404 else set()


@difference("RFC 9457 on request")
def _(request, theirs, ours):
    is_asked = request.headers.get("Accept") == ours["type"] == "application/problem+json"
    return {"type", "body", "code"} if is_asked and theirs["status"] == ours["status"] else set()


# The requests.

READERS = {  # routes with a good body
    ("POST", "/start-simulation"): {line: {"AM": 0.5, "CA": 0.03, "PVDF": 0.02, "solvent": 0.45}
                                    for line in ("anode", "cathode")},
    ("POST", "/factory/start"): {"anode_coating_params": {"gap_height": 2e-4}},
    ("PATCH", "/api/machine/anode/mixing/parameters"): {"AM_ratio": 0.5, "CA_ratio": 0.03, "PVDF_ratio": 0.02,
                                                        "solvent_ratio": 0.45},
    ("POST", "/api/parameters/validate"): {"stage": "Anode Coating", "parameters": {"Coating Speed": "0.1"}},
    ("POST", "/api/parameters/update"): {"stage": "Aging", "parameters": {"Temperature": 25, "Aging Days": "10"}},
    ("POST", "/api/simulation/mixing/start"): {"electrode_type": "Anode"},
}
GETS = ["/", "/health/live", "/factory/logs", "/openapi.json", "/docs", "/api/simulation/state", "/plant/state",
        "/api/plant/state", "/api/machine/anode/mixing/status", "/api/machine/cell/aging/status",
        "/api/parameters/current/Anode%20Mixing", "/api/parameters/current/Electrolyte%20Filling",
        "/api/db/anode_mixing", "/api/db/formation_cycling"]
POSTS = ["/api/simulation/start", "/plant/batch", "/reset", "/api/simulation/reset"]
ROUTES = [("GET", path) for path in GETS] + [("POST", path) for path in POSTS] + list(READERS)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def good():
    for method, path in ROUTES:
        yield Request(method, path, READERS.get((method, path)))


def methods():
    for _, path in ROUTES:
        for method in METHODS:
            yield Request(method, path, kind="method")


def slashes():
    for method, path in ROUTES:
        if path != "/":
            yield Request(method, path + "/", READERS.get((method, path)))
            yield Request(method, path + "/?a=1&b=%20", READERS.get((method, path)))


def odd_paths():
    for path in ("/nothing", "/api", "/api/", "/api/db", "/api/db/", "//api/simulation/state", "/api//simulation/state",
                 "/api/simulation/state/x", "/API/simulation/state", "/api/simulation/%73tate",
                 "/api/simulation/state%2F", "/api/db/anode%2Fmixing", "/api/db/none", "/api/db/ANODE_MIXING",
                 "/api/db/%F0%9F%94%8B", "/api/db/mixing_anode", "/api/machine/anode//status", "/api/machine/anode/status",
                 "/api/machine/anode/none/status", "/api/machine/none/mixing/status", "/api/machine/cell/mixing/status",
                 "/api/machine/ANODE/mixing/status", "/api/machine/a%20b/%22/status", "/api/machine/anode/mixing/status?x=1",
                 "/api/parameters/current", "/api/parameters/current/", "/api/parameters/current/x",
                 "/api/parameters/current/Anode+Mixing", "/api/parameters/current/anode%20mixing",
                 "/api/parameters/current/Aging%20", "/api/parameters/current/Anode%2520Mixing", "/plant", "/plant/",
                 "/plant/state/x", "/reset/x", "/redoc", "/docs/x", "/factory/logs?limit=0", "/factory/logs?limit=1001",
                 "/factory/logs?limit=x", "/factory/logs?limit=", "/factory/logs?limit=5", "/factory/logs?other=5"):
        yield Request("GET", path)
        yield Request("POST", path)


def bodies():
    """Good and bad ones."""
    for (method, path), document in READERS.items():
        for body in ("", "null", "1", '"text"', "true", "[{}]"):
            yield Request(method, path, body)
        yield Request(method, path, [], kind="empty list")
        for body in ("{", "}", "{'a': 1}", '{"a": 1,}', '{"a": 01}', "{} {}", "undefined"):
            yield Request(method, path, body, kind="no JSON")
        text = json.dumps(document)
        for body in (text[:-1] + ', "x": NaN}', text[:-1] + ', "x": 1e999}', text[:-1] + ', "y": 1, "y": 1}',
                     '{"x": ' + "[" * 70 + "]" * 70 + "}", '{"x": "\\ud800"}'):
            yield Request(method, path, body, kind="lax JSON")
        yield Request(method, path, {**document, "unknown": 1}, kind="unknown field")
        yield Request(method, path, {})
    ratios = READERS["POST", "/start-simulation"]["anode"]
    for other, kind in (({"AM": -0.5}, ""), ({"AM": 0}, ""), ({"AM": 0.6}, ""), ({"AM": "0.5"}, "other type"),
                        ({"AM": "x"}, ""), ({"AM": None}, ""), ({"AM": [0.5]}, ""), ({"AM": {}}, "")):
        yield Request("POST", "/start-simulation", {"anode": {**ratios, **other}, "cathode": ratios}, kind=kind)
        yield Request("POST", "/factory/start", {"anode_mixing_params": {"material_ratios": {**ratios, **other}}},
                      kind=kind)
    for name in ratios:
        yield Request("POST", "/start-simulation",
                      {"anode": {key: value for key, value in ratios.items() if key != name}, "cathode": ratios})
    yield Request("POST", "/start-simulation", {"anode": ratios})
    for group in ({"gap_height": -1}, {"gap_height": 0}, {"gap_height": "x"}, {}):
        yield Request("POST", "/factory/start", {"anode_coating_params": group})
    yield Request("POST", "/factory/start", {"anode_coating_params": []}, kind="empty list")
    yield Request("POST", "/factory/start", {"anode_coating_params": {"gap_height": "2e-4"}}, kind="other type")
    yield Request("POST", "/factory/start", {"anode_coating_params": {"gap_heigth": 2e-4}}, kind="unknown field")


def parameters():
    """Of every machine: as it is, without each field, with a wrong one."""
    for line, machines in LAYOUT.items():
        for machine, whole in machines.items():
            path = f"/api/machine/{line}/{machine}/parameters"
            yield Request("PATCH", path, whole)
            for name in whole:
                yield Request("PATCH", path, {key: value for key, value in whole.items() if key != name})
                for wrong in ("0.5", None, True, -1000):
                    yield Request("PATCH", path, {**whole, name: wrong})
            yield Request("PATCH", path, {**whole, "unknown": 1})
    yield Request("PATCH", "/api/machine/anode/none/parameters", {})
    yield Request("PATCH", "/api/machine/none/mixing/parameters", {})
    yield Request("PATCH", "/api/machine/none/mixing/parameters", "[]", kind="empty list")
    yield Request("PATCH", "/api/machine/none/mixing/parameters", "[1]")


def forms():
    stages = ["Anode Mixing", "Cathode Coating", "Aging", "Rewinding"]
    for path in ("/api/parameters/validate", "/api/parameters/update"):
        for form in ({"stage": None}, {"stage": ""}, {"stage": "x"}, {"stage": 1}, {"stage": ["Aging"]},
                     {"parameters": {}}, *({"stage": stage} for stage in stages),
                     *({"stage": stage, "parameters": {"Other": "x"}} for stage in stages),
                     {"stage": "Aging", "parameters": None}, {"stage": "Aging", "parameters": {}},
                     {"stage": "Aging", "parameters": [1]}, {"stage": "Aging", "parameters": "x"},
                     *({"stage": "Aging", "parameters": {"Aging Days": value}}
                       for value in (10, "10", " 10 ", "+10", "1e1", "", "  ", None, "x", "10 days", True, [10], {}, -1,
                                     "-1", 0)),
                     *({"stage": "Aging", "parameters": {"Temperature": value}} for value in (25, "-300", 999, -73.15)),
                     {"stage": "Cathode Coating", "parameters": {"Gap Height": "2e-4", "Flow Rate": 5e-6}},
                     {"stage": "Anode Mixing", "parameters": {"Anode AM": "0.9"}},
                     {"stage": "Anode Mixing", "parameters": {"Cathode AM": "0.9"}},
                     {"stage": "Anode Mixing", "parameters": {"Anode PVDF": "0.02", "Anode CA": "0.03", "Anode AM": 0.5,
                                                              "Anode Solvent": "0.45"}}):
            yield Request("POST", path, form)
    for electrode, kind in ((None, ""), ("Cathode", ""), ("", ""), (1, "other type"), ([], ""), ({}, "")):
        yield Request("POST", "/api/simulation/mixing/start", {"electrode_type": electrode}, kind=kind)


def content_types():
    for (method, path), document in READERS.items():
        for content_type in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                             "application/json; charset=utf-8", "APPLICATION/JSON", "application/geo+json", "json", ""):
            yield Request(method, path, document, {"Content-Type": content_type})
        yield Request(method, path, document, {"Content-Encoding": "gzip"})
        yield Request(method, path, '{"a": "' + "x" * 2**20 + '"}')
    for path in POSTS[:2]:
        for content_type in (None, "text/plain", JSON):
            yield Request("POST", path, "no JSON", {"Content-Type": content_type})
            yield Request("POST", path, None, {"Content-Type": content_type})


def origins():
    some = [("GET", "/"), ("GET", "/api/simulation/state"), ("GET", "/api/db/none"), ("POST", "/api/simulation/start"),
            ("POST", "/api/parameters/update"), ("PATCH", "/api/machine/anode/mixing/parameters"), ("DELETE", "/reset"),
            ("GET", "/nothing")]
    for origin in (*KNOWN, "https://elsewhere.example", "null"):
        for method, path in some:
            yield Request(method, path, READERS.get((method, path)), {"Origin": origin})
            for fields in (None, "content-type", "authorization, cache-control, if-none-match, x-requested-with",
                           "content-type, x-forwarded-for"):
                yield Request("OPTIONS", path,
                              headers={"Origin": origin, "Access-Control-Request-Method": method,
                                       "Access-Control-Request-Headers": fields})
        yield Request("OPTIONS", "/api/simulation/state", headers={"Origin": origin})


def others():
    for path in ("/api/simulation/state", "/nothing"):
        yield Request("GET", path, headers={"Host": "elsewhere.example"})
    for path in ("/api/machine/anode/none/status", "/nothing", "/api/parameters/current/x", "/api/simulation/state"):
        yield Request("GET", path, headers={"Accept": "application/problem+json"})
    for accept in ("*/*", "text/plain", "application/json"):
        yield Request("GET", "/api/simulation/state", headers={"Accept": accept})


def limits():
    """The queue runs full."""
    for _ in range(QUEUE_LIMIT + 1):
        yield Request("POST", "/api/simulation/start")
        yield Request("GET", "/api/simulation/state")
        yield Request("GET", "/api/plant/state")
    yield Request("POST", "/api/simulation/start")
    yield Request("POST", "/api/simulation/mixing/start")
    yield Request("POST", "/plant/batch")
    yield Request("POST", "/start-simulation", READERS["POST", "/start-simulation"])
    yield Request("POST", "/reset")
    yield Request("GET", "/api/simulation/state")


GROUPS = {"good": good, "methods": methods, "slashes": slashes, "odd paths": odd_paths, "bodies": bodies,
          "parameters": parameters, "forms": forms, "content types": content_types, "origins": origins, "others": others}


class Comparison:
    def __init__(self, ours, theirs):
        self.servers = {OURS: ours, THEIRS: theirs}
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.requests = 0
        self.used = collections.defaultdict(list)
        self.failures = []

    def empty(self):
        """Both plants without batches."""
        for name, path in ((OURS, "/factory/reset"), (THEIRS, "/_empty")):
            status = self.servers[name].ask(Request("POST", path)).status
            if status != 200:
                sys.exit(f"{name}: POST {path} is {status}")

    def wait_until_mixing(self):
        """A batch that was started is in its machines a moment later."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            state = json.loads(self.servers[OURS].ask(Request("GET", "/plant/state")).body)
            if all(state[line]["mixing"]["state"] == "On" and state[line]["mixing"]["duration"] is not None
                   for line in ("anode", "cathode")):
                return
            time.sleep(0.05)
        sys.exit(f"{OURS}: the batch is not in its machines")

    def compare(self, group, request):
        self.requests += 1
        answers = dict(zip(self.servers, self.pool.map(lambda server: server.ask(request), self.servers.values())))
        found = {name: aspects(request, answer) for name, answer in answers.items()}
        differing = {name for name in {*found[OURS], *found[THEIRS]} if found[OURS].get(name) != found[THEIRS].get(name)}
        left = set(differing)
        for name, explains in DIFFERENCES.items():
            explained = explains(request, found[THEIRS], found[OURS]) & left
            if explained:
                self.used[name].append(f"{answers[THEIRS].status} {answers[OURS].status} {request}")
                left -= explained
        if left:
            told = "\n".join(f"    {name}\n      {THEIRS}: {str(found[THEIRS].get(name))[:600]}\n"
                             f"      {OURS}: {str(found[OURS].get(name))[:600]}" for name in sorted(left))
            self.failures.append(f"{group}: {request}\n    {answers[THEIRS].status} {answers[THEIRS].body[:200]}\n"
                                 f"    {answers[OURS].status} {answers[OURS].body[:200]}\n{told}")
        if any(answer.status == 200 for answer in answers.values()) and request.method == "POST":
            self.has_changed = True


def documented():
    """The names in docs/differences.md: first cells of the table under "Beside a live FastAPI"."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.search(r"^## Beside a live FastAPI\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (.+?) \|", section.group(1) if section else "", re.MULTILINE)
    return [row for row in rows[1:] if not set(row) <= set("-| ")]


def compare_all(ours, theirs):
    if ours.ask(Request("PATCH", "/factory/pacing", {"paused": True})).status != 200:
        sys.exit("the plant cannot be paused")
    comparison = Comparison(ours, theirs)
    for group, requests in GROUPS.items():
        for request in requests():
            comparison.has_changed = False
            comparison.compare(group, request)
            if comparison.has_changed:
                comparison.empty()
    for number, request in enumerate(limits()):
        comparison.compare("limits", request)
        if number == 0:
            comparison.wait_until_mixing()
    return comparison


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if subprocess.run([PYTHON, "-c", "import fastapi, uvicorn"], stderr=subprocess.DEVNULL).returncode != 0:
        print("SKIPPED: python3-fastapi or python3-uvicorn is missing (config/install-packages.sh test)")
        sys.exit(SKIPPED)
    begin = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        port = free_port()
        theirs = Server(THEIRS, [PYTHON, "-m", "uvicorn", "fastapi_app:app", "--port", str(port), "--log-level", "error"],
                        port, cwd=HERE, env={**os.environ, "QUEUE_LIMIT": str(QUEUE_LIMIT)})
        stack.callback(theirs.end)
        port = free_port()
        program = os.path.abspath(os.environ.get("BATTERY_TWIN_TEST_BINARY", arguments.server))
        said = stack.enter_context(open(os.path.join(folder, "stderr"), "w+", encoding="utf-8", errors="replace"))
        ours = Server(OURS, [program, "--port", str(port), "--db", "none", "--models",
                             "reference", "--queue-limit", str(QUEUE_LIMIT), "--no-access-log"], port, cwd=folder,
                      stderr=said)
        stack.callback(ours.end)
        try:
            comparison = compare_all(ours, theirs)
        except (OSError, http.client.HTTPException):
            said.seek(0)
            print(said.read()[-5000:])
            raise
        failures = comparison.failures
        if (code := ours.end()) != 0:  # a sanitizer that has found something has a code of its own
            said.seek(0)
            failures.append(f"{OURS} ends with {code}: {said.read()[-5000:]}")
    for name in DIFFERENCES:
        if name not in comparison.used:
            failures.append(f"no request needs the difference \"{name}\" any more")
    if documented() != list(DIFFERENCES):
        failures.append(f"docs/differences.md has {documented()}\n    and this table {list(DIFFERENCES)}")
    if arguments.list:
        for name, requests in comparison.used.items():
            print(f"{name}: {len(requests)}", *requests[:3], sep="\n    ")
    print("\n".join(failures[:40]))
    print(f"{comparison.requests} requests, {len(DIFFERENCES)} differences with a name, {len(failures)} failures, "
          f"{time.monotonic() - begin:.1f} s")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
