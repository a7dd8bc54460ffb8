// The query string of a target.

#include "../../src/api/query.hpp"

#include <cctype>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fuzzing.hpp"

namespace battery_twin::fuzz {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string decoded(std::string_view text) {
  const auto is_hex = [&](std::size_t i) {
    return i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && is_hex(i + 1) && is_hex(i + 2)) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Fields fields_of(std::string_view text) {
  Fields fields;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('&', start), text.size());
    const std::string_view field = text.substr(start, end - start);
    const std::size_t equals = std::min(field.find('='), field.size());
    if (!field.empty())
      fields.emplace_back(decoded(field.substr(0, equals)), decoded(field.substr(std::min(equals + 1, field.size()))));
    start = end + 1;
  }
  return fields;
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += code;
  }
  return out;
}

void check_integer(const api::Query& query, const std::string& name, std::uint64_t low, std::uint64_t high) {
  api::Errors errors;
  const auto number = query.integer(name, low, high, errors);
  const auto text = query.text(name);
  require(number.has_value() || text.has_value() == !errors.empty(), "a value that is none is an error");
  if (!number) return;
  require(errors.empty(), "a value is no error");
  require(*number >= low && *number <= high, "a number is in its range");
  std::string_view digits = *text;
  if (digits.starts_with('-')) digits.remove_prefix(1);  // of nought
  while (digits.size() > 1 && digits.starts_with('0')) digits.remove_prefix(1);
  require(digits == std::to_string(*number), "a number is the one that was sent");
}

void check(std::string_view text) {
  const api::Query query(text);
  const Fields fields = fields_of(text);
  std::string again;
  for (const auto& [name, value] : fields) again += encoded(name) + "=" + encoded(value) + "&";
  const api::Query repeated(again);
  constexpr std::size_t kLookedAt = 8;  // the rest is only there
  for (const auto& [name, value] : std::span(fields).first(std::min(fields.size(), kLookedAt))) {
    require(repeated.text(name) == query.text(name), "encoded again it is the same");
    std::string_view last;
    for (const auto& other : fields) {
      if (other.first == name) last = other.second;
    }
    require(query.text(name) == last, "the last value of a name counts");

    check_integer(query, name, 0, std::numeric_limits<std::uint64_t>::max());
    check_integer(query, name, 1, 1000);
    api::Errors errors;
    const bool flag = query.flag(name, errors);
    require(!flag || last == "1" || last == "true", "only 1 and true are true");
    require(flag || !errors.empty() || last == "0" || last == "false", "only 0 and false are false");
    api::Query::add_choice_error(name, last, "one of those", errors);
    require(api::Json::accept(api::dump(errors.list())), "errors are JSON whatever was sent");
  }
}

}  // namespace
}  // namespace battery_twin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  battery_twin::fuzz::check(battery_twin::fuzz::Input(data, size).rest());
  return 0;
}
