#include "token_file.hpp"

#include <sys/stat.h>

#include <optional>
#include <sstream>
#include <stdexcept>

#include "text_file.hpp"

namespace battery_twin::app {
namespace {

std::optional<api::Access> access_from(const std::string& word) {
  if (word == "operator") return api::Access::changing;
  if (word == "read") return api::Access::reading;
  return std::nullopt;
}

bool says_nothing(const std::string& line) {
  const auto first = line.find_first_not_of(" \t\r");
  return first == std::string::npos || line[first] == '#';
}

// What is wrong with the line, or nothing.
std::string add_line(const std::string& line, http::AccessTokens& tokens) {
  std::istringstream words(line);
  std::string kind;
  std::string token;
  std::string more;
  const bool has_both = static_cast<bool>(words >> kind >> token);
  const auto access = access_from(kind);
  if (!has_both || !access || (words >> more && !more.starts_with('#')))
    return R"(should be "operator TOKEN" or "read TOKEN")";
  return tokens.add(token, *access);
}

}  // namespace

bool add_token_file(const std::string& path, http::AccessTokens& tokens) {
  std::istringstream file(read_text_file(path));
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) status = {};
  std::size_t number = 0;
  bool has_any = false;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (says_nothing(line)) continue;
    if (const std::string wrong = add_line(line, tokens); !wrong.empty())
      throw std::runtime_error(path + ", line " + std::to_string(number) + ": " + wrong);
    has_any = true;
  }
  // A file that was emptied by mistake would open the plant to everybody.
  if (!has_any) throw std::runtime_error(path + " has no token");
  return (status.st_mode & S_IROTH) != 0;
}

}  // namespace battery_twin::app
