#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "battery_twin/api/message.hpp"
#include "declared_query.hpp"

namespace battery_twin::api {

/// What stood for the {…} of a pattern, in order.
using Parts = std::array<std::string_view, 2>;

/// An answer of a route. Those that every route may give, from 400 to 505, stand in openapi.cpp.
struct Answer {
  int status = 0;  ///< 0: no answer, the rest of a list
  std::string_view description;
  std::string_view schema{};  ///< its name in the documents; empty: an error with a sentence, unless there is a text
  std::string_view text{};  ///< media type of a text that stands for it, or comes instead where the client asks for it
};

/// A body that the route takes.
struct Example {
  std::string_view name;
  std::string_view summary;
  std::string_view body;
};

/// What /openapi.json says of a route.
struct Documentation {
  std::string_view operation;  ///< operationId: a name for a function
  std::string_view tag;
  std::string_view summary;
  std::string_view description{};
  std::array<Answer, 4> answers{};
  std::array<Example, 4> examples{};
};

struct Call;
class Routes;

/// One row of the table of routes: all that is known of a route but what it does.
struct Route {
  std::string_view method;
  std::string_view pattern;  ///< "/machine/{line_type}/{machine_id}/status"
  std::optional<Response> (Routes::*handle)(const Call&);
  std::optional<Access> access{};  ///< where it is not what its method says
  std::string_view body;           ///< the name of its body's schema in the document; empty: it takes none
  bool may_lack_body = false;      ///< with `body`: no body at all is taken as well, whatever type it is said to have
  QueryFields query;
  Documentation says;
};

/// A request on its way to its route.
struct Call {
  const RequestHead& head;
  std::string_view body;
  Parts parts;
  const Later& later;
  const Route& route;

  [[nodiscard]] DeclaredQuery query() const { return {head.query, route.query}; }
};

/// Whom a request with that method is for, unless its route says otherwise.
[[nodiscard]] Access usual_access(std::string_view method);
[[nodiscard]] inline Access access_of(const Route& route) { return route.access.value_or(usual_access(route.method)); }

struct Match {
  const Route* route = nullptr;  ///< nullptr where the path is unknown or has no such method
  Parts parts;                   ///< of the path
};

/// The route of a method and path. HEAD finds GET.
[[nodiscard]] Match match(std::span<const Route> table, std::string_view method, std::string_view path);

/// Every method of the path, for `Allow`; empty where the path is unknown.
[[nodiscard]] std::string allowed_methods(std::span<const Route> table, std::string_view path);

}  // namespace battery_twin::api
