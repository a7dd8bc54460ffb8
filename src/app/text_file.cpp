#include "text_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

namespace battery_twin::app {

std::string read_text(std::istream& input) {
  std::string text(kMostTextBytes + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(input.gcount()));
  if (text.size() > kMostTextBytes) throw TextTooLong("is larger than 1 MiB");
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.erase(0, kMark.size());
  return text;
}

std::string read_text_file(const std::string& path) {
  if (const std::string why = why_unreadable(path); !why.empty())
    throw std::runtime_error(path + " cannot be read: " + why);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  try {
    std::string text = file.is_open() ? read_text(file) : std::string{};
    if (!file.is_open() || file.bad())
      throw std::runtime_error(path + " cannot be read: " + std::system_category().message(errno));
    return text;
  } catch (const TextTooLong& error) {
    throw TextTooLong(path + " " + error.what());
  }
}

std::string why_unreadable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return std::system_category().message(EISDIR);
  // Without opening a pipe twice: who writes into it would meet a closed end.
  if (::access(path.c_str(), R_OK) != 0) return std::system_category().message(errno);
  return {};
}

}  // namespace battery_twin::app
