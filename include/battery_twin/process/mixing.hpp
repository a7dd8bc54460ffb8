#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Recipe of the slurry. Volume fractions in `reference`; they sum to 1.
struct MixingParameters {
  double am = 0;       ///< active material
  double ca = 0;       ///< conductive additive (carbon black)
  double pvdf = 0;     ///< binder
  double solvent = 0;  ///< water on the anode line, NMP on the cathode line
};

/// Mixing: solvent, then binder, carbon and active material in portions, into a 200 L tank.
[[nodiscard]] const MachineType& mixing();

}  // namespace battery_twin::process
