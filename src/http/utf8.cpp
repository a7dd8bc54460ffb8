#include "utf8.hpp"

#include <cstring>

namespace battery_twin::http {

bool Utf8Check::take(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    if (missing_ == 0) {  // eight bytes at once, where they are ASCII
      std::uint64_t word = 0;
      while (i + sizeof word <= bytes.size()) {
        std::memcpy(&word, bytes.data() + i, sizeof word);
        if ((word & 0x8080808080808080u) != 0) break;
        i += sizeof word;
      }
      if (i == bytes.size()) return true;
    }
    const auto byte = static_cast<std::uint8_t>(bytes[i++]);
    if (missing_ > 0) {
      if (byte < lowest_ || byte > highest_) return false;
      lowest_ = 0x80;
      highest_ = 0xBF;
      --missing_;
    } else if (byte >= 0x80) {
      // C0, C1 and what is below A0 or 90 behind E0 or F0 would be longer than needed, A0 and above behind ED a
      // surrogate, 90 and above behind F4 beyond the last character.
      if (byte < 0xC2 || byte > 0xF4) return false;
      missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
      if (byte == 0xE0) lowest_ = 0xA0;
      if (byte == 0xED) highest_ = 0x9F;
      if (byte == 0xF0) lowest_ = 0x90;
      if (byte == 0xF4) highest_ = 0x8F;
    }
  }
  return true;
}

bool is_utf8(std::string_view text) {
  Utf8Check check;
  return check.take(text) && check.complete();
}

}  // namespace battery_twin::http
