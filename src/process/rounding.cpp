#include "battery_twin/process/rounding.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace battery_twin::process {

double round4_correctly(double value) {
  // From 2^53 on a double is a whole number; infinity and NaN pass through for the finite check.
  if (!(std::abs(value) < 0x1p53)) return value;
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, 4);
  double rounded = value;
  std::from_chars(buffer.data(), written.ptr, rounded);
  return rounded;
}

double round4_scaled(double value) { return std::nearbyint(value * 1e4) / 1e4; }

}  // namespace battery_twin::process
