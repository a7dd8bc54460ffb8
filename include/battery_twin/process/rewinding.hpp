#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Winding of anode, separator and cathode into a roll.
struct RewindingParameters {
  double rewinding_speed = 0;       ///< m/s
  double initial_tension = 0;       ///< N
  double tapering_steps = 0;        ///< exponent of the taper
  double environment_humidity = 0;  ///< %RH
};

/// Rewinding: anode, separator and cathode become one roll. First machine of the cell line.
[[nodiscard]] const MachineType& rewinding();

}  // namespace battery_twin::process
