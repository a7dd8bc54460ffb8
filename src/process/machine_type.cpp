#include "battery_twin/process/machine_type.hpp"

#include <cmath>

namespace battery_twin::process {

Values MachineType::defaults(ModelSet models, Line line) const {
  Values values;
  values.reserve(fields.size());
  for (const FieldInfo& field : fields) {
    switch (models) {
      case ModelSet::reference:
        values.push_back(field.reference.of(line));
        break;
    }
  }
  return values;
}

std::vector<Violation> MachineType::violations(const Values& values, std::uint32_t max_steps) const {
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
  for (Violation& violation : whole_violations(values, max_steps, found.empty())) found.push_back(std::move(violation));
  return found;
}

std::vector<Violation> MachineType::whole_violations(const Values& values, std::uint32_t max_steps,
                                                     bool fields_valid) const {
  std::vector<Violation> found;
  if (check_whole != nullptr) check_whole(values, found);
  if (fields_valid && !steps_field.empty() && !(std::floor(steps(values)) <= max_steps)) {
    const auto index = index_of(steps_field);
    found.push_back({.field = steps_field,
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

}  // namespace battery_twin::process
