#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "battery_twin/api/json.hpp"
#include "battery_twin/process/field.hpp"
#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::api {

/// Writes a JSON document straight into a text, for the answers and messages that there are many of: a tree of the same
/// document costs twenty times as much. Numbers and strings come out as `dump` writes them. Commas are set by the
/// writer; that objects and arrays are closed and every value of an object has its key is the caller's part.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  /// @param name  of letters, digits, '_' and '-': it is not escaped
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  /// Not finite: null.
  JsonWriter& value(double number);
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) JsonWriter& value(Integer number) { return raw(std::to_string(number)); }
  /// A number with three decimals, given in thousandths, at least 0: far cheaper than a double.
  JsonWriter& thousandths(std::uint64_t count);
  JsonWriter& null() { return raw("null"); }
  /// A tree, for the rare parts.
  JsonWriter& document(const Json& tree) { return raw(dump(tree)); }
  /// A value that is written already.
  JsonWriter& written(std::string_view json) { return raw(json); }

  template <class Value>
  JsonWriter& member(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view text);
  void separate();
  char* append_quoted(std::string_view text, std::size_t more);

  std::string& out_;
  bool first_ = true;  // of its object or array, or right behind a key
};

/// A machine's parameters by name, as `to_json` has them.
void write(JsonWriter& writer, const process::MachineType& type, const process::Values& values);
/// A machine's outputs or specifics by name, as `to_json` has them.
void write(JsonWriter& writer, std::span<const process::Output> outputs, process::Line line,
           std::span<const double> values);

}  // namespace battery_twin::api
