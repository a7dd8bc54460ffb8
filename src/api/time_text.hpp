#pragma once

#include <string>

#include "battery_twin/plant/event.hpp"

namespace battery_twin::api {

/// RFC 3339, UTC, microseconds: "2026-11-23T08:24:24.088774Z".
[[nodiscard]] std::string to_text(plant::Time time);

}  // namespace battery_twin::api
