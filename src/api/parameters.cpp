#include "battery_twin/api/parameters.hpp"

#include <algorithm>
#include <cmath>

#include "battery_twin/process/random.hpp"

namespace battery_twin::api {
namespace {

constexpr std::string_view kExtra = "Extra inputs are not permitted";
constexpr std::size_t kMaxIdLength = 64;

void add_violation(Errors& errors, Json loc, const process::Violation& violation, const Json& input) {
  Json context = nullptr;
  if (violation.limit) {
    // 0 rather than 0.0, as Pydantic writes a limit that was given as an integer
    const double limit = *violation.limit;
    const bool whole = limit == std::floor(limit) && std::abs(limit) < 1e15;
    context = Json::object();
    context[std::string(violation.limit_name)] = whole ? Json(static_cast<std::int64_t>(limit)) : Json(limit);
  }
  errors.add(std::move(loc), violation.type, violation.message, input, std::move(context));
}

bool is_id(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  // In a path these mean the folder itself and the one above: no browser could ask for such a batch.
  if (text == "." || text == "..") return false;
  return !text.empty() && text.size() <= kMaxIdLength && std::ranges::all_of(text, allowed);
}

void read_id(const Json& value, const Json& loc, plant::BatchRequest& request, Errors& errors) {
  if (!value.is_string()) {
    errors.add(loc, "string_type", "Input should be a valid string", value);
  } else if (!is_id(value.get_ref<const std::string&>())) {
    errors.add(loc, "string_pattern_mismatch",
               "String should be 1 to 64 letters, digits, '.', '_' or '-', and not '.' or '..'", value,
               {{"pattern", kIdPattern}});
  } else {
    request.id = value.get<std::string>();
  }
}

void read_seed(const Json& value, const Json& loc, plant::BatchRequest& request, Errors& errors) {
  if (!value.is_number() || (value.is_number_float() && value.get<double>() != std::floor(value.get<double>()))) {
    errors.add(loc, "int_type", "Input should be a valid integer", value);
    return;
  }
  const double seed = value.get<double>();
  if (seed < 0) {
    errors.add(loc, "greater_than_equal", "Input should be greater than or equal to 0", value, {{"ge", 0}});
  } else if (seed > static_cast<double>(process::kMaxSeed)) {
    errors.add(loc, "less_than_equal", "Input should be less than or equal to " + std::to_string(process::kMaxSeed),
               value, {{"le", process::kMaxSeed}});
  } else {
    request.seed = static_cast<std::uint64_t>(seed);
  }
}

// Says of a machine that the body does not name what is unusual about how it is set.
void warn_of_setting(const plant::Station& station, const process::Values& values, const Limits& limits,
                     std::vector<std::string>& warnings) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    if (auto warning = process::unusual(station.type->fields[i], *values[i])) found.push_back(std::move(*warning));
  }
  if (const auto remarks = station.type->model(limits.models).remarks) remarks(values, limits.design, found);
  for (const std::string& sentence : found)
    warnings.push_back(station.parameter_group + ", as the machine is set: " + sentence);
}

// "anode_mixing_params: ", or nothing where the body is the group.
std::string prefix(const Json& group_loc) {
  return group_loc.size() > 1 ? group_loc[1].get<std::string>() + ": " : std::string{};
}

}  // namespace

std::string_view flat_name(const process::MachineType& type, const process::FieldInfo& field) {
  return type.nested.empty() || field.alias.empty() ? field.name : field.alias;
}

void warn_of_settings(const plant::Layout& layout, const std::function<process::Values(const plant::Station&)>& current,
                      const Limits& limits, plant::BatchRequest& request) {
  // The reference models' own defaults are unusual; nobody who compares with them wants to hear it each time.
  if (limits.models == process::ModelSet::reference) return;
  for (const plant::Station& station : layout.stations()) {
    if (!request.parameters[station.index]) warn_of_setting(station, current(station), limits, request.warnings);
  }
}

void GroupReader::read_field(std::size_t index, const Json& value, const Json& loc, process::Values& values) {
  const process::FieldInfo& field = type_.fields[index];
  if (value.is_null() && field.optional) {
    values[index] = std::nullopt;
    return;
  }
  if (!value.is_number()) {
    errors_.add(loc, "float_type", "Input should be a valid number", value);
    comparable_ = false;
    return;
  }
  const double number = value.get<double>();
  values[index] = number;
  if (const auto violation = process::check_range(field, number)) {
    add_violation(errors_, loc, *violation, value);
  } else if (auto warning = process::unusual(field, number)) {
    std::string where;
    for (std::size_t i = 1; i + 1 < loc.size(); ++i) where += loc[i].get<std::string>() + ".";
    warnings_.push_back(where + *warning);
  }
}

void GroupReader::check_whole(const Json& group_loc, const Json& field_loc, const process::Values& values,
                              std::size_t errors_before) {
  if (!comparable_) return;
  const bool fields_valid = errors_.size() == errors_before;
  for (const auto& violation :
       type_.whole_violations(limits_.models, values, limits_.max_steps, limits_.design, fields_valid)) {
    if (violation.field.empty()) {
      add_violation(errors_, field_loc, violation, to_json(type_, values));
    } else {
      const Json& loc = type_.nested.empty() ? group_loc : field_loc;
      add_violation(errors_, join(loc, violation.field), violation, violation.input ? Json(*violation.input) : Json());
    }
  }
  const auto remarks = type_.model(limits_.models).remarks;
  if (remarks == nullptr || errors_.size() != errors_before) return;
  std::vector<std::string> found;
  remarks(values, limits_.design, found);
  for (const std::string& remark : found) warnings_.push_back(prefix(group_loc) + remark);
}

void GroupReader::merge(const Json& object, const Json& loc, process::Values& values) {
  if (!object.is_object()) {
    errors_.add(loc, "dict_type", "Input should be an object", object);
    return;
  }
  const std::size_t errors_before = errors_.size();
  Json field_loc = type_.nested.empty() ? loc : join(loc, type_.nested);
  bool nested = false;
  bool flat = false;
  for (const auto& [key, value] : object.items()) {
    if (!type_.nested.empty() && key == type_.nested) {
      nested = true;
      if (!value.is_object()) {
        errors_.add(join(loc, key), "dict_type", "Input should be an object", value);
        comparable_ = false;
        continue;
      }
      for (const auto& [name, inner] : value.items()) {
        const auto index = type_.index_of(name);
        if (index && type_.fields[*index].name == name) {
          read_field(*index, inner, join(field_loc, name), values);
        } else {
          errors_.add(join(field_loc, name), "extra_forbidden", std::string(kExtra), inner);
        }
      }
      continue;
    }
    const auto index = type_.index_of(key);
    if (!index || flat_name(type_, type_.fields[*index]) != key) {
      errors_.add(join(loc, key), "extra_forbidden", std::string(kExtra), value);
      continue;
    }
    flat = true;
    read_field(*index, value, join(loc, key), values);
  }
  if (nested && flat) {
    errors_.add(loc, "value_error",
                "Value error, give the fields either inside " + std::string(type_.nested) + " or flat, not both",
                object);
    return;
  }
  check_whole(loc, flat && !type_.nested.empty() ? loc : field_loc, values, errors_before);
}

void GroupReader::read_all(const Json& object, const Json& loc, process::Values& values) {
  if (!object.is_object()) {
    errors_.add(loc, "dict_type", "Input should be an object", object);
    return;
  }
  const std::size_t errors_before = errors_.size();
  values.assign(type_.fields.size(), std::nullopt);
  std::vector<bool> named(type_.fields.size(), false);
  for (const auto& [key, value] : object.items()) {
    const auto index = type_.index_of(key);
    if (index && type_.fields[*index].name == key) {
      named[*index] = true;
      read_field(*index, value, join(loc, key), values);
    } else {
      errors_.add(join(loc, key), "extra_forbidden", std::string(kExtra), value);
    }
  }
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (!named[i] && !type_.fields[i].optional) errors_.add_missing(join(loc, type_.fields[i].name));
  }
  check_whole(loc, loc, values, errors_before);
}

plant::BatchRequest read_batch_request(const Json& body, const plant::Layout& layout,
                                       const std::function<process::Values(const plant::Station&)>& current,
                                       const Limits& limits, Errors& errors) {
  plant::BatchRequest request;
  const Json loc = Json::array({"body"});
  if (!body.is_object()) {
    errors.add(loc, "dict_type", "Input should be an object", body);
    return request;
  }
  request.parameters.resize(layout.stations().size());
  for (const auto& [key, value] : body.items()) {
    if (key == "id") {
      read_id(value, join(loc, key), request, errors);
    } else if (key == "seed") {
      read_seed(value, join(loc, key), request, errors);
    } else if (const plant::Station* station = layout.find_group(key)) {
      process::Values values = current(*station);
      GroupReader(*station, limits, errors, request.warnings).merge(value, join(loc, key), values);
      request.parameters[station->index] = std::move(values);
    } else {
      errors.add(join(loc, key), "extra_forbidden", std::string(kExtra), value);
    }
  }
  warn_of_settings(layout, current, limits, request);
  return request;
}

Json to_json(const process::MachineType& type, const process::Values& values) {
  Json fields = Json::object();
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const auto& value = values[i];
    fields[std::string(type.fields[i].name)] = value ? Json(*value) : Json();
  }
  if (type.nested.empty()) return fields;
  Json nested = Json::object();
  nested[std::string(type.nested)] = std::move(fields);
  return nested;
}

Json to_json(std::span<const process::Output> outputs, process::Line line, std::span<const double> values) {
  Json properties = Json::object();
  for (std::size_t i = 0; i < outputs.size() && i < values.size(); ++i) {
    Json& property = properties[std::string(outputs[i].name_on(line))];
    switch (outputs[i].kind) {
      case process::Kind::number:
        property = values[i];
        break;
      case process::Kind::integer:
        property = static_cast<std::int64_t>(values[i]);
        break;
      case process::Kind::boolean:
        property = values[i] != 0;
        break;
    }
  }
  return properties;
}

namespace {

// Numbers of cells are whole unless only some of a batch's cells were computed and stand for all.
Json count_json(double cells) {
  return cells == std::floor(cells) ? Json(static_cast<std::int64_t>(cells)) : Json(cells);
}

Json figure_json(const process::Figure& figure, double value) {
  return figure.is_count ? count_json(value) : Json(value);
}

}  // namespace

Json to_json(const process::EndOfLine& figures) {
  Json json = Json::object();
  for (const process::Figure& figure : process::kFigures) {
    const auto& value = figures.*figure.member;
    json[std::string(figure.name)] = value ? figure_json(figure, *value) : Json();
  }
  Json& causes = json["scrap_causes"];
  if (figures.scrap_causes) {
    causes = Json::object();
    for (const auto& [cause, cells] : *figures.scrap_causes) causes[cause] = count_json(cells);
  }
  Json& energy = json["machine_energy_kWh"];
  if (figures.machine_energy_kWh) {
    energy = Json::object();
    for (const auto& [process, value] : *figures.machine_energy_kWh) energy[std::string(process)] = value;
  }
  return json;
}

}  // namespace battery_twin::api
