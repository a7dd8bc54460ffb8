#include "names.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "battery_twin/api/parameters.hpp"

namespace battery_twin::api::compat {
namespace {

constexpr double kZeroCelsius = 273.15;

// Without what adding and subtracting that leaves behind the point: 80 and not 80.00000000000001, 200 and not a little
// below it. No temperature is large; what is larger is refused later.
double tidied(double value) { return std::abs(value) < 1e6 ? std::round(value * 1e9) / 1e9 : value; }

constexpr auto kNamedOtherwise = std::to_array<NamedOtherwise>({
    {.machine = "mixing", .field = "AM", .label = "* AM"},
    {.machine = "mixing", .field = "CA", .label = "* CA"},
    {.machine = "mixing", .field = "PVDF", .label = "* PVDF"},
    {.machine = "mixing", .field = "solvent", .label = "* Solvent"},
    {.machine = "drying", .field = "wet_thickness", .is_hidden = true},
    {.machine = "drying", .field = "solid_content", .is_hidden = true},
    {.machine = "inspection", .field = "epsilon_width_max", .label = "Width Tolerance"},
    {.machine = "inspection", .field = "epsilon_thickness_max", .label = "Thickness Tolerance"},
    {.machine = "inspection", .field = "D_surface_max", .label = "Defects Allowed"},
    {.machine = "formation_cycling", .field = "charge_voltage_limit_V", .label = "Voltage"},
    {.machine = "formation_cycling", .field = "formation_duration_s", .may_be_absent = true},
    {.machine = "aging", .field = "k_leak", .label = "Leak Rate"},
    {.machine = "aging", .field = "aging_time_days", .label = "Aging Days"},
});

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

// "formation_cycling" in words: "Formation Cycling".
std::string words_of(std::string_view name) {
  std::string words;
  bool begins = true;
  for (const char c : name) {
    words += c == '_' ? ' ' : begins ? upper(c) : c;
    begins = c == '_';
  }
  return words;
}

// The unit behind some fields' names is no word of theirs.
std::string_view without_unit(const process::FieldInfo& field) {
  const std::string ending = "_" + std::string(field.unit);
  return field.name.ends_with(ending) ? field.name.substr(0, field.name.size() - ending.size()) : field.name;
}

std::string label_of(const process::FieldInfo& field, const NamedOtherwise* other, process::Line line) {
  if (other == nullptr || other->label.empty()) return words_of(without_unit(field));
  std::string label(other->label);
  if (label.front() == '*') label.replace(0, 1, words_of(to_string(line)));
  return label;
}

std::vector<Parameter> parameters_of(const plant::Station& station) {
  std::vector<Parameter> parameters;
  const process::MachineType& type = *station.type;
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const process::FieldInfo& field = type.fields[i];
    const auto known = std::ranges::find_if(kNamedOtherwise, [&](const NamedOtherwise& other) {
      return other.machine == type.name && other.field == field.name;
    });
    const NamedOtherwise* other = known == kNamedOtherwise.end() ? nullptr : &*known;
    if (other != nullptr && other->is_hidden) continue;
    parameters.push_back({.index = i,
                          .field = &field,
                          .name = flat_name(type, field),
                          .label = label_of(field, other, station.line),
                          .may_be_absent = field.optional || (other != nullptr && other->may_be_absent)});
  }
  return parameters;
}

template <class Range, class Value, class Member>
auto* found(Range& range, const Value& value, Member member) {
  const auto place = std::ranges::find(range, value, member);
  return place == range.end() ? nullptr : &*place;
}

}  // namespace

std::span<const NamedOtherwise> named_otherwise() { return kNamedOtherwise; }

double celsius(double kelvin) { return tidied(kelvin - kZeroCelsius); }

double Parameter::to_plant(double value) const { return is_temperature() ? tidied(value + kZeroCelsius) : value; }

double Parameter::from_plant(double value) const { return is_temperature() ? celsius(value) : value; }

const Parameter* Machine::find_name(std::string_view name) const { return found(parameters, name, &Parameter::name); }

const Parameter* Machine::find_label(std::string_view label) const {
  return found(parameters, label, &Parameter::label);
}

Names::Names(const plant::Layout& layout) {
  for (const plant::Station& station : layout.stations()) {
    const bool is_electrode = station.line != process::Line::cell;
    const std::string line(to_string(station.line));
    const std::string type(station.type->name);
    machines_.push_back({.station = &station,
                         .stage = is_electrode ? words_of(line) + " " + words_of(type) : words_of(type),
                         .table = is_electrode ? line + "_" + type : type,
                         .parameters = parameters_of(station)});
  }
}

const Machine* Names::find_stage(std::string_view stage) const { return found(machines_, stage, &Machine::stage); }

const Machine* Names::find_table(std::string_view table) const { return found(machines_, table, &Machine::table); }

}  // namespace battery_twin::api::compat
