#include "battery_twin/process/field.hpp"

#include <array>
#include <charconv>

namespace battery_twin::process {
namespace {

Violation crossed(const FieldInfo& field, double value, std::string_view type, std::string_view words,
                  std::string_view limit_name, double limit) {
  Violation violation{.field = field.name,
                      .type = type,
                      .message = "Input should be " + std::string(words) + " " + to_text(limit),
                      .limit_name = limit_name,
                      .limit = limit,
                      .input = value};
  const bool too_small = limit_name == "gt" || limit_name == "ge";
  if (too_small && !field.hint.empty()) violation.message += "; " + std::string(field.hint);
  return violation;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::rework:
      return "rework";
    case Outcome::scrap:
      return "scrap";
  }
  return "";
}

std::string to_text(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string approximately(double value) {
  std::array<char, 32> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific, 3);
  double rounded = value;
  std::from_chars(buffer.data(), written.ptr, rounded);
  return to_text(rounded);
}

std::optional<Violation> check_range(const FieldInfo& field, double value) {
  const Range& hard = field.hard;
  if (hard.above && !(value > *hard.above))
    return crossed(field, value, "greater_than", "greater than", "gt", *hard.above);
  if (hard.at_least && !(value >= *hard.at_least))
    return crossed(field, value, "greater_than_equal", "greater than or equal to", "ge", *hard.at_least);
  if (hard.below && !(value < *hard.below)) return crossed(field, value, "less_than", "less than", "lt", *hard.below);
  if (hard.at_most && !(value <= *hard.at_most))
    return crossed(field, value, "less_than_equal", "less than or equal to", "le", *hard.at_most);
  return std::nullopt;
}

std::optional<std::string> unusual(const FieldInfo& field, double value) {
  if (field.usual.is_open() || field.usual.contains(value)) return std::nullopt;
  const auto low = field.usual.above ? field.usual.above : field.usual.at_least;
  const auto high = field.usual.below ? field.usual.below : field.usual.at_most;
  std::string unit;
  if (field.unit != "1") unit.append(" ").append(field.unit);
  std::string text = std::string(field.name) + " " + to_text(value) + unit + " is unusual: usually ";
  if (low && high)
    text += "between " + to_text(*low) + " and " + to_text(*high);
  else if (high)
    text += "at most " + to_text(*high);
  else
    text += "at least " + to_text(*low);
  return text + unit;
}

}  // namespace battery_twin::process
