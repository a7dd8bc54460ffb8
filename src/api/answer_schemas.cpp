#include "battery_twin/process/end_of_line.hpp"
#include "battery_twin/process/mixing.hpp"
#include "battery_twin/process/random.hpp"
#include "routes.hpp"
#include "schema.hpp"

namespace battery_twin::api {
namespace {

// What the handlers write by hand, so it is described by hand; tests hold real answers against it. Parts that depend on
// the machines are added below.
constexpr std::string_view kShared = R"json({
  "Timestamp": {"type": "string", "format": "date-time", "description": "RFC 3339, UTC, microseconds",
    "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$"},
  "Stage": {"type": "object", "description": "On each line the machine that the batch is in or waits for; null before, completed after",
    "required": ["anode", "cathode", "cell"],
    "properties": {"anode": {"type": ["string", "null"]}, "cathode": {"type": ["string", "null"]}, "cell": {"type": ["string", "null"]}}},
  "Progress": {"type": "object", "description": "How far the batch is on each line, 0 to 1",
    "required": ["anode", "cathode", "cell"],
    "properties": {
      "anode": {"type": "number", "minimum": 0, "maximum": 1},
      "cathode": {"type": "number", "minimum": 0, "maximum": 1},
      "cell": {"type": "number", "minimum": 0, "maximum": 1}}},
  "Warnings": {"type": "array", "description": "What is unusual, a sentence each", "items": {"type": "string"}}
})json";

constexpr std::string_view kAnswers = R"json({
  "Document": {"type": "object", "additionalProperties": true},
  "Greeting": {"type": "object", "required": ["success", "message", "version"],
    "properties": {"success": {"const": true}, "message": {"type": "string"}, "version": {"type": "string"}}},
  "SimulationStarted": {"type": "object", "required": ["message", "batch_id", "seed", "warnings"],
    "properties": {
      "message": {"type": "string"},
      "batch_id": {"type": "string"},
      "seed": {"$ref": "#/components/schemas/Seed"},
      "warnings": {"$ref": "#/components/schemas/Warnings"}}},
  "BatchAccepted": {"type": "object", "required": ["message", "batch_id", "queue_position", "seed", "warnings"],
    "properties": {
      "message": {"type": "string"},
      "batch_id": {"type": "string"},
      "queue_position": {"type": "integer", "minimum": 0, "description": "1: next; 0: started at once"},
      "seed": {"$ref": "#/components/schemas/Seed"},
      "warnings": {"$ref": "#/components/schemas/Warnings"}}},
  "FactoryStatus": {"type": "object",
    "required": ["state", "accepting", "queue", "running", "lines", "counters", "pacing", "models", "uptime_s", "version"],
    "properties": {
      "state": {"enum": ["idle", "running"]},
      "accepting": {"type": "boolean", "description": "False while the server stops"},
      "queue": {"type": "array", "items": {"type": "string"}, "description": "Ids of the batches that wait, next first"},
      "running": {"type": "array", "items": {"type": "object", "required": ["batch_id", "stage", "progress"],
        "properties": {
          "batch_id": {"type": "string"},
          "stage": {"$ref": "#/components/schemas/Stage"},
          "progress": {"$ref": "#/components/schemas/Progress"}}}},
      "lines": {"type": "object", "description": "Every machine, by line"},
      "counters": {"type": "object", "required": ["accepted", "completed", "failed", "cancelled", "scrapped"],
        "properties": {
          "accepted": {"type": "integer", "minimum": 0},
          "completed": {"type": "integer", "minimum": 0},
          "failed": {"type": "integer", "minimum": 0},
          "cancelled": {"type": "integer", "minimum": 0},
          "scrapped": {"type": "integer", "minimum": 0, "description": "Completed without a good cell"}}},
      "pacing": {"$ref": "#/components/schemas/Pacing"},
      "models": {"$ref": "#/components/schemas/Models"},
      "uptime_s": {"type": "number", "minimum": 0, "x-unit": "s"},
      "version": {"type": "string"}}},
  "MachineInLine": {"type": "object", "required": ["state", "batch_id"],
    "properties": {"state": {"enum": ["On", "Off"]}, "batch_id": {"type": ["string", "null"]}}},
  "Pacing": {"type": "object", "required": ["step_interval_ms", "paused"],
    "properties": {
      "step_interval_ms": {"type": "number", "minimum": 0, "description": "Wall-clock pause after each step [ms]; 0: as fast as possible", "x-unit": "ms"},
      "paused": {"type": "boolean"}}},
  "Models": {"enum": ["reference", "mechanistic"], "description": "The set of equations"},
  "Seed": {"type": "integer", "minimum": 0, "description": "The same seed and parameters give the same result"},
  "Logs": {"type": "object", "required": ["logs", "count"],
    "properties": {
      "logs": {"type": "array", "items": {"$ref": "#/components/schemas/LogEntry"}},
      "count": {"type": "integer", "minimum": 0}}},
  "LogEntry": {"type": "object", "required": ["seq", "timestamp", "level", "event", "message"],
    "properties": {
      "seq": {"type": "integer", "minimum": 1},
      "timestamp": {"$ref": "#/components/schemas/Timestamp"},
      "level": {"enum": ["debug", "info", "warning", "error"]},
      "event": {"type": "string", "description": "As on the WebSocket"},
      "message": {"type": "string"},
      "batch_id": {"type": "string"},
      "machine": {"type": "string", "description": "Its process name"}}},
  "FactoryReset": {"type": "object", "required": ["message", "cancelled"],
    "properties": {"message": {"type": "string"},
      "cancelled": {"type": "array", "items": {"type": "string"}, "description": "Ids of the batches"}}},
  "PacingChanged": {"type": "object", "required": ["message", "pacing"],
    "properties": {"message": {"type": "string"}, "pacing": {"$ref": "#/components/schemas/Pacing"}}},
  "ParametersChanged": {"type": "object",
    "required": ["message", "line_type", "machine_id", "machine_parameters", "applies_from", "warnings"],
    "properties": {
      "message": {"type": "string"},
      "line_type": {"type": "string"},
      "machine_id": {"type": "string"},
      "machine_parameters": {},
      "applies_from": {"enum": ["now", "next batch"]},
      "warnings": {"$ref": "#/components/schemas/Warnings"}}},
  "BatchPage": {"type": "object", "required": ["batches", "next"],
    "properties": {
      "batches": {"type": "array", "items": {"$ref": "#/components/schemas/Batch"}},
      "next": {"type": ["string", "null"], "description": "The next page's after; null at the end"}}},
  "Batch": {"type": "object",
    "required": ["batch_id", "status", "created_at", "started_at", "finished_at", "attempt", "seed", "models", "stage",
      "progress", "parameters", "warnings", "machines", "end_of_line"],
    "properties": {
      "batch_id": {"type": "string"},
      "status": {"enum": ["queued", "running", "completed", "failed", "cancelled"]},
      "created_at": {"$ref": "#/components/schemas/Timestamp"},
      "started_at": {"anyOf": [{"$ref": "#/components/schemas/Timestamp"}, {"type": "null"}]},
      "finished_at": {"anyOf": [{"$ref": "#/components/schemas/Timestamp"}, {"type": "null"}]},
      "attempt": {"type": "integer", "minimum": 1, "description": "Above 1 after a restart of the server in between"},
      "seed": {"$ref": "#/components/schemas/Seed"},
      "models": {"$ref": "#/components/schemas/Models"},
      "stage": {"$ref": "#/components/schemas/Stage"},
      "progress": {"$ref": "#/components/schemas/Progress"},
      "parameters": {"type": "object", "description": "What each machine works or worked with, as far as that is fixed"},
      "warnings": {"$ref": "#/components/schemas/Warnings"},
      "machines": {"type": "object", "description": "What each machine did to the nominal cell"},
      "end_of_line": {"anyOf": [{"$ref": "#/components/schemas/EndOfLine"}, {"type": "null"}]},
      "error": {"type": "string", "description": "Why it failed"}}},
  "Telemetry": {"type": "object", "required": ["batch_id", "telemetry"],
    "properties": {
      "batch_id": {"type": "string"},
      "telemetry": {"type": "array", "items": {"type": "object", "required": ["machine", "step", "timestamp", "properties"],
        "properties": {
          "machine": {"type": "string", "description": "Its process name"},
          "step": {"type": "integer", "minimum": 0},
          "timestamp": {"$ref": "#/components/schemas/Timestamp"},
          "properties": {}}}}}},
  "Cancellation": {"type": "object", "required": ["message", "batch_id", "status"],
    "properties": {"message": {"type": "string"}, "batch_id": {"type": "string"}, "status": {"enum": ["cancelled", "cancelling"]}}},
  "Health": {"type": "object", "required": ["status", "version", "uptime_s", "simulation", "database", "websocket_clients"],
    "properties": {
      "status": {"enum": ["healthy", "degraded", "unhealthy"]},
      "version": {"type": "string"},
      "uptime_s": {"type": "number", "minimum": 0, "x-unit": "s"},
      "simulation": {"type": "object", "required": ["state", "accepting", "running", "queued", "paused"],
        "properties": {
          "state": {"enum": ["idle", "running"]},
          "accepting": {"type": "boolean"},
          "running": {"type": "integer", "minimum": 0},
          "queued": {"type": "integer", "minimum": 0},
          "paused": {"type": "boolean"}}},
      "database": {"type": "object", "required": ["backend", "status", "latency_ms"],
        "properties": {
          "backend": {"enum": ["sqlite", "postgresql", "none"]},
          "status": {"enum": ["connected", "unreachable", "failed", "disabled"]},
          "latency_ms": {"type": ["number", "null"], "description": "Of the last write or probe [ms]", "x-unit": "ms"},
          "backlog": {"type": "integer", "minimum": 0, "description": "What still waits to be written"}}},
      "websocket_clients": {"type": "integer", "minimum": 0}}},
  "Condition": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
  "Error": {"type": "object", "required": ["detail"],
    "properties": {"detail": {"type": "string", "description": "A sentence"}}},
  "InvalidInput": {"type": "object", "required": ["detail"],
    "properties": {"detail": {"type": "array", "description": "Everything that is wrong, missing fields last",
      "items": {"$ref": "#/components/schemas/Violation"}}}},
  "Violation": {"type": "object", "required": ["loc", "msg", "type", "input"],
    "properties": {
      "loc": {"type": "array", "items": {"type": ["string", "integer"]}, "description": "Where: body or query, then names; a byte offset in what is not JSON"},
      "msg": {"type": "string"},
      "type": {"type": "string", "description": "For programs: greater_than, missing, extra_forbidden, json_invalid, …"},
      "input": {"description": "What was found; null where it is missing"},
      "ctx": {"type": "object", "description": "The limit that was crossed, e.g. gt", "additionalProperties": true}}},
  "InternalError": {"type": "object", "required": ["detail", "error_id"],
    "properties": {"detail": {"const": "Internal server error"},
      "error_id": {"type": "string", "description": "The cause stands in the server's log under it"}}},
  "Problem": {"type": "object", "description": "RFC 9457, for Accept: application/problem+json",
    "required": ["type", "title", "status"], "additionalProperties": true,
    "properties": {
      "type": {"const": "about:blank"},
      "title": {"type": "string"},
      "status": {"type": "integer"},
      "detail": {"type": "string"},
      "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Violation"}}}}
})json";

void add_all(Json& schemas, std::string_view text) { schemas.update(Json::parse(text)); }

Json nullable(Json schema) { return {{"anyOf", Json::array({std::move(schema), {{"type", "null"}}})}}; }

Json figures_schema() {
  Json schema = object_schema();
  schema["description"] = "What the batch's cells are judged by; null where the models do not know it";
  for (const process::Figure& figure : process::kFigures)
    add_property(
        schema, figure.name,
        {{"type", Json::array({"number", "null"})}, {"description", figure.description}, {"x-unit", figure.unit}});
  const auto numbers = [](std::string_view description) {
    return Json{{"type", Json::array({"object", "null"})},
                {"description", description},
                {"additionalProperties", {{"type", "number"}}}};
  };
  add_property(schema, "scrap_causes", numbers("Cells lost, by their first cause"));
  add_property(schema, "machine_energy_kWh", numbers("Energy used on the batch, by machine"));
  return schema;
}

Json constant(std::string_view text) { return {{"const", text}}; }

Json status_schema(const plant::Station& station, process::ModelSet models) {
  Json schema = object_schema();
  schema["title"] = station.process_name;
  add_property(schema, "timestamp", reference_to("Timestamp"));
  add_property(schema, "line_type", constant(to_string(station.line)));
  add_property(schema, "machine_id", constant(station.type->name));
  add_property(schema, "process", constant(station.process_name));
  add_property(schema, "state", {{"enum", {"On", "Off"}}});
  add_property(schema, "machine_parameters", reference_to(parameters_name(*station.type)));
  const auto specifics = station.type->model(models).specifics;
  add_property(schema, "process_specifics",
               specifics.empty() ? Json{{"type", "null"}} : nullable(outputs_schema(specifics, station.line)));
  add_property(schema, "batch_id", {{"type", "string"}, {"description", "This and what follows: only when on"}}, false);
  add_property(schema, "duration", {{"type", "integer"}, {"minimum", 0}, {"description", "Steps done"}}, false);
  add_property(schema, "total_steps", {{"type", "integer"}, {"minimum", 1}}, false);
  add_property(schema, "progress", {{"type", "number"}, {"minimum", 0}, {"maximum", 1}}, false);
  Json properties = Json::array();  // a batch from before a restart keeps its models
  for (const process::ModelSet set : process::kModelSets)
    properties.push_back(reference_to(properties_name(station, set)));
  add_property(schema, "battery_model", {{"anyOf", std::move(properties)}}, false);
  return schema;
}

Json machine_result_schema(const plant::Station& station) {
  Json properties = Json::array();
  for (const process::ModelSet set : process::kModelSets)
    properties.push_back(reference_to(properties_name(station, set)));
  properties.push_back({{"type", "null"}});
  Json schema = object_schema();
  add_property(schema, "status", {{"enum", {"pending", "running", "completed", "stopped"}}});
  add_property(schema, "steps", {{"type", "integer"}, {"minimum", 0}});
  add_property(schema, "outcome", {{"enum", {"pass", "rework", "scrap", nullptr}}});
  add_property(schema, "causes", {{"type", "array"}, {"items", {{"type", "string"}}}});
  add_property(schema, "properties", {{"anyOf", std::move(properties)}});
  return schema;
}

}  // namespace

void add_shared_schemas(Json& schemas, const plant::Layout& layout) {
  add_all(schemas, kShared);
  schemas["EndOfLine"] = figures_schema();
  for (const plant::Station& station : layout.stations()) {
    for (const process::ModelSet models : process::kModelSets) {
      schemas[properties_name(station, models)] = outputs_schema(station.type->model(models).outputs, station.line);
    }
  }
}

void add_answer_schemas(Json& schemas, const plant::Layout& layout, const Limits& limits) {
  add_all(schemas, kAnswers);
  schemas["Seed"]["maximum"] = process::kMaxSeed;
  schemas["Pacing"]["properties"]["step_interval_ms"]["maximum"] = kMaxStepInterval;
  schemas["Telemetry"]["properties"]["telemetry"]["items"]["properties"]["properties"] = any_properties(layout);
  Json& lines = schemas["FactoryStatus"]["properties"]["lines"];
  for (const process::Line line : process::kLines) {
    Json machines = object_schema();
    for (const plant::Station& station : layout.stations(line))
      add_property(machines, station.type->name, reference_to("MachineInLine"));
    add_property(lines, to_string(line), std::move(machines));
  }
  Json batch_parameters = std::move(schemas["Batch"]["properties"]["parameters"]);
  Json batch_machines = std::move(schemas["Batch"]["properties"]["machines"]);
  Json any_parameters = Json::array();
  Json statuses{{"oneOf", Json::array()}, {"discriminator", {{"propertyName", "process"}}}};
  for (const plant::Station& station : layout.stations()) {
    const std::string parameters = parameters_name(*station.type);
    if (!schemas.contains(parameters)) {
      schemas[parameters] = published_parameters_schema(*station.type);
      any_parameters.push_back(reference_to(parameters));
    }
    add_property(batch_parameters, station.parameter_group, reference_to(parameters), false);
    add_property(batch_machines, station.process_name, machine_result_schema(station));
    const Json status = reference_to(status_name(station));
    statuses["oneOf"].push_back(status);
    statuses["discriminator"]["mapping"][station.process_name] = status.at("$ref");
    schemas[status_name(station)] = status_schema(station, limits.models);
  }
  schemas["Batch"]["properties"]["parameters"] = std::move(batch_parameters);
  schemas["Batch"]["properties"]["machines"] = std::move(batch_machines);
  schemas["MachineStatus"] = std::move(statuses);
  schemas["ParametersChanged"]["properties"]["machine_parameters"] = {{"anyOf", std::move(any_parameters)}};
}

void add_request_schemas(Json& schemas, const plant::Layout& layout, const Limits& limits) {
  Json batch = object_schema();
  add_property(batch, "id",
               {{"type", "string"},
                {"pattern", kIdPattern},
                {"description", "Taken once; the next free number when it is not given"}},
               false);
  add_property(batch, "seed", reference_to("Seed"), false);
  Json any = Json::array();
  for (const plant::Station& station : layout.stations()) {
    schemas[station.parameter_group] = group_schema(station, limits);
    add_property(batch, station.parameter_group, reference_to(station.parameter_group), false);
    any.push_back(reference_to(station.parameter_group));
  }
  batch["additionalProperties"] = false;
  schemas["BatchRequest"] = std::move(batch);
  schemas["ParametersChange"] = {{"description", "The group of the machine that the path names"}, {"anyOf", any}};

  Json simulation = object_schema();
  for (const process::Line line : {process::Line::anode, process::Line::cathode}) {
    if (const plant::Station* mixing = layout.find(line, process::mixing().name)) {
      add_property(simulation, to_string(line), whole_group_schema(*mixing, limits));
    } else {  // required and not allowed: no body is right
      simulation["required"].push_back(to_string(line));
      simulation["description"] = "Nothing can be started so: there is no mixing machine";
    }
  }
  simulation["additionalProperties"] = false;
  schemas["SimulationRequest"] = std::move(simulation);

  Json pacing = Json::parse(kAnswers).at("Pacing");
  pacing.erase("required");
  pacing["properties"]["step_interval_ms"]["maximum"] = kMaxStepInterval;
  pacing["additionalProperties"] = false;
  schemas["PacingChange"] = std::move(pacing);
}

}  // namespace battery_twin::api
