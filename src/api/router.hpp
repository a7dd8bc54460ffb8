#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/api/message.hpp"

namespace battery_twin::api {

/// A request on its way to its route.
struct Call {
  const RequestHead& head;
  std::string_view body;
  std::vector<std::string> parts;  ///< what stood for the {…} of the pattern, in order
  Reply reply;
};

class Routes;

/// One row of the table of routes.
struct Route {
  std::string_view method;
  std::string_view pattern;  ///< "/machine/{line_type}/{machine_id}/status"
  void (Routes::*handle)(Call);
  bool takes_body = false;
};

/// The route of a path and method. HEAD finds GET.
struct Match {
  const Route* route = nullptr;  ///< nullptr where the path has no such method
  std::vector<std::string> parts;
  std::string allow;  ///< every method of the path, for `Allow`; empty where the path is unknown
};

[[nodiscard]] Match match(std::span<const Route> table, std::string_view method, std::string_view path);

}  // namespace battery_twin::api
