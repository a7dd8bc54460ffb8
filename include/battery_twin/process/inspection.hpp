#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Tolerances of the electrode inspection.
struct InspectionParameters {
  double epsilon_width_max = 0;      ///< m
  double epsilon_thickness_max = 0;  ///< m
  double b_max = 0;                  ///< burr factor
  double d_surface_max = 0;          ///< count
};

/// Inspection: width, thickness, burr and surface defects against their tolerances.
[[nodiscard]] const MachineType& inspection();

}  // namespace battery_twin::process
