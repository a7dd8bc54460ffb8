#pragma once

#include <optional>

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Compaction of the dried film between two rolls.
struct CalendaringParameters {
  double roll_gap = 0;                     ///< m
  double roll_pressure = 0;                ///< Pa
  double temperature = 0;                  ///< K
  double roll_speed = 0;                   ///< m/s
  std::optional<double> dry_thickness;     ///< m
  std::optional<double> initial_porosity;  ///< 0–1
};

/// Calendering (the wire spells it calendaring): the film is pressed to its final porosity.
[[nodiscard]] const MachineType& calendaring();

}  // namespace battery_twin::process
