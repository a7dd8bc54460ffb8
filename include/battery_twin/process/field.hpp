#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "battery_twin/process/line.hpp"

namespace battery_twin::process {

/// An interval of a parameter. A bound that is not set does not bind; an exclusive bound is not itself allowed.
struct Range {
  std::optional<double> above;     ///< greater than (exclusive)
  std::optional<double> at_least;  ///< greater than or equal
  std::optional<double> below;     ///< less than (exclusive)
  std::optional<double> at_most;   ///< less than or equal

  /// False for NaN where any bound is set.
  [[nodiscard]] constexpr bool contains(double value) const {
    return (!above || value > *above) && (!at_least || value >= *at_least) && (!below || value < *below) &&
           (!at_most || value <= *at_most);
  }
  [[nodiscard]] constexpr bool is_open() const { return !above && !at_least && !below && !at_most; }
};

/// (0, limit]
[[nodiscard]] constexpr Range positive_up_to(double limit) { return {.above = 0.0, .at_most = limit}; }
/// [low, high]
[[nodiscard]] constexpr Range between(double low, double high) { return {.at_least = low, .at_most = high}; }
/// (0, 1)
[[nodiscard]] constexpr Range open_unit_interval() { return {.above = 0.0, .below = 1.0}; }

/// A default that may differ between the two electrode lines; empty means "from upstream".
struct Default {
  std::optional<double> anode;
  std::optional<double> cathode;

  constexpr Default() = default;
  constexpr Default(double both) : anode(both), cathode(both) {}  // NOLINT(google-explicit-constructor)
  constexpr Default(double for_anode, double for_cathode) : anode(for_anode), cathode(for_cathode) {}

  [[nodiscard]] constexpr std::optional<double> of(Line line) const { return line == Line::cathode ? cathode : anode; }
};

/// What everybody outside a machine's own file knows of one of its parameters. SI units.
struct FieldInfo {
  std::string_view name;         ///< public name, e.g. "gap_height"
  std::string_view alias;        ///< a second accepted name ("AM_ratio"), or empty
  std::string_view unit;         ///< "m", "m/s", …; "1" for a ratio
  std::string_view description;  ///< one line
  std::string_view hint;         ///< said when the value is below its range, e.g. that kelvin is meant; or empty
  Default reference;             ///< default in the `reference` model set
  Default mechanistic;           ///< default in the `mechanistic` model set
  Range hard;                    ///< outside: refused
  Range usual;                   ///< outside: accepted with a warning
  bool optional = false;         ///< may be absent: then taken from what the upstream machine delivered
};

/// One row of a machine type's parameter table: the only declaration of that parameter.
/// P is the machine's parameter struct, `member` the place in it.
template <class P>
struct Field {
  std::string_view name;
  std::variant<double P::*, std::optional<double> P::*> member;
  std::string_view unit;
  std::string_view description;
  Default reference;
  std::optional<Default> mechanistic{};  ///< not set: as in `reference`
  Range hard;
  Range usual{};
  std::string_view alias{};
  std::string_view hint{};

  [[nodiscard]] constexpr FieldInfo info() const {
    return {name,
            alias,
            unit,
            description,
            hint,
            reference,
            mechanistic.value_or(reference),
            hard,
            usual,
            member.index() == 1};
  }
};

/// A parameter set without its type: one value per field, in table order; empty only where the field is optional.
using Values = std::vector<std::optional<double>>;

/// Fills the parameter struct of a machine type from its untyped values (same order as the table).
template <class P, class Table>
[[nodiscard]] P to_parameters(const Table& table, const Values& values) {
  P parameters{};
  std::size_t i = 0;
  for (const Field<P>& field : table) {
    const std::optional<double> value = i < values.size() ? values[i] : std::nullopt;
    if (const auto* required = std::get_if<double P::*>(&field.member)) {
      parameters.*(*required) = value.value_or(std::numeric_limits<double>::quiet_NaN());
    } else {
      parameters.*(std::get<std::optional<double> P::*>(field.member)) = value;
    }
    ++i;
  }
  return parameters;
}

/// How a published property is to be read.
enum class Kind : std::uint8_t { number, integer, boolean };

/// What a property of kind boolean says of the product.
enum class Verdict : std::uint8_t {
  none,
  risk,    ///< true: a defect is likely
  rework,  ///< true: the product needs rework
  scrap,   ///< true: the product is scrap
  test,    ///< false: the product failed a test and is scrap
};

/// What a machine decides on the product.
enum class Outcome : std::uint8_t { pass, rework, scrap };

/// "pass", "rework", "scrap".
[[nodiscard]] std::string_view to_string(Outcome outcome);

/// One property of the product that a machine publishes after each step.
struct Output {
  std::string_view name;
  std::string_view unit;
  std::string_view description;
  Kind kind = Kind::number;
  Verdict verdict = Verdict::none;
  std::string_view cathode_name{};  ///< name on the cathode line where it differs

  /// The value that a parameter really had: the one asked for plus process noise. Studies ask what these explain.
  bool disturbed = false;

  /// True when `value` speaks against the product.
  [[nodiscard]] constexpr bool is_defect(double value) const {
    switch (verdict) {
      case Verdict::none:
        return false;
      case Verdict::test:
        return value == 0;
      case Verdict::risk:
      case Verdict::rework:
      case Verdict::scrap:
        return value != 0;
    }
    return false;
  }

  /// What follows from a defect.
  [[nodiscard]] constexpr Outcome consequence() const {
    if (verdict == Verdict::scrap || verdict == Verdict::test) return Outcome::scrap;
    return verdict == Verdict::rework ? Outcome::rework : Outcome::pass;
  }

  [[nodiscard]] constexpr std::string_view name_on(Line line) const {
    return line == Line::cathode && !cathode_name.empty() ? cathode_name : name;
  }
};

/// One thing that is wrong with a parameter set.
struct Violation {
  std::string_view field;         ///< the field at fault; empty when the set as a whole is
  std::string_view type;          ///< "greater_than", "less_than_equal", "value_error", …
  std::string message;            ///< e.g. "Input should be greater than 0"
  std::string_view limit_name{};  ///< "gt", "ge", "lt", "le", or empty
  std::optional<double> limit{};  ///< the bound that was crossed
  std::optional<double> input{};  ///< the value found
};

/// The first bound of `field.hard` that `value` crosses, if any. `value` must be finite.
[[nodiscard]] std::optional<Violation> check_range(const FieldInfo& field, double value);

/// A sentence with the usual range when a valid `value` lies outside it, e.g.
/// "gap_height 0.01 m is unusual: usually between 5e-05 and 5e-04 m".
[[nodiscard]] std::optional<std::string> unusual(const FieldInfo& field, double value);

/// The shortest decimal that reads back as the same number.
[[nodiscard]] std::string to_text(double value);

/// With four significant digits, for sentences that people read.
[[nodiscard]] std::string approximately(double value);

}  // namespace battery_twin::process
