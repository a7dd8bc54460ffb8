#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/event.hpp"
#include "battery_twin/process/cell_design.hpp"
#include "battery_twin/process/end_of_line.hpp"
#include "battery_twin/process/field.hpp"
#include "battery_twin/process/line.hpp"

namespace battery_twin::plant {

enum class BatchStatus : std::uint8_t { queued, running, cancelling, completed, failed, cancelled };

[[nodiscard]] std::string_view to_string(BatchStatus status);
/// Completed, failed or cancelled.
[[nodiscard]] bool is_finished(BatchStatus status);

enum class MachineStatus : std::uint8_t { pending, running, completed, stopped };

[[nodiscard]] std::string_view to_string(MachineStatus status);

/// What one machine did to a batch.
struct MachineResult {
  MachineStatus status = MachineStatus::pending;
  std::uint32_t steps = 0;           ///< steps done
  std::vector<double> properties{};  ///< last ones, in the order of the model's outputs; empty before it is done
  std::optional<process::Outcome> outcome{};  ///< decided once it is done; never in `reference`
  std::vector<std::string> causes{};          ///< names of the properties that speak against the product
};

/// Where a batch is on one line.
struct LineProgress {
  std::optional<std::size_t> station{};  ///< the machine it is in or waits for
  double progress = 0;                   ///< 0–1
  bool completed = false;
};

/// A request for a batch. Parameter sets are one per station of the layout; an empty one is read from the machine when
/// the batch enters it. Those given must be valid (`MachineType::violations`).
struct BatchRequest {
  std::optional<std::string> id{};                           ///< empty: the next free number
  std::optional<std::uint64_t> seed{};                       ///< empty: derived from the plant's seed
  std::vector<std::optional<process::Values>> parameters{};  ///< one per station, or none at all
  std::vector<std::string> warnings{};
  bool only_when_idle = false;  ///< refuse while any batch is queued, running or being cancelled
};

/// All there is to know of a batch, at one moment.
struct BatchRecord {
  std::string id;
  BatchStatus status = BatchStatus::queued;
  std::uint64_t index = 0;  ///< number of batches accepted before it
  std::uint64_t seed = 0;
  process::ModelSet models{};
  bool noise = true;
  std::shared_ptr<const process::CellDesign> design{};  ///< what is built of it; never null
  std::uint32_t attempt = 1;                            ///< rises when a server that ended had not finished it
  Time created_at{};
  std::optional<Time> started_at{};
  std::optional<Time> finished_at{};
  std::array<LineProgress, process::kLines.size()> lines{};
  std::vector<std::optional<process::Values>> parameters{};  ///< effective values, one per station, once known
  std::vector<MachineResult> machines{};                     ///< one per station
  std::vector<std::string> warnings{};
  std::shared_ptr<const process::EndOfLine> end_of_line{};  ///< when completed
  std::string error{};                                      ///< when failed
};

}  // namespace battery_twin::plant
