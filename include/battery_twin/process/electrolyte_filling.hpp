#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Filling of the roll's pores with electrolyte.
struct ElectrolyteFillingParameters {
  double vacuum_level = 0;    ///< mbar, absolute
  double vacuum_filling = 0;  ///< mbar, absolute
  double soaking_time = 0;    ///< s
};

/// Electrolyte filling: the pores take up electrolyte while the cell soaks.
[[nodiscard]] const MachineType& electrolyte_filling();

}  // namespace battery_twin::process
