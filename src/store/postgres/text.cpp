#include "text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "../records.hpp"

namespace battery_twin::store {
namespace {

void write_number(unsigned value, std::size_t digits, char* to) {
  for (std::size_t i = digits; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

const std::string& TimestampText::operator()(std::int64_t us) {
  using namespace std::chrono;
  const sys_time<microseconds> time{microseconds(us)};
  const auto second = floor<seconds>(time);
  if (second.time_since_epoch().count() != second_ || text_.empty()) {
    second_ = second.time_since_epoch().count();
    const auto day = floor<days>(second);
    const year_month_day date(day);
    const hh_mm_ss clock(second - day);
    text_ = "0000-00-00 00:00:00.000000";
    write_number(static_cast<unsigned>(static_cast<int>(date.year())), 4, &text_[0]);
    write_number(static_cast<unsigned>(date.month()), 2, &text_[5]);
    write_number(static_cast<unsigned>(date.day()), 2, &text_[8]);
    write_number(static_cast<unsigned>(clock.hours().count()), 2, &text_[11]);
    write_number(static_cast<unsigned>(clock.minutes().count()), 2, &text_[14]);
    write_number(static_cast<unsigned>(clock.seconds().count()), 2, &text_[17]);
  }
  write_number(static_cast<unsigned>((time - second).count()), 6, &text_[20]);
  return text_;
}

void write_array(std::string_view doubles, std::string& text) {
  text = "{";
  for (const double value : doubles_from(doubles)) {
    if (text.size() > 1) text += ',';
    if (std::isnan(value)) {
      text += "NaN";
    } else if (std::isinf(value)) {
      text += value > 0 ? "Infinity" : "-Infinity";
    } else {
      std::array<char, 32> digits{};
      text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
    }
  }
  text += '}';
}

std::vector<double> read_array(std::string_view text) {
  std::vector<double> values;
  if (!text.starts_with('{') || !text.ends_with('}')) throw std::runtime_error("a list of numbers is none");
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    double& value = values.emplace_back(std::numeric_limits<double>::quiet_NaN());
    if (one == "NULL" || one == "NaN") continue;
    if (one == "Infinity" || one == "-Infinity") {
      value = one.front() == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
      continue;
    }
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), value);
    if (error != std::errc() || end != one.data() + one.size())
      throw std::runtime_error("a number is none: " + std::string(one));
  }
  return values;
}

}  // namespace battery_twin::store
