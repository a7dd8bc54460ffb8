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

// How many bytes the character has that the text begins with; 0 where it begins with none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  // Too long for what it says, half of a pair, or beyond the last character there is.
  const bool is_none = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
                       (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
  return is_none ? 0 : size;
}

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

std::string acceptable_json(std::string json) {
  constexpr std::string_view kZero = "\\u0000";
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string fit;
  std::size_t copied = 0;
  const auto replace = [&](std::size_t at, std::size_t size) {
    fit.append(json, copied, at - copied).append(kReplacement);
    copied = at + size;
  };
  for (std::size_t at = 0; at < json.size();) {
    const std::string_view rest = std::string_view(json).substr(at);
    if (rest.starts_with(kZero)) {
      replace(at, kZero.size());
      at += kZero.size();
    } else if (rest.front() == '\\') {
      at += 2;  // the next one belongs to it
    } else if (const std::size_t size = character_size(rest); size > 0) {
      at += size;
    } else {
      replace(at, 1);
      ++at;
    }
  }
  if (copied == 0) return json;
  return fit.append(json, copied);
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
