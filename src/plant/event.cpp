#include "battery_twin/plant/event.hpp"

namespace battery_twin::plant {
namespace {

constexpr std::array<std::string_view, kEventTypes> kEventNames{
    "batch_requested",
    "batch_started_processing",
    "batch_started_anode_line",
    "batch_started_cathode_line",
    "batch_completed_anode_line",
    "batch_completed_cathode_line",
    "batch_merged",
    "batch_started_cell_line",
    "batch_completed_cell_line",
    "batch_completed",
    "batch_failed",
    "batch_cancelled",
    "machine_turned_on",
    "machine_turned_off",
    "machine_simulation_error",
    "machine_parameters_updated",
};

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

}  // namespace

Time now() { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); }

std::string_view to_string(EventType type) { return kEventNames.at(static_cast<std::size_t>(type)); }

std::string_view to_string(Level level) { return kLevelNames.at(static_cast<std::size_t>(level)); }

std::optional<Level> level_from(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<Level>(i);
  }
  return std::nullopt;
}

Level level_of(EventType type) {
  switch (type) {
    case EventType::batch_failed:
      return Level::error;
    case EventType::batch_cancelled:
    case EventType::machine_simulation_error:
      return Level::warning;
    case EventType::machine_turned_on:
    case EventType::machine_turned_off:
      return Level::debug;
    default:
      return Level::info;
  }
}

}  // namespace battery_twin::plant
