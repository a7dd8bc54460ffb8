#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "battery_twin/api/message.hpp"

namespace battery_twin::api {

/// What stood for the {…} of a pattern, in order.
using Parts = std::array<std::string_view, 2>;

/// A request on its way to its route.
struct Call {
  const RequestHead& head;
  std::string_view body;
  Parts parts;
  const Later& later;
};

class Routes;

/// One row of the table of routes.
struct Route {
  std::string_view method;
  std::string_view pattern;  ///< "/machine/{line_type}/{machine_id}/status"
  std::optional<Response> (Routes::*handle)(const Call&);
  bool takes_body = false;
};

struct Match {
  const Route* route = nullptr;  ///< nullptr where the path is unknown or has no such method
  Parts parts;                   ///< of the path
};

/// The route of a method and path. HEAD finds GET.
[[nodiscard]] Match match(std::span<const Route> table, std::string_view method, std::string_view path);

/// Every method of the path, for `Allow`; empty where the path is unknown.
[[nodiscard]] std::string allowed_methods(std::span<const Route> table, std::string_view path);

}  // namespace battery_twin::api
