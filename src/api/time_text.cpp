#include "time_text.hpp"

#include <chrono>
#include <string_view>

namespace battery_twin::api {
namespace {

// Digits from the right to the left, with zeros before them.
void put(char* end, int number, int digits) {
  for (; digits > 0; --digits) {
    *--end = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

}  // namespace

std::string to_text(plant::Time time) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000000Z";
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::string text(kForm);
  char* const start = text.data();
  put(start + 4, static_cast<int>(date.year()), 4);
  put(start + 7, static_cast<int>(static_cast<unsigned>(date.month())), 2);
  put(start + 10, static_cast<int>(static_cast<unsigned>(date.day())), 2);
  put(start + 13, static_cast<int>(clock.hours().count()), 2);
  put(start + 16, static_cast<int>(clock.minutes().count()), 2);
  put(start + 19, static_cast<int>(clock.seconds().count()), 2);
  put(start + 26, static_cast<int>(clock.subseconds().count()), 6);
  return text;
}

}  // namespace battery_twin::api
