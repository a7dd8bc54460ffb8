#include "query.hpp"

#include <charconv>
#include <limits>

namespace battery_twin::api {
namespace {

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

Query::Query(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const std::string_view field = text.substr(0, end);
    if (!field.empty()) {
      const auto equals = field.find('=');
      fields_.emplace_back(decoded(field.substr(0, equals)),
                           equals == std::string_view::npos ? std::string{} : decoded(field.substr(equals + 1)));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> Query::text(std::string_view name) const {
  for (auto field = fields_.rbegin(); field != fields_.rend(); ++field) {
    if (field->first == name) return field->second;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Query::integer(std::string_view name, std::uint64_t low, std::uint64_t high,
                                            Errors& errors) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  const Json loc = Json::array({"query", name});
  std::string_view digits = *value;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::result_out_of_range) number = std::numeric_limits<std::uint64_t>::max();
  if (digits.empty() || end != digits.data() + digits.size() || error == std::errc::invalid_argument) {
    errors.add(loc, "int_parsing", "Input should be a valid integer", *value);
  } else if (negative ? number > 0 || low > 0 : number < low) {
    errors.add(loc, "greater_than_equal", "Input should be greater than or equal to " + std::to_string(low), *value,
               {{"ge", low}});
  } else if (error == std::errc::result_out_of_range || number > high) {
    errors.add(loc, "less_than_equal", "Input should be less than or equal to " + std::to_string(high), *value,
               {{"le", high}});
  } else {
    return number;
  }
  return std::nullopt;
}

bool Query::flag(std::string_view name, Errors& errors) const {
  const auto value = text(name);
  if (!value || *value == "0" || *value == "false") return false;
  if (*value == "1" || *value == "true") return true;
  errors.add(Json::array({"query", name}), "bool_parsing", "Input should be a valid boolean: 1, true, 0 or false",
             *value);
  return false;
}

void Query::add_choice_error(std::string_view name, std::string_view value, std::string_view allowed, Errors& errors) {
  errors.add(Json::array({"query", name}), "enum", "Input should be " + std::string(allowed), value);
}

}  // namespace battery_twin::api
