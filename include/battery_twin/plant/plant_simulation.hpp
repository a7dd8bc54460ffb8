#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "battery_twin/plant/batch.hpp"
#include "battery_twin/plant/event_queue.hpp"
#include "battery_twin/plant/journal.hpp"
#include "battery_twin/plant/layout.hpp"

namespace battery_twin::plant {

using Interval = std::chrono::microseconds;

struct PlantConfig {
  process::ModelSet models = process::ModelSet::mechanistic;
  process::CellDesign design = process::cell_designs().front();
  bool noise = true;
  std::uint64_t seed = 0;           ///< batch seeds are derived from it
  Interval step_interval{100'000};  ///< wall-clock pause per step; 0 = as fast as possible
  std::size_t queue_limit = 1000;   ///< batches that may wait
  bool paused = false;
  std::size_t history_limit = 10'000;  ///< finished batches that are remembered; older ones are forgotten
  unsigned threads = 1;                ///< at least 1
};

struct Accepted {
  std::string id;
  std::uint64_t seed;
  std::size_t queue_position;  ///< 1 = next, 0 = started at once
};

struct Refused {
  enum class Why : std::uint8_t { known_id, busy, queue_full, stopping, not_kept };
  Why why;
  std::string batch_id;  ///< the known or the busy one
};

using Answer = std::variant<Accepted, Refused>;

struct Pacing {
  Interval step_interval;
  bool paused;
};

struct Counters {
  std::uint64_t accepted = 0, completed = 0, failed = 0, cancelled = 0, scrapped = 0;
};

/// A machine as it is now.
struct MachineSnapshot {
  bool on = false;
  std::shared_ptr<const std::string> batch_id{};  ///< of the batch inside, or of the last one; null before the first
  std::uint32_t steps = 0;                        ///< done
  std::uint32_t total_steps = 0;
  process::ModelSet models{};
  std::vector<double> properties{};  ///< in the order of the model's outputs; those of the last step after it is off
  std::vector<double> specifics{};
  std::uint64_t version = 0;  ///< rises when a batch enters and with every step
};

/// How much there is to do.
struct Load {
  bool accepting;  ///< new batches
  bool paused;
  std::size_t queued;
  std::size_t running;
  bool operator==(const Load&) const = default;
};

struct PlantStatus {
  bool accepting;
  std::vector<std::string> queue;
  struct Running {
    std::string id;
    std::array<LineProgress, process::kLines.size()> lines;
  };
  std::vector<Running> running;
  std::vector<std::optional<std::string>> machines;  ///< the batch inside, one per station
  Counters counters;
  Pacing pacing;

  [[nodiscard]] bool is_idle() const { return running.empty() && queue.empty(); }
};

/// The plant: three lines of machines that batches move through. A machine holds one batch at a time and serves in
/// order of arrival, so batches pipeline. Anode and cathode line work side by side; the cell line takes over when both
/// are done.
///
/// Every method may be called from any thread and returns without waiting for the simulation. Steps run on a pool of
/// `PlantConfig::threads` threads. Results depend on seed and parameters only, not on the number of threads or the
/// pacing.
class PlantSimulation {
 public:
  /// @param layout  must outlive the plant
  /// @param events  where the plant tells what happens; must outlive the plant
  /// @param journal who keeps what happens, or nullptr; must outlive the plant
  /// @param kept    what the journal kept of an earlier plant: its batches go on
  PlantSimulation(const Layout& layout, PlantConfig config, EventQueue& events, Journal* journal = nullptr,
                  Kept kept = {});
  /// Stops as `stop` does.
  ~PlantSimulation();
  PlantSimulation(const PlantSimulation&) = delete;
  PlantSimulation& operator=(const PlantSimulation&) = delete;

  [[nodiscard]] const Layout& layout() const;
  [[nodiscard]] const PlantConfig& config() const;

  /// Accepts a batch or says why not; a refusal changes nothing. With a journal the batch is kept for good first.
  /// @param done  called once, at once or later from another thread; must neither block nor call the plant
  void enqueue(BatchRequest request, std::function<void(Answer)> done);
  /// The same, waiting for the answer.
  [[nodiscard]] Answer enqueue(BatchRequest request);

  enum class Cancel : std::uint8_t { unknown, finished, cancelled, cancelling };
  /// A queued batch is cancelled at once; a running one leaves its machines at its next step.
  Cancel cancel(std::string_view id);

  /// Cancels all that waits and runs and gives every machine its default parameters.
  /// @param done  called once, with the ids in order of acceptance, when the cancelled batches have left their
  /// machines;
  ///              from this thread or from one of the pool; must neither block nor call the plant
  void reset(std::function<void(std::vector<std::string>)> done);
  /// Gives every machine its default parameters where no batch waits, runs or is about to be accepted.
  /// @return false where one does, or the plant stops; then nothing has changed
  [[nodiscard]] bool reset_if_idle();

  /// Sets a station's parameters for the batches that enter it from now on. `values` must be valid.
  /// @param warnings  what is unusual about them; goes into the event
  /// @return true when they apply at once, false when a batch is inside: then from the next one on
  bool set_parameters(const Station& station, process::Values values, std::vector<std::string> warnings = {});
  [[nodiscard]] process::Values parameters(const Station& station) const;

  /// @param done  told when all that was done to the plant so far is kept for good, or (false) could not be; at once
  ///              where there is no journal
  void when_kept(std::function<void(bool kept)> done);

  /// Takes effect at once, also for steps that are waiting.
  void set_pacing(Pacing pacing);
  [[nodiscard]] Pacing pacing() const;

  [[nodiscard]] PlantStatus status() const;
  [[nodiscard]] Load load() const;
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] MachineSnapshot machine(const Station& station) const;
  /// Rises with every change of what `machine` and `parameters` give. Asked before those, it says whether what was made
  /// of them is still true.
  [[nodiscard]] std::uint64_t changes(const Station& station) const;
  [[nodiscard]] std::optional<BatchRecord> batch(std::string_view id) const;

  struct Page {
    std::vector<BatchRecord> batches;
    std::optional<std::string> next;  ///< the id to go on behind, where there are further ones
  };
  /// Batches in order of acceptance, newest first unless `ascending`.
  /// @param after  the id to go on behind; unknown: no page
  [[nodiscard]] std::optional<Page> batches(std::optional<BatchStatus> status, bool ascending, std::size_t limit,
                                            std::optional<std::string_view> after) const;

  /// Accepts nothing more, stops every batch at its next step and waits for the pool. Idempotent.
  /// @return how many batches were queued or running; without a journal they are lost
  std::size_t stop();

  /// The plant takes no new work from now on; what it has goes on.
  void stop_accepting();

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace battery_twin::plant
