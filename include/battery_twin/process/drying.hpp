#pragma once

#include <optional>

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Convective drying of the wet film.
struct DryingParameters {
  double web_speed = 0;                 ///< m/s
  std::optional<double> wet_thickness;  ///< m; empty: as coated
  std::optional<double> solid_content;  ///< 0–1; empty: as coated
};

/// Drying: the solvent leaves the film in a 10 m dryer.
[[nodiscard]] const MachineType& drying();

}  // namespace battery_twin::process
