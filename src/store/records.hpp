#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/batch.hpp"
#include "battery_twin/plant/layout.hpp"

// How values stand in a file: JSON by name, so that a file outlives the tables it was written from. Of what is read,
// unknown names are passed over and missing ones take their default. All reading functions throw std::runtime_error
// for text that is no JSON of the shape that was written.
namespace battery_twin::store {

/// Names of what a station publishes after each step.
[[nodiscard]] std::vector<std::string> property_names(const plant::Station& station, process::ModelSet models);

/// {"gap_height":0.0002,"wet_thickness":null}
[[nodiscard]] std::string parameters_to_json(const plant::Station& station, const process::Values& values);
[[nodiscard]] process::Values parameters_from_json(const plant::Station& station, process::ModelSet models,
                                                   std::string_view text);

/// {"capacity":5.1}; a number that is not finite is null. @param names  as many as `values`, or more
[[nodiscard]] std::string properties_to_json(std::span<const std::string> names, std::span<const double> values);
/// NaN for what is null or missing.
[[nodiscard]] std::vector<double> properties_from_json(std::span<const std::string> names, std::string_view text);

[[nodiscard]] std::string design_to_json(const process::CellDesign& design);
[[nodiscard]] process::CellDesign design_from_json(std::string_view text);

/// Machines that the layout does not have are passed over.
[[nodiscard]] std::string end_of_line_to_json(const process::EndOfLine& end);
[[nodiscard]] process::EndOfLine end_of_line_from_json(const plant::Layout& layout, std::string_view text);

using Lines = decltype(plant::BatchRecord::lines);
/// {"anode":{"station":"mixing_anode","progress":0.1,"completed":false},…}
[[nodiscard]] std::string lines_to_json(const plant::Layout& layout, const Lines& lines);
[[nodiscard]] Lines lines_from_json(const plant::Layout& layout, std::string_view text);

/// ["…","…"]
[[nodiscard]] std::string texts_to_json(std::span<const std::string> texts);
[[nodiscard]] std::vector<std::string> texts_from_json(std::string_view text);

[[nodiscard]] std::optional<plant::BatchStatus> batch_status_from(std::string_view name);
[[nodiscard]] std::optional<plant::MachineStatus> machine_status_from(std::string_view name);
[[nodiscard]] std::optional<process::Outcome> outcome_from(std::string_view name);
[[nodiscard]] std::optional<plant::EventType> event_type_from(std::string_view name);

/// Microseconds since 1970, UTC.
[[nodiscard]] inline std::int64_t to_us(plant::Time time) { return time.time_since_epoch().count(); }
[[nodiscard]] inline plant::Time from_us(std::int64_t us) { return plant::Time(std::chrono::microseconds(us)); }

/// Little-endian doubles, one behind the other.
void append_doubles(std::span<const double> values, std::string& bytes);
/// What is left over behind the last whole one is passed over.
[[nodiscard]] std::vector<double> doubles_from(std::string_view bytes);

}  // namespace battery_twin::store
