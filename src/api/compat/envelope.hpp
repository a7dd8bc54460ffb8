#pragma once

#include <string_view>
#include <variant>

#include "../router.hpp"
#include "battery_twin/api/json.hpp"

// The shape of this layer's answers.
namespace battery_twin::api::compat {

/// 200 `{"success": true, "message", …more}`
[[nodiscard]] Response success(std::string_view message, Json more = Json::object());

/// `{"success": false, "message", "error_code", …more}`
[[nodiscard]] Json problem(std::string_view message, std::string_view error_code, Json more = Json::object());

/// 400 with that under `detail`.
[[nodiscard]] Response refusal(std::string_view message, std::string_view error_code, Json more = Json::object());

/// The body, which is to be an object, or FastAPI's 422.
[[nodiscard]] std::variant<Json, Response> read_object(const Call& call);

/// FastAPI's 422.
[[nodiscard]] Response unprocessable(Json loc, std::string_view message, std::string_view type);

}  // namespace battery_twin::api::compat
