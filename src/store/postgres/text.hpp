#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Values in PostgreSQL's text format.
namespace battery_twin::store {

/// Times of neighbouring rows are mostly of the same second: its text is made once.
class TimestampText {
 public:
  /// @param us  microseconds since 1970, UTC. @return "2026-11-25 21:18:51.123456", as long as this lives
  [[nodiscard]] const std::string& operator()(std::int64_t us);

 private:
  std::int64_t second_ = -1;
  std::string text_;
};

/// JSON that PostgreSQL takes: it knows no character 0 and nothing but UTF-8, and one row that it refuses would hold up
/// all that comes behind. Where a text has such things, they become U+FFFD.
[[nodiscard]] std::string acceptable_json(std::string json);

/// Little-endian doubles as "{1.5,NaN}"; what is left over behind the last whole one is passed over.
void write_array(std::string_view doubles, std::string& text);
/// NaN for what is null. @throws std::runtime_error  when it is no list of numbers
[[nodiscard]] std::vector<double> read_array(std::string_view text);

}  // namespace battery_twin::store
