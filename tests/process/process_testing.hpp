#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "battery_twin/process/aging.hpp"
#include "battery_twin/process/calendaring.hpp"
#include "battery_twin/process/coating.hpp"
#include "battery_twin/process/drying.hpp"
#include "battery_twin/process/electrolyte_filling.hpp"
#include "battery_twin/process/end_of_line.hpp"
#include "battery_twin/process/formation_cycling.hpp"
#include "battery_twin/process/inspection.hpp"
#include "battery_twin/process/mixing.hpp"
#include "battery_twin/process/rewinding.hpp"
#include "battery_twin/process/slitting.hpp"

namespace battery_twin::process::testing {

inline std::array<const MachineType*, 6> electrode_types() {
  return {&mixing(), &coating(), &drying(), &calendaring(), &slitting(), &inspection()};
}

inline std::array<const MachineType*, 4> cell_types() {
  return {&rewinding(), &electrolyte_filling(), &formation_cycling(), &aging()};
}

inline std::vector<std::pair<Line, const MachineType*>> all_machines() {
  std::vector<std::pair<Line, const MachineType*>> machines;
  for (const Line line : {Line::anode, Line::cathode}) {
    for (const MachineType* type : electrode_types()) machines.emplace_back(line, type);
  }
  for (const MachineType* type : cell_types()) machines.emplace_back(Line::cell, type);
  return machines;
}

inline std::size_t field(const MachineType& type, std::string_view name) {
  const auto index = type.index_of(name);
  if (!index) throw std::invalid_argument("no such field");
  return *index;
}

inline Values with(const MachineType& type, Values values, std::string_view name, std::optional<double> value) {
  values[field(type, name)] = value;
  return values;
}

/// The anode line's reference defaults with one field changed.
inline Values defaults_with(const MachineType& type, std::string_view name, std::optional<double> value) {
  return with(type, type.defaults(ModelSet::reference, Line::anode), name, value);
}

/// What is wrong with the values for the reference model, unless another set is named.
inline std::vector<Violation> violations(const MachineType& type, const Values& values, std::uint32_t max_steps,
                                         ModelSet models = ModelSet::reference) {
  return type.violations(models, values, max_steps, cell_designs().front());
}

/// What a machine did to a product, properties by step.
struct Trace {
  const MachineModel* model = nullptr;
  Line line{};
  std::uint32_t planned = 0;
  std::vector<double> initial;
  std::vector<std::vector<double>> steps;
  std::optional<std::string> early_end;

  [[nodiscard]] std::size_t output(std::string_view name) const {
    for (std::size_t i = 0; i < model->outputs.size(); ++i) {
      if (model->outputs[i].name_on(line) == name) return i;
    }
    throw std::invalid_argument("no such property");
  }
  [[nodiscard]] double at(std::size_t step, std::string_view name) const { return steps.at(step)[output(name)]; }
  [[nodiscard]] double last(std::string_view name) const { return steps.back()[output(name)]; }
  [[nodiscard]] double before(std::string_view name) const { return initial[output(name)]; }
};

inline const MachineModel& reference(const MachineType& type) { return type.model(ModelSet::reference); }

/// Runs the machine with its reference model to its end and hands on to `product`.
inline Trace run(const MachineType& type, Line line, Product& product, const Values& values,
                 std::optional<std::uint64_t> noise_seed = std::nullopt) {
  const MachineModel& model = reference(type);
  const auto run = model.start({.line = line,
                                .upstream = product,
                                .parameters = values,
                                .design = cell_designs().front(),
                                .noise = Noise(noise_seed.value_or(0), type.name, noise_seed.has_value())});
  Trace trace{.model = &model, .line = line, .planned = run->planned_steps()};
  std::vector<double> properties(model.outputs.size());
  run->properties(properties);
  trace.initial = properties;
  for (std::uint32_t t = 0; t < trace.planned; ++t) {
    trace.early_end = run->stop_reason();
    if (trace.early_end) break;
    run->step();
    run->properties(properties);
    trace.steps.push_back(properties);
  }
  run->hand_on(product);
  return trace;
}

}  // namespace battery_twin::process::testing
