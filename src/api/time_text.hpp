#pragma once

#include <array>
#include <string>
#include <string_view>

#include "battery_twin/plant/event.hpp"

namespace battery_twin::api {

/// A time in UTC with microseconds, as ISO 8601 has it: 2026-11-25T18:04:03.000123Z.
class TimeText {
 public:
  explicit TimeText(plant::Time time);
  [[nodiscard]] std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 27> text_;
};

[[nodiscard]] inline std::string to_text(plant::Time time) { return std::string(TimeText(time).view()); }

}  // namespace battery_twin::api
