#include "battery_twin/plant/layout.hpp"

#include <algorithm>
#include <stdexcept>

#include "battery_twin/process/aging.hpp"
#include "battery_twin/process/calendaring.hpp"
#include "battery_twin/process/coating.hpp"
#include "battery_twin/process/drying.hpp"
#include "battery_twin/process/electrolyte_filling.hpp"
#include "battery_twin/process/formation_cycling.hpp"
#include "battery_twin/process/inspection.hpp"
#include "battery_twin/process/mixing.hpp"
#include "battery_twin/process/rewinding.hpp"
#include "battery_twin/process/slitting.hpp"

namespace battery_twin::plant {

using process::Line;

Layout::Layout(const Types& electrode_line, const Types& cell_line) {
  if (electrode_line.empty() || cell_line.empty()) throw std::invalid_argument("every line needs a machine");
  for (const Line line : process::kLines) {
    first_[static_cast<std::size_t>(line)] = stations_.size();
    const std::string line_name{to_string(line)};
    for (const process::MachineType* type : line == Line::cell ? cell_line : electrode_line) {
      const std::string type_name{type->name};
      if (find_process(type_name + "_" + line_name) != nullptr)
        throw std::invalid_argument(type_name + " stands twice in the " + line_name + " line");
      stations_.push_back({.index = stations_.size(),
                           .line = line,
                           .type = type,
                           .process_name = type_name + "_" + line_name,
                           .parameter_group = (line == Line::cell ? "" : line_name + "_") + type_name + "_params"});
    }
  }
  first_.back() = stations_.size();
}

std::span<const Station> Layout::stations(Line line) const {
  const auto i = static_cast<std::size_t>(line);
  return std::span(stations_).subspan(first_[i], first_[i + 1] - first_[i]);
}

const Station* Layout::find(Line line, std::string_view machine) const {
  for (const Station& station : stations(line)) {
    if (station.type->name == machine) return &station;
  }
  return nullptr;
}

const Station* Layout::find_process(std::string_view process_name) const {
  const auto found = std::ranges::find(stations_, process_name, &Station::process_name);
  return found == stations_.end() ? nullptr : &*found;
}

const Station* Layout::find_group(std::string_view parameter_group) const {
  const auto found = std::ranges::find(stations_, parameter_group, &Station::parameter_group);
  return found == stations_.end() ? nullptr : &*found;
}

const Layout& standard_layout() {
  static const Layout layout{{
                                 &process::mixing(),
                                 &process::coating(),
                                 &process::drying(),
                                 &process::calendaring(),
                                 &process::slitting(),
                                 &process::inspection(),
                             },
                             {
                                 &process::rewinding(),
                                 &process::electrolyte_filling(),
                                 &process::formation_cycling(),
                                 &process::aging(),
                             }};
  return layout;
}

}  // namespace battery_twin::plant
