#include <algorithm>
#include <array>
#include <set>

#include "../schema.hpp"
#include "battery_twin/store/machine_tables.hpp"
#include "names.hpp"

namespace battery_twin::api {
namespace {

using compat::Machine;
using compat::Parameter;

// What does not depend on the machines.
constexpr std::string_view kCompatAnswers = R"json({
  "CompatDone": {"type": "object", "required": ["success", "message"],
    "properties": {"success": {"const": true}, "message": {"type": "string"}}},
  "CompatStarted": {"type": "object", "required": ["success", "message", "batch_id"],
    "properties": {"success": {"const": true}, "message": {"type": "string"}, "batch_id": {"type": "string"}}},
  "CompatMixingRequest": {"type": ["object", "null"],
    "properties": {"electrode_type": {"type": ["string", "null"]}}, "additionalProperties": true},
  "CompatMixingStarted": {"type": "object", "required": ["success", "message", "data"],
    "properties": {
      "success": {"const": true},
      "message": {"type": "string"},
      "data": {"type": "object", "required": ["batch_id", "electrode_type"],
        "properties": {"batch_id": {"type": "string"}, "electrode_type": {"type": ["string", "null"]}}}}},
  "CompatState": {"type": "object", "required": ["success", "message", "data"],
    "properties": {
      "success": {"const": true},
      "message": {"type": "string"},
      "data": {"type": "object", "required": ["batch_requests", "running_batches", "machine_statuses"],
        "properties": {
          "batch_requests": {"type": "array", "description": "Those that wait, next first",
            "items": {"$ref": "#/components/schemas/CompatBatch"}},
          "running_batches": {"type": "array", "items": {"$ref": "#/components/schemas/CompatBatch"}},
          "machine_statuses": {"type": "array", "items": {"$ref": "#/components/schemas/CompatMachine"}}}}}},
  "CompatBatch": {"type": "object", "required": ["batch_id"], "properties": {"batch_id": {"type": "string"}}},
  "CompatMachineStatus": {"type": "object", "required": ["success", "message", "line_type", "machine_id", "data"],
    "properties": {
      "success": {"const": true},
      "message": {"type": "string"},
      "line_type": {"type": "string"},
      "machine_id": {"type": "string"},
      "data": {"$ref": "#/components/schemas/CompatMachine"}}},
  "CompatParametersSet": {"type": "object", "required": ["success", "message", "line_type", "machine_id"],
    "properties": {
      "success": {"const": true},
      "message": {"type": "string"},
      "line_type": {"type": "string"},
      "machine_id": {"type": "string"}}},
  "CompatForm": {"type": "object", "required": ["stage"], "additionalProperties": true,
    "properties": {
      "stage": {},
      "parameters": {"type": ["object", "null"],
        "description": "Numbers, also written as texts, by label; an empty text or null stands for no value. Labels of another stage are not looked at",
        "additionalProperties": true}}},
  "CompatVerdict": {"oneOf": [
    {"type": "object", "required": ["success", "message", "data"],
      "properties": {
        "success": {"const": true},
        "message": {"type": "string"},
        "data": {"type": "object", "required": ["valid", "line_type", "machine_id"],
          "properties": {"valid": {"const": true}, "line_type": {"type": "string"}, "machine_id": {"type": "string"}}}}},
    {"$ref": "#/components/schemas/CompatProblem"}]},
  "CompatUpdated": {"type": "object", "required": ["success", "message", "data"],
    "properties": {
      "success": {"const": true},
      "message": {"type": "string"},
      "data": {"type": "object", "required": ["stage", "line_type", "machine_id", "updated_parameters"],
        "properties": {
          "stage": {"type": "string"},
          "line_type": {"type": "string"},
          "machine_id": {"type": "string"},
          "updated_parameters": {"type": "array", "items": {"type": "string"}, "description": "Names of the fields"}}}}},
  "CompatCurrent": {"type": "object", "required": ["success", "message", "data"],
    "properties": {
      "success": {"const": true},
      "message": {"type": "string"},
      "data": {"type": "object", "required": ["stage", "line_type", "machine_id", "parameters", "status"],
        "properties": {
          "stage": {"type": "string"},
          "line_type": {"type": "string"},
          "machine_id": {"type": "string"},
          "parameters": {},
          "status": {"$ref": "#/components/schemas/CompatMachine"}}}}},
  "CompatTable": {"anyOf": [
    {"type": "object", "required": ["data"],
      "properties": {"data": {"type": "array", "items": {}}}},
    {"type": "object", "required": ["message", "data"],
      "properties": {"message": {"type": "string"}, "data": {"const": []}}},
    {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}]},
  "CompatPlantState": {"type": "object"},
  "CompatProblem": {"type": "object", "required": ["success", "message", "error_code"],
    "properties": {
      "success": {"const": false},
      "message": {"type": "string"},
      "error_code": {"enum": ["BATCH_LIMIT", "RESET_TIMEOUT", "MACHINE_NOT_FOUND", "MACHINE_PARAMETER_TYPE_ERROR",
        "MACHINE_PARAMETER_VALIDATION_ERROR", "VALIDATION_FAILED", "MISSING_STAGE", "PARAMETER_VALUE_ERROR",
        "INVALID_STAGE"]},
      "line_type": {"type": "string"},
      "machine_id": {"type": "string"},
      "errors": {"type": "string", "description": "What is wrong with the parameters"}}},
  "CompatFailure": {"type": "object", "required": ["detail"],
    "properties": {"detail": {"$ref": "#/components/schemas/CompatProblem"}}},
  "CompatInvalidBody": {"type": "object", "required": ["detail"],
    "properties": {"detail": {"type": "array", "items": {"$ref": "#/components/schemas/CompatViolation"}}}},
  "CompatViolation": {"type": "object", "required": ["loc", "msg", "type"],
    "properties": {
      "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
      "msg": {"type": "string"},
      "type": {"type": "string"}}}
})json";

Json number_schema(std::string_view description, std::string_view unit, bool nullable) {
  const std::string_view shown = unit == "K" ? "degC" : unit;
  std::string text(description);
  if (!shown.empty() && shown != "1") text.append(" [").append(shown).append("]");
  Json schema{{"type", nullable ? Json::array({"number", "null"}) : Json("number")}, {"description", text}};
  if (!shown.empty()) schema["x-unit"] = shown;
  return schema;
}

// A parameter as a request may have it.
Json field_schema_of(const Machine& machine, const Parameter& parameter, const Limits& limits) {
  Json schema = field_schema(*machine.station, parameter.index, limits);
  schema.erase("default");  // what is not given stays
  if (!parameter.is_temperature()) return schema;
  Json shown = number_schema(parameter.field->description, "K", parameter.field->optional);
  for (const char* bound : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
    if (schema.contains(bound)) shown[bound] = compat::celsius(schema.at(bound).get<double>());
  return shown;
}

Json request_schema(const Machine& machine, const Limits& limits) {
  Json schema = object_schema();
  schema["title"] = std::string(machine.station->type->name);
  for (const Parameter& parameter : machine.parameters)
    add_property(schema, parameter.name, field_schema_of(machine, parameter, limits), !parameter.may_be_absent);
  schema["additionalProperties"] = false;
  return schema;
}

Json shown_schema(const Machine& machine) {
  Json schema = object_schema();
  for (const Parameter& parameter : machine.parameters) {
    const process::FieldInfo& field = *parameter.field;
    add_property(schema, parameter.name, number_schema(field.description, field.unit, field.optional));
  }
  return schema;
}

bool has_temperature(std::span<const process::Output> outputs) {
  return std::ranges::any_of(outputs, [](const process::Output& output) { return output.unit == "K"; });
}

// The schema of a machine's properties: the plant's own, but where temperatures are among them.
Json properties_schema(Json& schemas, const plant::Station& station, process::ModelSet models) {
  const auto outputs = station.type->model(models).outputs;
  const std::string name = properties_name(station, models);
  if (!has_temperature(outputs)) return reference_to(name);
  Json schema = outputs_schema(outputs, station.line);
  for (const process::Output& output : outputs) {
    if (output.unit == "K")
      schema["properties"][std::string(output.name_on(station.line))] =
          number_schema(output.description, output.unit, false);
  }
  schemas["compat_" + name] = std::move(schema);
  return reference_to("compat_" + name);
}

Json status_schema_of(const Machine& machine, const std::string& parameters, Json properties) {
  Json schema = object_schema();
  schema["title"] = machine.station->process_name;
  add_property(schema, "timestamp", reference_to("Timestamp"));
  add_property(schema, "process", {{"const", machine.station->process_name}});
  add_property(schema, "state", {{"enum", {"On", "Off"}}});
  add_property(schema, "machine_parameters", reference_to(parameters));
  add_property(schema, "process_specifics", {{"type", "null"}});
  add_property(schema, "duration",
               {{"type", "integer"},
                {"minimum", 0},
                {"description", "Index of the last step. This and what follows: only when on"}},
               false);
  add_property(schema, "battery_model", {{"anyOf", std::move(properties)}}, false);
  return schema;
}

Json row_schema(const Machine& machine) {
  Json schema = object_schema();
  schema["title"] = std::string(machine.station->type->name);
  add_property(schema, "id", {{"type", "integer"}});
  add_property(schema, "batch", {{"type", "string"}});
  add_property(schema, "state", {{"const", "On"}});
  add_property(schema, "timestamp", reference_to("Timestamp"));
  add_property(schema, "duration", {{"type", "integer"}, {"minimum", 0}, {"description", "The step"}});
  add_property(schema, "process", {{"type", "string"}});
  add_property(schema, "temperature_C", {{"type", Json::array({"number", "null"})}});
  for (const store::MachineColumn& column : store::table_of(*machine.station->type).columns) {
    const bool is_flag = column.source == store::MachineColumn::Source::flag;
    add_property(schema, column.name, {{"type", Json::array({is_flag ? "boolean" : "number", "null"})}});
  }
  return schema;
}

}  // namespace

void add_compat_schemas(Json& schemas, const plant::Layout& layout, const Limits& limits) {
  schemas.update(Json::parse(kCompatAnswers));
  const compat::Names names(layout);
  Json requests = Json::array();
  Json shown = Json::array();
  Json rows = Json::array();
  Json statuses{{"oneOf", Json::array()}, {"discriminator", {{"propertyName", "process"}}}};
  std::array<Json, process::kLines.size()> models;
  std::array<Json, process::kLines.size()> lines;
  lines.fill(object_schema());
  std::set<std::string_view> types;
  for (const Machine& machine : names.machines()) {
    const plant::Station& station = *machine.station;
    const std::string type = "compat_" + std::string(station.type->name);
    const auto line = static_cast<std::size_t>(station.line);
    if (types.insert(station.type->name).second) {
      schemas[type + "_request"] = request_schema(machine, limits);
      schemas[type + "_parameters"] = shown_schema(machine);
      schemas[type + "_row"] = row_schema(machine);
      requests.push_back(reference_to(type + "_request"));
      shown.push_back(reference_to(type + "_parameters"));
      rows.push_back(reference_to(type + "_row"));
    }
    Json properties = Json::array();
    for (const process::ModelSet set : process::kModelSets) {
      properties.push_back(properties_schema(schemas, station, set));
      models[line].push_back(properties.back());
    }
    const std::string status = "compat_" + status_name(station);
    schemas[status] = status_schema_of(machine, type + "_parameters", std::move(properties));
    statuses["oneOf"].push_back(reference_to(status));
    statuses["discriminator"]["mapping"][station.process_name] = reference_to(status).at("$ref");
    add_property(lines[line], station.type->name, reference_to(status));
    Json& form = schemas["CompatForm"]["properties"];
    form["stage"]["enum"].push_back(machine.stage);
    for (const Parameter& parameter : machine.parameters)
      form["parameters"]["properties"][parameter.label] = {{"type", {"number", "string", "null"}}};
  }
  for (const process::Line line : process::kLines) {
    Json& of_line = models[static_cast<std::size_t>(line)];
    // Before its first machine.
    of_line.push_back(line == process::Line::cell ? Json{{"type", "null"}} : Json{{"const", Json::object()}});
    add_property(schemas["CompatBatch"], "current_" + std::string(to_string(line)) + "_line_model",
                 {{"anyOf", std::move(of_line)}});
    add_property(schemas["CompatPlantState"], to_string(line), std::move(lines[static_cast<std::size_t>(line)]));
  }
  schemas["CompatMachine"] = std::move(statuses);
  schemas["CompatParameters"] = {{"description",
                                  "All parameters of the machine that the path names; those that are "
                                  "not required stay as they are where they are absent"},
                                 {"anyOf", std::move(requests)}};
  schemas["CompatCurrent"]["properties"]["data"]["properties"]["parameters"] = {{"anyOf", std::move(shown)}};
  schemas["CompatTable"]["anyOf"][0]["properties"]["data"]["items"] = {{"anyOf", std::move(rows)}};
  Json& violation = schemas["Problem"]["properties"]["errors"]["items"];
  violation = {{"anyOf", {violation, reference_to("CompatViolation")}}};
}

}  // namespace battery_twin::api
