#pragma once

#include <algorithm>
#include <string_view>

namespace battery_twin::http {

/// Looks at a text byte by byte, so that the first byte that cannot be UTF-8 is found when it comes.
class Utf8Check {
 public:
  /// False where the byte cannot follow what came before.
  [[nodiscard]] bool take(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (missing_ > 0) {
      if (byte < low_ || byte > high_) return false;
      --missing_;
      low_ = 0x80;
      high_ = 0xBF;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xC2 || byte > 0xF4) return false;
    missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    // Longer forms than needed, surrogates and what lies above U+10FFFF show in the second byte.
    if (byte == 0xE0) low_ = 0xA0;
    if (byte == 0xED) high_ = 0x9F;
    if (byte == 0xF0) low_ = 0x90;
    if (byte == 0xF4) high_ = 0x8F;
    return true;
  }

  [[nodiscard]] bool take(std::string_view bytes) {
    return std::ranges::all_of(bytes, [this](char c) { return take(c); });
  }

  /// No character is cut off.
  [[nodiscard]] bool is_whole() const { return missing_ == 0; }

 private:
  int missing_ = 0;  // bytes of the character that has begun
  unsigned char low_ = 0x80;
  unsigned char high_ = 0xBF;
};

[[nodiscard]] inline bool is_utf8(std::string_view text) {
  Utf8Check check;
  return check.take(text) && check.is_whole();
}

}  // namespace battery_twin::http
