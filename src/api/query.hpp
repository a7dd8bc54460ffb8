#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "battery_twin/api/parameters.hpp"

namespace battery_twin::api {

/// A query string, percent-decoded. Of a name that stands twice the last one counts; unknown names are ignored.
class Query {
 public:
  explicit Query(std::string_view text);

  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;
  /// Adds an error and gives nothing where the value is not an integer in [low, high].
  [[nodiscard]] std::optional<std::uint64_t> integer(std::string_view name, std::uint64_t low, std::uint64_t high,
                                                     Errors& errors) const;
  /// 1 and true, 0 and false.
  [[nodiscard]] bool flag(std::string_view name, Errors& errors) const;
  /// Adds the error that `value` is none of `allowed` (a readable list).
  static void add_choice_error(std::string_view name, std::string_view value, std::string_view allowed, Errors& errors);

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace battery_twin::api
