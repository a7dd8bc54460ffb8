#include "router.hpp"

#include <algorithm>
#include <optional>
#include <span>

namespace battery_twin::api {
namespace {

std::optional<std::vector<std::string>> parts_of(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parts;
  for (;;) {
    const std::string_view wanted = pattern.substr(0, pattern.find('/', 1));
    const std::string_view found = path.substr(0, path.find('/', 1));
    if (wanted.starts_with("/{")) {
      if (found.size() < 2) return std::nullopt;
      parts.emplace_back(found.substr(1));
    } else if (wanted != found) {
      return std::nullopt;
    }
    pattern.remove_prefix(wanted.size());
    path.remove_prefix(found.size());
    if (pattern.empty() && path.empty()) return parts;
    if (pattern.empty() || path.empty()) return std::nullopt;
  }
}

}  // namespace

Match match(std::span<const Route> table, std::string_view method, std::string_view path) {
  Match match;
  std::vector<std::string_view> methods;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : table) {
    auto parts = parts_of(route.pattern, path);
    if (!parts) continue;
    methods.push_back(route.method);
    if (route.method == "GET") methods.emplace_back("HEAD");
    if (route.method != wanted) continue;
    match.route = &route;
    match.parts = std::move(*parts);
  }
  if (methods.empty()) return match;
  methods.emplace_back("OPTIONS");
  for (const std::string_view one : methods) {
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += one;
  }
  return match;
}

}  // namespace battery_twin::api
