#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// What the fuzz targets share. docs/fuzzing.md says what there is.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Of a target that has one: false when a whole corpus, replayed, leaves something out. It says what.
[[gnu::weak]] bool after_replay();

namespace battery_twin::fuzz {

/// Ends the program where something that must hold does not; also in builds without assertions.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "must hold: %s\n", what);
  std::abort();
}

/// An input: bytes that choose how the rest is used, then the rest.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t choice() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Bytes in the pieces in which a socket brings them.
class Pieces {
 public:
  static constexpr std::uint8_t kWhole = 0;
  static constexpr std::uint8_t kSingleBytes = 1;

  /// @param longest  bytes of a piece; kWhole: all at once. It also decides how long each of them is.
  Pieces(std::string_view bytes, std::uint8_t longest) : left_(bytes), longest_(longest), random_(longest) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }

  std::string_view next() {
    random_ = random_ * 1664525u + 1013904223u;
    const std::size_t wanted = longest_ == kWhole ? left_.size() : 1 + (random_ >> 16) % longest_;
    const std::string_view piece = left_.substr(0, wanted);
    left_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view left_;
  std::uint8_t longest_;
  std::uint32_t random_;
};

}  // namespace battery_twin::fuzz
