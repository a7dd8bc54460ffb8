#pragma once

#include <string>

namespace battery_twin::app {

/// "0.1.0" of a release; beyond it, how many commits later and which: "0.1.0+12.gabcdef1".
[[nodiscard]] std::string version();

}  // namespace battery_twin::app
