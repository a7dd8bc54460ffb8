#include "cell_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "battery_twin/api/json.hpp"

namespace battery_twin::app {
namespace {

// A design takes one kilobyte. /dev/zero would be read for ever.
constexpr std::size_t kMostBytes = 1024 * 1024;

// A key as it may be shown on a terminal: cut, and with control characters escaped.
std::string shown(const std::string& key) {
  constexpr std::size_t kMost = 100;
  return api::Json(key.substr(0, kMost)).dump(-1, ' ', true, api::Json::error_handler_t::replace);
}

std::string known_names() {
  std::string names;
  for (const process::CellDesign& design : process::cell_designs()) names += (names.empty() ? "" : ", ") + design.name;
  return names;
}

}  // namespace

process::CellDesign read_cell(const std::string& name_or_path) {
  for (const process::CellDesign& design : process::cell_designs()) {
    if (design.name == name_or_path) return design;
  }
  std::ifstream file(name_or_path, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMostBytes) throw std::runtime_error(name_or_path + " is larger than 1 MiB");
  if (text.empty() || file.bad())
    throw std::runtime_error("there is neither a cell design nor a readable file " + name_or_path +
                             "; built-in designs are " + known_names());
  const auto parsed = api::parse_json(text);
  if (const auto* error = std::get_if<api::JsonError>(&parsed))
    throw std::runtime_error(name_or_path + ": " + error->message + " at " + api::dump(error->loc));
  const auto& document = std::get<api::Json>(parsed);
  if (!document.is_object()) throw std::runtime_error(name_or_path + " should hold a JSON object");

  process::CellDesign design = process::cell_designs().front();
  design.name = std::filesystem::path(name_or_path).stem().string();
  const auto fields = process::cell_design_fields();
  for (const auto& [key, value] : document.items()) {
    const auto wrong = [&, &name = key](const std::string& why) {
      return std::runtime_error(name_or_path + ": " + shown(name) + ": " + why);
    };
    if (key == "name") {
      if (!value.is_string()) throw wrong("should be a string");
      design.name = value.get<std::string>();
      const auto is_plain = [](char c) { return c >= ' ' && c != '\x7f'; };
      if (design.name.empty() || design.name.size() > 64 || !std::ranges::all_of(design.name, is_plain))
        throw wrong("should be 1 to 64 characters without control characters");
      continue;
    }
    const auto field = std::ranges::find(fields, std::string_view(key), &process::FieldInfo::name);
    if (field == fields.end()) throw wrong("there is no such field");
    if (!value.is_number()) throw wrong("should be a number");
    const auto number = value.get<double>();
    if (const auto violation = process::check_range(*field, number)) throw wrong(violation->message);
    if (key == "faces" && number != 1 && number != 2) throw wrong("should be 1 or 2");
    process::cell_design_value(design, static_cast<std::size_t>(field - fields.begin())) = number;
  }
  return design;
}

}  // namespace battery_twin::app
