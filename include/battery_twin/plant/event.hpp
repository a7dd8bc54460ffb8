#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/process/end_of_line.hpp"
#include "battery_twin/process/line.hpp"

namespace battery_twin::plant {

using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// Now, to the microsecond.
[[nodiscard]] Time now();

/// What happens in the plant. The names are published and never change.
enum class EventType : std::uint8_t {
  batch_requested,
  batch_started_processing,
  batch_started_anode_line,
  batch_started_cathode_line,
  batch_completed_anode_line,
  batch_completed_cathode_line,
  batch_merged,
  batch_started_cell_line,
  batch_completed_cell_line,
  batch_completed,
  batch_failed,
  batch_cancelled,
  machine_turned_on,
  machine_turned_off,
  machine_simulation_error,
  machine_parameters_updated,
};

inline constexpr std::size_t kEventTypes = 16;

[[nodiscard]] std::string_view to_string(EventType type);

enum class Level : std::uint8_t { debug, info, warning, error };

[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] std::optional<Level> level_from(std::string_view name);

/// How much an event of that type matters to a person who reads the log.
[[nodiscard]] Level level_of(EventType type);

/// A life-cycle event. Immutable once it is in the queue.
struct Event {
  EventType type{};
  std::uint64_t seq = 0;  ///< 1, 2, … without holes; given by the queue
  Time time{};
  std::string batch_id;  ///< empty where no batch is meant
  std::string message;   ///< never empty
  std::optional<std::size_t> station{};
  std::optional<std::uint32_t> step{};  ///< steps the machine has done
  std::uint32_t attempt = 1;            ///< of a batch that starts: 2 and more when it was broken off by a server's end
  std::string reason{};                 ///< of a failure
  std::vector<std::string> warnings{};  ///< what is unusual about what was asked for
  std::shared_ptr<const process::EndOfLine> end_of_line{};

  [[nodiscard]] Level level() const { return warnings.empty() ? level_of(type) : Level::warning; }
};

}  // namespace battery_twin::plant
