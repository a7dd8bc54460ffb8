#include "battery_twin/process/line.hpp"

namespace battery_twin::process {

std::string_view to_string(Line line) {
  switch (line) {
    case Line::anode:
      return "anode";
    case Line::cathode:
      return "cathode";
    case Line::cell:
      return "cell";
  }
  return "";
}

std::string_view to_string(ModelSet models) {
  switch (models) {
    case ModelSet::reference:
      return "reference";
    case ModelSet::mechanistic:
      return "mechanistic";
  }
  return "";
}

std::optional<Line> line_from(std::string_view name) {
  for (const Line line : kLines) {
    if (to_string(line) == name) return line;
  }
  return std::nullopt;
}

std::optional<ModelSet> model_set_from(std::string_view name) {
  for (const ModelSet models : kModelSets) {
    if (to_string(models) == name) return models;
  }
  return std::nullopt;
}

}  // namespace battery_twin::process
