#pragma once

#include <string_view>

#include "battery_twin/api/json.hpp"
#include "battery_twin/api/parameters.hpp"
#include "battery_twin/plant/layout.hpp"
#include "declared_query.hpp"

namespace battery_twin::api {

/// OpenAPI 3.1 of every route.
/// @param server       the path below which they are
/// @param with_compat  also of those in compat/
[[nodiscard]] Json openapi_document(const plant::Layout& layout, const Limits& limits, std::string_view version,
                                    std::string_view server = "/", bool with_compat = true);

/// AsyncAPI 3.0 of the WebSocket.
[[nodiscard]] Json asyncapi_document(const plant::Layout& layout, std::string_view version);

/// JSON Schema of a query parameter.
[[nodiscard]] Json query_schema(const QueryField& field, const plant::Layout& layout);

}  // namespace battery_twin::api
