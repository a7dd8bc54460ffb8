#pragma once

#include <string_view>

namespace battery_twin::http {

/// "OK" for 200; empty for a status that this server never gives.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace battery_twin::http
