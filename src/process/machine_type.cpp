#include "battery_twin/process/machine_type.hpp"

#include <algorithm>
#include <cmath>

namespace battery_twin::process {

Values MachineType::defaults(ModelSet set, Line line) const {
  Values values;
  values.reserve(fields.size());
  for (const FieldInfo& field : fields)
    values.push_back((set == ModelSet::reference ? field.reference : field.mechanistic).of(line));
  return values;
}

std::vector<Violation> MachineType::violations(ModelSet set, const Values& values, std::uint32_t max_steps,
                                               const CellDesign& design) const {
  std::vector<Violation> found;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldInfo& field = fields[i];
    const std::optional<double> value = i < values.size() ? values[i] : std::nullopt;
    if (!value) {
      if (!field.optional) found.push_back({.field = field.name, .type = "missing", .message = "Field required"});
    } else if (!std::isfinite(*value)) {
      found.push_back({.field = field.name, .type = "finite_number", .message = "Input should be a finite number"});
    } else if (auto violation = check_range(field, *value)) {
      found.push_back(std::move(*violation));
    }
  }
  for (Violation& violation : whole_violations(set, values, max_steps, design, found.empty()))
    found.push_back(std::move(violation));
  return found;
}

std::vector<Violation> MachineType::whole_violations(ModelSet set, const Values& values, std::uint32_t max_steps,
                                                     const CellDesign& design, bool fields_valid) const {
  const MachineModel& rules = model(set);
  std::vector<Violation> found;
  if (check_whole != nullptr) check_whole(values, found);
  if (fields_valid && !rules.steps_field.empty() && !(std::floor(rules.steps(values, design)) <= max_steps)) {
    const auto index = index_of(rules.steps_field);
    found.push_back({.field = rules.steps_field,
                     .type = "value_error",
                     .message = "Value error, the machine would run for more than the allowed " +
                                std::to_string(max_steps) + " steps",
                     .input = index ? values[*index] : std::nullopt});
  }
  return found;
}

std::optional<std::size_t> MachineType::index_of(std::string_view field) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == field || (!fields[i].alias.empty() && fields[i].alias == field)) return i;
  }
  return std::nullopt;
}

Outcome judge(std::span<const Output> outputs, std::span<const double> properties) {
  Outcome worst = Outcome::pass;
  for (std::size_t i = 0; i < outputs.size() && i < properties.size(); ++i) {
    if (outputs[i].is_defect(properties[i])) worst = std::max(worst, outputs[i].consequence());
  }
  return worst;
}

}  // namespace battery_twin::process
