#pragma once

#include <istream>
#include <stdexcept>
#include <string>

namespace battery_twin::app {

/// Configuration is read whole, and files like /dev/zero have no end.
inline constexpr std::size_t kMostTextBytes = 1024 * 1024;

struct TextTooLong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What is left of the stream, without the mark (BOM) with which some editors begin a file.
/// @throws TextTooLong  "is larger than 1 MiB"
[[nodiscard]] std::string read_text(std::istream& input);

/// @throws TextTooLong         it is larger than 1 MiB
/// @throws std::runtime_error  it is missing, a folder, not allowed…; both begin with its path
[[nodiscard]] std::string read_text_file(const std::string& path);

/// Why nothing can be read there, in the system's words; empty where that is possible.
[[nodiscard]] std::string why_unreadable(const std::string& path);

}  // namespace battery_twin::app
