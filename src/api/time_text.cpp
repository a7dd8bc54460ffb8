#include "time_text.hpp"

#include <algorithm>
#include <chrono>

namespace battery_twin::api {
namespace {

// Digits from the right to the left, with zeros before them.
void put(char* end, int number, int digits) {
  for (; digits > 0; --digits) {
    *--end = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

// All but the microseconds, which are zero.
std::array<char, 27> text_of(std::chrono::sys_seconds time) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000000Z";
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 27> text{};
  std::ranges::copy(kForm, text.begin());
  char* const start = text.data();
  put(start + 4, static_cast<int>(date.year()), 4);
  put(start + 7, static_cast<int>(static_cast<unsigned>(date.month())), 2);
  put(start + 10, static_cast<int>(static_cast<unsigned>(date.day())), 2);
  put(start + 13, static_cast<int>(clock.hours().count()), 2);
  put(start + 16, static_cast<int>(clock.minutes().count()), 2);
  put(start + 19, static_cast<int>(clock.seconds().count()), 2);
  return text;
}

}  // namespace

TimeText::TimeText(plant::Time time) {
  // Most times that are written are of the same second.
  static thread_local std::chrono::sys_seconds last{};
  static thread_local std::array<char, 27> last_text = text_of(last);
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  if (second != last) {
    last_text = text_of(second);
    last = second;
  }
  text_ = last_text;
  put(text_.data() + 26, static_cast<int>((time - second).count()), 6);
}

}  // namespace battery_twin::api
