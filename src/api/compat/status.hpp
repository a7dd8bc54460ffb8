#pragma once

#include <optional>
#include <string>

#include "battery_twin/api/json_writer.hpp"
#include "battery_twin/plant/plant_simulation.hpp"
#include "names.hpp"

// Machines and batches as this layer shows them.
namespace battery_twin::api::compat {

/// Parameters by name.
void write_parameters(JsonWriter& writer, const Machine& machine, const process::Values& values);

/// The product's properties by name, temperatures in degrees Celsius.
void write_properties(JsonWriter& writer, const plant::Station& station, process::ModelSet models,
                      std::vector<double> values);

/// What a machine says, all that follows its timestamp, with the closing brace.
[[nodiscard]] std::string status_after_timestamp(const Machine& machine, const plant::MachineSnapshot& snapshot,
                                                 const process::Values& values);

/// A batch with the properties of its newest product on each line.
/// @param snapshots  of all stations
void write_batch(JsonWriter& writer, const std::string& id, const std::optional<plant::BatchRecord>& batch,
                 const std::vector<plant::MachineSnapshot>& snapshots, const plant::Layout& layout);

}  // namespace battery_twin::api::compat
