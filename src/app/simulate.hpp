#pragma once

#include "options.hpp"

namespace battery_twin::app {

/// Runs the batches and writes what was asked for. @return the process's exit code
[[nodiscard]] int simulate(const SimulateOptions& options);

}  // namespace battery_twin::app
