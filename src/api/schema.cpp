#include "schema.hpp"

#include "battery_twin/api/parameters.hpp"
#include "battery_twin/process/end_of_line.hpp"

namespace battery_twin::api {
namespace {

using process::FieldInfo;
using process::Range;

// 0 rather than 0.0, as people write limits.
Json limit(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  return static_cast<double>(whole) == value ? Json(whole) : Json(value);
}

void add_range(Json& schema, const Range& range) {
  if (range.above) schema["exclusiveMinimum"] = limit(*range.above);
  if (range.at_least) schema["minimum"] = limit(*range.at_least);
  if (range.below) schema["exclusiveMaximum"] = limit(*range.below);
  if (range.at_most) schema["maximum"] = limit(*range.at_most);
}

std::string in_words(const Range& range) {
  const auto low = range.above ? range.above : range.at_least;
  const auto high = range.below ? range.below : range.at_most;
  if (low && high) return process::to_text(*low) + " to " + process::to_text(*high);
  return high ? "at most " + process::to_text(*high) : "at least " + process::to_text(*low);
}

std::string sentence(std::string_view text, std::string_view unit) {
  std::string out(text);
  if (!unit.empty() && unit != "1") out.append(" [").append(unit).append("]");
  return out;
}

Json numeric(std::string_view description, std::string_view unit, bool nullable) {
  Json schema{{"type", nullable ? Json::array({"number", "null"}) : Json("number")},
              {"description", sentence(description, unit)}};
  if (!unit.empty()) schema["x-unit"] = unit;
  return schema;
}

// The flat form of a group whose type has a nested one.
Json flat_schema(const plant::Station& station, const Limits& limits) {
  Json schema = object_schema();
  const process::MachineType& type = *station.type;
  for (std::size_t i = 0; i < type.fields.size(); ++i)
    add_property(schema, flat_name(type, type.fields[i]), field_schema(station, i, limits), false);
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace

Json reference_to(std::string_view name) { return {{"$ref", "#/components/schemas/" + std::string(name)}}; }

Json object_schema() { return {{"type", "object"}}; }

void add_property(Json& object, std::string_view name, Json schema, bool required) {
  if (required) object["required"].push_back(name);
  object["properties"][std::string(name)] = std::move(schema);
}

Json field_schema(const plant::Station& station, std::size_t field, const Limits& limits) {
  const FieldInfo& info = station.type->fields[field];
  const auto standard = station.type->defaults(limits.models, station.line)[field];
  Json schema = numeric(info.description, info.unit, info.optional);
  std::string& text = schema["description"].get_ref<std::string&>();
  if (!info.usual.is_open()) text += ". Usual: " + in_words(info.usual) + "; beyond that accepted with a warning";
  if (station.type->model(limits.models).steps_field == info.name)
    text += ". Sets the length of the run, which may have " + std::to_string(limits.max_steps) + " steps";
  if (!info.hint.empty()) {
    text.append(". ").append(info.hint);
    schema["x-hint"] = info.hint;
  }
  // For who shows unit, range and hint in another way.
  if (text != info.description) schema["x-description"] = info.description;
  add_range(schema, info.hard);
  schema["default"] = standard ? limit(*standard) : Json();
  if (!info.usual.is_open()) add_range(schema["x-usual"], info.usual);
  return schema;
}

Json whole_group_schema(const plant::Station& station, const Limits& limits) {
  Json schema = object_schema();
  const process::MachineType& type = *station.type;
  if (!type.whole_rule.empty()) schema["description"] = type.whole_rule;
  for (std::size_t i = 0; i < type.fields.size(); ++i)
    add_property(schema, type.fields[i].name, field_schema(station, i, limits), !type.fields[i].optional);
  schema["additionalProperties"] = false;
  return schema;
}

Json group_schema(const plant::Station& station, const Limits& limits) {
  const process::MachineType& type = *station.type;
  const std::string description =
      std::string(type.description) + ". What is not given stays as the machine is set." +
      (type.whole_rule.empty() ? "" : " With what is not given: " + std::string(type.whole_rule) + ".");
  Json fields = whole_group_schema(station, limits);
  fields.erase("required");
  fields.erase("description");
  if (type.nested.empty()) {
    Json schema{{"title", station.process_name}, {"description", description}};
    schema.update(fields);
    return schema;
  }
  Json nested = object_schema();
  add_property(nested, type.nested, std::move(fields));
  nested["additionalProperties"] = false;
  return {{"title", station.process_name},
          {"description", description},
          {"oneOf", Json::array({std::move(nested), flat_schema(station, limits)})}};
}

Json published_parameters_schema(const process::MachineType& type) {
  Json fields = object_schema();
  for (const FieldInfo& field : type.fields)
    add_property(fields, field.name, numeric(field.description, field.unit, field.optional));
  Json schema{{"title", std::string(type.name)}, {"description", type.description}};
  if (type.nested.empty()) {
    schema.update(fields);
  } else {
    schema["type"] = "object";
    add_property(schema, type.nested, std::move(fields));
  }
  return schema;
}

Json outputs_schema(std::span<const process::Output> outputs, process::Line line) {
  Json schema = object_schema();
  for (const process::Output& output : outputs) {
    Json property = numeric(output.description, output.unit, false);
    if (output.kind == process::Kind::integer) property["type"] = "integer";
    if (output.kind == process::Kind::boolean) property["type"] = "boolean";
    add_property(schema, output.name_on(line), std::move(property));
  }
  return schema;
}

std::string parameters_name(const process::MachineType& type) { return std::string(type.name) + "_parameters"; }

std::string properties_name(const plant::Station& station, process::ModelSet models) {
  return station.process_name + "_properties_" + std::string(to_string(models));
}

std::string status_name(const plant::Station& station) { return station.process_name + "_status"; }

Json any_properties(const plant::Layout& layout) {
  Json any = Json::array();
  for (const plant::Station& station : layout.stations()) {
    for (const process::ModelSet models : process::kModelSets)
      any.push_back(reference_to(properties_name(station, models)));
  }
  return {{"anyOf", std::move(any)}};
}

}  // namespace battery_twin::api
