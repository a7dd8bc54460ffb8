#pragma once

#include "options.hpp"

namespace battery_twin::app {

/// Serves until a signal ends it. @return the process's exit code
[[nodiscard]] int serve(const ServeOptions& options);

}  // namespace battery_twin::app
