#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Slot-die coating of the slurry onto the foil.
struct CoatingParameters {
  double coating_speed = 0;  ///< m/s
  double gap_height = 0;     ///< m
  double flow_rate = 0;      ///< m³/s
  double coating_width = 0;  ///< m
};

/// Coating: the slurry becomes a wet film on the foil.
[[nodiscard]] const MachineType& coating();

}  // namespace battery_twin::process
