#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// First charge of the cell.
struct FormationCyclingParameters {
  double charge_current_A = 0;        ///< A
  double charge_voltage_limit_V = 0;  ///< V
  double initial_voltage = 0;         ///< V
  double formation_duration_s = 0;    ///< s
};

/// Formation: the first charge, on which the solid-electrolyte interphase (SEI) grows.
[[nodiscard]] const MachineType& formation_cycling();

}  // namespace battery_twin::process
