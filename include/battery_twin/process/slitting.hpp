#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Slitting of the web to the electrode's width.
struct SlittingParameters {
  double blade_sharpness = 0;   ///< relative to a new blade
  double slitting_speed = 0;    ///< m/s
  double target_width = 0;      ///< m
  double slitting_tension = 0;  ///< N
};

/// Slitting: the web is cut to the electrode's width.
[[nodiscard]] const MachineType& slitting();

}  // namespace battery_twin::process
