#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "query.hpp"

namespace battery_twin::api {

/// One parameter of a query: the only declaration of it, from which it is read, checked and documented.
struct QueryField {
  enum class Kind : std::uint8_t {
    none,     ///< no parameter: the rest of a list
    text,     ///< any
    integer,  ///< in [low, high]
    flag,     ///< 1, true, 0 or false
    choice,   ///< one of `choices`
    process,  ///< the process name of a machine, "mixing_anode"
    machine,  ///< that, or the name of its type, "mixing"
  };
  std::string_view name;
  std::string_view description;
  Kind kind = Kind::none;
  std::string_view fallback{};  ///< what an absent one means, written as it would be sent; or empty
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::array<std::string_view, 5> choices{};  ///< filled from the front
};

/// As many as a route has at most; filled from the front.
using QueryFields = std::array<QueryField, 5>;

/// The query of a route. Only what is declared can be read, so all that is read is documented: another name is a
/// std::logic_error.
class DeclaredQuery {
 public:
  /// @param text, fields  must outlive the result
  DeclaredQuery(std::string_view text, std::span<const QueryField> fields) : query_(text), fields_(fields) {}

  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;
  /// What was sent, else the fallback. Nothing where there is neither, or an error was added.
  [[nodiscard]] std::optional<std::uint64_t> integer(std::string_view name, Errors& errors) const;
  [[nodiscard]] std::optional<std::string_view> choice(std::string_view name, Errors& errors) const;
  [[nodiscard]] bool flag(std::string_view name, Errors& errors) const;

 private:
  [[nodiscard]] const QueryField& field(std::string_view name) const;

  Query query_;
  std::span<const QueryField> fields_;
};

/// "'a', 'b' or 'c'"
[[nodiscard]] std::string listed(const QueryField& field);

}  // namespace battery_twin::api
