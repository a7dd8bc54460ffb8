#pragma once

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// Storage of the charged cell, in which self-discharge shows.
struct AgingParameters {
  double k_leak = 0;           ///< 1/s
  double temperature = 0;      ///< K
  double aging_time_days = 0;  ///< d
};

/// Aging: the cell rests and its self-discharge is watched.
[[nodiscard]] const MachineType& aging();

}  // namespace battery_twin::process
