#include "records.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace battery_twin::store {
namespace {

using Json = nlohmann::ordered_json;  // people read the file: names stay in the order of the tables

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// Names of fields and properties are identifiers, so they need no escapes.
void append_number(std::string& text, std::string_view name, std::optional<double> value) {
  text += text.size() > 1 ? ",\"" : "\"";
  text += name;
  text += "\":";
  text += value && std::isfinite(*value) ? process::to_text(*value) : "null";
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json parse(std::string_view text, Json::value_t expected) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || json.type() != expected) {
    throw std::runtime_error("The database holds something else than what was written into it: " +
                             std::string(text.substr(0, 80)));
  }
  return json;
}

std::optional<double> number(const Json& json) {
  return json.is_number() ? std::optional(json.get<double>()) : std::nullopt;
}

std::optional<double> number(const Json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() ? std::nullopt : number(*found);
}

struct Named {
  std::string_view name;
  std::optional<double> value;
};

// An object of numbers and nulls just as `append_number` writes it; nothing where it is written in any other way. A
// finished batch has 32 of them and a plant that starts reads thousands of batches.
std::optional<std::vector<Named>> read_as_written(std::string_view text) {
  std::vector<Named> found;
  if (text == "{}") return found;
  if (!text.starts_with("{\"")) return std::nullopt;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (char before = '{'; at != end && *at == before; before = ',') {
    if (++at == end || *at != '"') return std::nullopt;
    const char* const name = ++at;
    while (at != end && *at != '"' && *at != '\\') ++at;
    if (end - at < 3 || at[0] != '"' || at[1] != ':') return std::nullopt;
    Named item{{name, static_cast<std::size_t>(at - name)}, std::nullopt};
    at += 2;
    if (std::string_view(at, end).starts_with("null")) {
      at += 4;
    } else {
      double value = 0;
      const auto [behind, error] = std::from_chars(at, end, value);
      if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
      at = behind;
      item.value = value;
    }
    found.push_back(item);
  }
  return end - at == 1 && *at == '}' ? std::optional(std::move(found)) : std::nullopt;
}

// An object of numbers, whoever wrote it. The names point into `json` or `text`.
std::vector<Named> read_numbers(std::string_view text, Json& json) {
  if (auto found = read_as_written(text)) return std::move(*found);
  json = parse(text, Json::value_t::object);
  std::vector<Named> found;
  for (const auto& [name, value] : json.get_ref<const Json::object_t&>()) found.push_back({name, number(value)});
  return found;
}

// Most often it stands at the same place as in the table.
const Named* find(const std::vector<Named>& all, std::string_view name, std::size_t place) {
  if (place < all.size() && all[place].name == name) return &all[place];
  const auto found = std::ranges::find(all, name, &Named::name);
  return found == all.end() ? nullptr : &*found;
}

template <class Enum, std::size_t n>
std::optional<Enum> value_of(std::string_view name, const std::array<Enum, n>& values) {
  for (const Enum value : values) {
    if (to_string(value) == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> property_names(const plant::Station& station, process::ModelSet models) {
  std::vector<std::string> names;
  for (const process::Output& output : station.type->model(models).outputs) {
    names.emplace_back(output.name_on(station.line));
  }
  return names;
}

std::string parameters_to_json(const plant::Station& station, const process::Values& values) {
  std::string text = "{";
  for (std::size_t i = 0; i < values.size() && i < station.type->fields.size(); ++i) {
    append_number(text, station.type->fields[i].name, values[i]);
  }
  return text += '}';
}

process::Values parameters_from_json(const plant::Station& station, process::ModelSet models, std::string_view text) {
  Json json;
  const std::vector<Named> kept = read_numbers(text, json);
  process::Values values = station.type->defaults(models, station.line);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const process::FieldInfo& field = station.type->fields[i];
    const Named* found = find(kept, field.name, i);
    // Null is a value of optional fields: "from upstream".
    if (found != nullptr && (found->value || field.optional)) values[i] = found->value;
  }
  return values;
}

std::string properties_to_json(std::span<const std::string> names, std::span<const double> values) {
  std::string text = "{";
  for (std::size_t i = 0; i < values.size() && i < names.size(); ++i) append_number(text, names[i], values[i]);
  return text += '}';
}

std::vector<double> properties_from_json(std::span<const std::string> names, std::string_view text) {
  Json json;
  const std::vector<Named> kept = read_numbers(text, json);
  std::vector<double> values;
  values.reserve(names.size());
  for (const std::string& name : names) {
    const Named* found = find(kept, name, values.size());
    values.push_back(found != nullptr ? found->value.value_or(kUnknown) : kUnknown);
  }
  return values;
}

std::string design_to_json(const process::CellDesign& design) {
  Json json{{"name", design.name}};
  process::CellDesign copy = design;
  const auto fields = process::cell_design_fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    json[std::string(fields[i].name)] = process::cell_design_value(copy, i);
  }
  return dump(json);
}

process::CellDesign design_from_json(std::string_view text) {
  const Json json = parse(text, Json::value_t::object);
  process::CellDesign design = process::cell_designs().front();
  if (const auto name = json.find("name"); name != json.end() && name->is_string()) design.name = *name;
  const auto fields = process::cell_design_fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (const auto value = number(json, fields[i].name)) process::cell_design_value(design, i) = *value;
  }
  return design;
}

std::string end_of_line_to_json(const process::EndOfLine& end) {
  Json json = Json::object();
  for (const process::Figure& figure : process::kFigures) {
    if (const auto value = end.*figure.member) json[std::string(figure.name)] = *value;
  }
  if (end.scrap_causes) {
    Json& causes = json["scrap_causes"] = Json::object();
    for (const auto& [cause, cells] : *end.scrap_causes) causes[cause] = cells;
  }
  if (end.machine_energy_kWh) {
    Json& energy = json["machine_energy_kWh"] = Json::object();
    for (const auto& [machine, value] : *end.machine_energy_kWh) energy[std::string(machine)] = value;
  }
  return dump(json);
}

process::EndOfLine end_of_line_from_json(const plant::Layout& layout, std::string_view text) {
  const Json json = parse(text, Json::value_t::object);
  process::EndOfLine end;
  for (const process::Figure& figure : process::kFigures) end.*figure.member = number(json, figure.name);
  if (const auto causes = json.find("scrap_causes"); causes != json.end() && causes->is_object()) {
    auto& cells = end.scrap_causes.emplace();
    for (const auto& [cause, value] : causes->items()) cells[cause] = number(value).value_or(0);
  }
  if (const auto energy = json.find("machine_energy_kWh"); energy != json.end() && energy->is_object()) {
    auto& machines = end.machine_energy_kWh.emplace();
    // In the plant's order: PostgreSQL, from which a file may be restored, sorts names in its own way.
    for (const plant::Station& station : layout.stations()) {
      const auto value = energy->find(station.process_name);
      if (value != energy->end()) machines.push_back({station.process_name, number(*value).value_or(kUnknown)});
    }
  }
  return end;
}

std::string lines_to_json(const plant::Layout& layout, const Lines& lines) {
  Json json = Json::object();
  for (const process::Line line : process::kLines) {
    const plant::LineProgress& progress = lines[static_cast<std::size_t>(line)];
    Json& item =
        json[std::string(to_string(line))] = {{"progress", progress.progress}, {"completed", progress.completed}};
    if (progress.station) item["station"] = layout.stations()[*progress.station].process_name;
  }
  return dump(json);
}

Lines lines_from_json(const plant::Layout& layout, std::string_view text) {
  const Json json = parse(text, Json::value_t::object);
  Lines lines{};
  for (const process::Line line : process::kLines) {
    const auto item = json.find(std::string(to_string(line)));
    if (item == json.end() || !item->is_object()) continue;
    plant::LineProgress& progress = lines[static_cast<std::size_t>(line)];
    progress.progress = number(*item, "progress").value_or(0);
    if (const auto completed = item->find("completed"); completed != item->end() && completed->is_boolean()) {
      progress.completed = *completed;
    }
    if (const auto name = item->find("station"); name != item->end() && name->is_string()) {
      const plant::Station* station = layout.find_process(name->get_ref<const std::string&>());
      if (station != nullptr) progress.station = station->index;
    }
  }
  return lines;
}

std::string texts_to_json(std::span<const std::string> texts) {
  if (texts.empty()) return "[]";
  Json json = Json::array();
  for (const std::string& text : texts) json.push_back(text);
  return dump(json);
}

std::vector<std::string> texts_from_json(std::string_view text) {
  if (text == "[]") return {};
  std::vector<std::string> texts;
  for (const Json& item : parse(text, Json::value_t::array)) {
    if (item.is_string()) texts.push_back(item);
  }
  return texts;
}

std::optional<plant::BatchStatus> batch_status_from(std::string_view name) {
  using enum plant::BatchStatus;
  return value_of(name, std::array{queued, running, cancelling, completed, failed, cancelled});
}

std::optional<plant::MachineStatus> machine_status_from(std::string_view name) {
  using enum plant::MachineStatus;
  return value_of(name, std::array{pending, running, completed, stopped});
}

std::optional<process::Outcome> outcome_from(std::string_view name) {
  using enum process::Outcome;
  return value_of(name, std::array{pass, rework, scrap});
}

std::optional<plant::EventType> event_type_from(std::string_view name) {
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) {
    if (to_string(static_cast<plant::EventType>(i)) == name) return static_cast<plant::EventType>(i);
  }
  return std::nullopt;
}

void append_doubles(std::span<const double> values, std::string& bytes) {
  if constexpr (std::endian::native == std::endian::little) {
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  } else {
    for (const double value : values) {
      const auto bits = std::bit_cast<std::uint64_t>(value);
      for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(bits >> shift);
    }
  }
}

std::vector<double> doubles_from(std::string_view bytes) {
  std::vector<double> values(bytes.size() / sizeof(double));
  if constexpr (std::endian::native == std::endian::little) {
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  } else {
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::uint64_t bits = 0;
      for (std::size_t byte = 0; byte < sizeof(double); ++byte) {
        bits |= std::uint64_t{static_cast<unsigned char>(bytes[i * sizeof(double) + byte])} << (8 * byte);
      }
      values[i] = std::bit_cast<double>(bits);
    }
  }
  return values;
}

}  // namespace battery_twin::store
