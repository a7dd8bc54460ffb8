#pragma once

#include <string_view>

namespace battery_twin::http {

/// Why a request is refused before anything else looks at it. The connection is closed: what follows cannot be framed.
struct Refusal {
  int status;
  std::string_view sentence;
};

}  // namespace battery_twin::http
