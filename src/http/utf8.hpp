#pragma once

#include <cstdint>
#include <string_view>

namespace battery_twin::http {

/// Checks a text for UTF-8 as its bytes come in.
class Utf8Check {
 public:
  /// False at the first byte that no valid text has at this place. After that the check is of no use any more.
  [[nodiscard]] bool take(std::string_view bytes);
  /// The text may end here.
  [[nodiscard]] bool complete() const { return missing_ == 0; }

 private:
  std::uint8_t missing_ = 0;     // bytes of the character that has begun
  std::uint8_t lowest_ = 0x80;   // that the next of them may be
  std::uint8_t highest_ = 0xBF;  // likewise
};

/// A whole text.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace battery_twin::http
