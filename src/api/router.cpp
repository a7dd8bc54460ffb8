#include "router.hpp"

namespace battery_twin::api {
namespace {

// The first letter rules most routes out. No pattern begins with a {…}.
bool may_fit(std::string_view pattern, std::string_view path) {
  return pattern.size() > 1 ? path.size() > 1 && path[1] == pattern[1] : path.size() <= 1;
}

// What stood for the {…}, or nothing where the path does not fit.
std::optional<Parts> parts_of(std::string_view pattern, std::string_view path) {
  Parts parts;
  std::size_t found = 0;
  for (;;) {
    const auto brace = pattern.find('{');
    const std::string_view fixed = pattern.substr(0, brace);
    if (brace == std::string_view::npos) return path == fixed ? std::optional(parts) : std::nullopt;
    if (!path.starts_with(fixed)) return std::nullopt;
    path.remove_prefix(fixed.size());
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty()) return std::nullopt;
    parts.at(found++) = part;
    path.remove_prefix(part.size());
    pattern.remove_prefix(pattern.find('}') + 1);
  }
}

}  // namespace

Access usual_access(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" ? Access::reading : Access::changing;
}

Match match(std::span<const Route> table, std::string_view method, std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : table) {
    if (!may_fit(route.pattern, path) || route.method != wanted) continue;
    if (const auto parts = parts_of(route.pattern, path)) return {&route, *parts};
  }
  return {};
}

std::string allowed_methods(std::span<const Route> table, std::string_view path) {
  std::string list;
  for (const Route& route : table) {
    if (!parts_of(route.pattern, path)) continue;
    list += std::string(route.method) + (route.method == "GET" ? ", HEAD, " : ", ");
  }
  return list.empty() ? list : list + "OPTIONS";
}

}  // namespace battery_twin::api
