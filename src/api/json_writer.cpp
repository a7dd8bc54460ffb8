#include "battery_twin/api/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "battery_twin/api/json.hpp"

namespace battery_twin::api {

JsonWriter& JsonWriter::key(std::string_view name) {
  char* end = append_quoted(name, 1);
  *end = ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; };
  if (std::ranges::all_of(text, is_plain)) {
    append_quoted(text, 0);
  } else {
    separate();
    out_ += dump(Json(text));
  }
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  std::array<char, 32> buffer{};
  const double size = std::abs(number);
  const auto format =
      number == 0 || (size >= 1e-4 && size < 1e15) ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format).ptr;
  separate();
  out_.append(buffer.data(), end);
  // 5.0 rather than 5: a number stays of one kind for clients that tell them apart.
  if (std::none_of(buffer.data(), end, [](char c) { return c == '.' || c == 'e'; })) out_ += ".0";
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::thousandths(std::uint64_t count) {
  std::array<char, 24> buffer{};
  char* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), count / 1000).ptr;
  *end++ = '.';
  for (std::uint64_t rest = count % 1000, unit = 100; unit > 0; rest %= unit, unit /= 10)
    *end++ = static_cast<char>('0' + rest / unit);
  return raw({buffer.data(), end});
}

// The comma, the text in quotes, and as many bytes more: one growth of the text instead of many.
char* JsonWriter::append_quoted(std::string_view text, std::size_t more) {
  const std::size_t before = out_.size();
  const std::size_t comma = first_ ? 0 : 1;
  out_.append(comma + text.size() + 2 + more, '"');
  char* at = out_.data() + before;
  if (comma != 0) *at++ = ',';
  at = std::copy(text.begin(), text.end(), at + 1);
  return at + 1;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  separate();
  out_ += text;
  first_ = false;
  return *this;
}

void JsonWriter::separate() {
  if (!first_) out_ += ',';
}

void write(JsonWriter& writer, const process::MachineType& type, const process::Values& values) {
  writer.begin_object();
  if (!type.nested.empty()) writer.key(type.nested).begin_object();
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    writer.key(type.fields[i].name);
    if (values[i])
      writer.value(*values[i]);
    else
      writer.null();
  }
  if (!type.nested.empty()) writer.end_object();
  writer.end_object();
}

void write(JsonWriter& writer, std::span<const process::Output> outputs, process::Line line,
           std::span<const double> values) {
  writer.begin_object();
  for (std::size_t i = 0; i < outputs.size() && i < values.size(); ++i) {
    writer.key(outputs[i].name_on(line));
    switch (outputs[i].kind) {
      case process::Kind::number:
        writer.value(values[i]);
        break;
      case process::Kind::integer:
        writer.value(static_cast<std::int64_t>(values[i]));
        break;
      case process::Kind::boolean:
        writer.value(values[i] != 0);
        break;
    }
  }
  writer.end_object();
}

}  // namespace battery_twin::api
