#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace battery_twin::api {

/// Keeps members in the order in which they were written.
using Json = nlohmann::ordered_json;

/// Text of a document. Bytes that are not UTF-8 are replaced, never thrown at.
[[nodiscard]] std::string dump(const Json& document);

/// Why a text is not a JSON document that we read.
struct JsonError {
  std::string type;     ///< "json_invalid" or "duplicate_key"
  Json loc;             ///< ["body", byte offset], or the path to the key that stands twice
  std::string message;  ///< holds no part of the input
};

/// Reads a whole text as one document: UTF-8, no byte after it, at most 64 levels deep, no key twice in an object,
/// every number finite.
[[nodiscard]] std::variant<Json, JsonError> parse_json(std::string_view text);

}  // namespace battery_twin::api
