#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "fuzzing.hpp"

namespace battery_twin::fuzz {

/// A file in memory, for readers that want a path.
class InputFile {
 public:
  explicit InputFile(std::string_view text) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
    require(descriptor_ >= 0, "there is memory for a file");
    while (!text.empty()) {
      const auto written = ::write(descriptor_, text.data(), text.size());
      require(written > 0, "a file in memory can be written");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  ~InputFile() { ::close(descriptor_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace battery_twin::fuzz
