#pragma once

#include <string>

#include "battery_twin/api/assets.hpp"

namespace battery_twin::app {

/// Those that are a part of the program, if it was built with any.
[[nodiscard]] api::Assets embedded_assets();

/// Those in a folder as src/dashboard/build.mjs makes it, read at every request.
/// @throws std::runtime_error  one sentence, when it holds no index.html
[[nodiscard]] api::Assets assets_in(const std::string& folder);

}  // namespace battery_twin::app
