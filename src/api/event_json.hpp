#pragma once

#include <string>

#include "battery_twin/api/json.hpp"
#include "battery_twin/api/json_writer.hpp"
#include "battery_twin/plant/event.hpp"
#include "battery_twin/plant/layout.hpp"
#include "battery_twin/plant/plant_simulation.hpp"

namespace battery_twin::api {

inline constexpr std::string_view kPlantProcess = "battery_plant_simulation";

/// A WebSocket message without a sequence number.
[[nodiscard]] Json message_json(std::string_view process, std::string_view status, plant::Time time, Json data);

/// A life-cycle event as a WebSocket message.
[[nodiscard]] std::string event_text(const plant::Event& event, const plant::Layout& layout, bool replayed);

/// An event as an entry of the log.
[[nodiscard]] Json log_json(const plant::Event& event, const plant::Layout& layout);

/// The newest step of a machine that has done at least one.
[[nodiscard]] std::string telemetry_text(const plant::Station& station, const plant::MachineSnapshot& snapshot);

/// How far a running batch is.
[[nodiscard]] std::string progress_text(const plant::PlantStatus::Running& batch, const plant::Layout& layout);

/// `{"anode": "coating", …}`: the machine a batch is in or waits for on each line; null before, "completed" after.
void write_stage(JsonWriter& writer, const std::array<plant::LineProgress, process::kLines.size()>& lines,
                 const plant::Layout& layout);
/// `{"anode": 0.5, …}`
void write_progress(JsonWriter& writer, const std::array<plant::LineProgress, process::kLines.size()>& lines);

}  // namespace battery_twin::api
