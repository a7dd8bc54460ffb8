#pragma once

#include <span>
#include <string>
#include <string_view>

#include "battery_twin/api/json.hpp"
#include "battery_twin/api/parameters.hpp"
#include "battery_twin/plant/layout.hpp"
#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::api {

// JSON Schema (draft 2020-12) of what the tables of the machine types declare, and of what the routes answer.

/// `{"$ref": "#/components/schemas/<name>"}`
[[nodiscard]] Json reference_to(std::string_view name);

/// `{"type": "object", …}` of which nothing is known yet.
[[nodiscard]] Json object_schema();
/// Adds a property; its name also to `required` where it is.
void add_property(Json& object, std::string_view name, Json schema, bool required = true);

/// A parameter as a request may have it: range, default, unit, usual range.
[[nodiscard]] Json field_schema(const plant::Station& station, std::size_t field, const Limits& limits);

/// A parameter group of which any part may be given; nested or flat where the type knows both.
[[nodiscard]] Json group_schema(const plant::Station& station, const Limits& limits);

/// All required fields of a type, not nested, as `GroupReader::read_all` wants them.
[[nodiscard]] Json whole_group_schema(const plant::Station& station, const Limits& limits);

/// The parameters of a type as they are published.
[[nodiscard]] Json published_parameters_schema(const process::MachineType& type);

/// Properties or specifics of a machine on a line as they are published.
[[nodiscard]] Json outputs_schema(std::span<const process::Output> outputs, process::Line line);

/// The names under which the documents have a machine's schemas.
[[nodiscard]] std::string parameters_name(const process::MachineType& type);
[[nodiscard]] std::string properties_name(const plant::Station& station, process::ModelSet models);
[[nodiscard]] std::string status_name(const plant::Station& station);

/// `{"anyOf": […]}` of each machine's properties.
[[nodiscard]] Json any_properties(const plant::Layout& layout);

/// Adds the schemas that both documents share: properties of the machines, end-of-line figures, stage, progress.
void add_shared_schemas(Json& schemas, const plant::Layout& layout);

/// Adds those of what the routes take and answer.
void add_request_schemas(Json& schemas, const plant::Layout& layout, const Limits& limits);
void add_answer_schemas(Json& schemas, const plant::Layout& layout, const Limits& limits);
/// Adds those of the routes in compat/, behind all others.
void add_compat_schemas(Json& schemas, const plant::Layout& layout, const Limits& limits);

}  // namespace battery_twin::api
