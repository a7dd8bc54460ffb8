#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "battery_twin/plant/batch.hpp"
#include "battery_twin/plant/layout.hpp"

namespace battery_twin::plant {

/// One step of one machine on a batch.
struct StepRecord {
  std::uint64_t batch;  ///< `BatchRecord::index`
  std::size_t station;
  std::uint32_t step;  ///< 0, 1, …
  Time time;
  process::ModelSet models;
  std::vector<double> properties;  ///< in the order of the model's outputs
};

/// Who keeps what the plant must not forget. The plant tells in the order in which things happen, from any of its
/// threads and mostly under its mutex: every method only takes note and returns at once. What was told before something
/// that is kept, is kept too; so what survives a crash is the plant as it was at some moment.
class Journal {
 public:
  virtual ~Journal() = default;

  /// A batch wants to be accepted.
  /// @param done  called once, never from within the call: true when the batch and all that was told before it is kept
  ///              for good; false when it is not and never will be
  virtual void accept(const BatchRecord& batch, std::function<void(bool kept)> done) = 0;
  /// @param done  called once, never from within the call: true when all that was told so far is kept for good
  virtual void sync(std::function<void(bool kept)> done) = 0;
  /// The batch left the queue: its status, `started_at` and `attempt`.
  virtual void start(const BatchRecord& batch) = 0;
  /// Somebody wants the running batch to stop, which it does at its next step: its status.
  virtual void cancel(const BatchRecord& batch) = 0;
  /// The batch reached the station; the station's parameters are in its record from now on.
  virtual void enter(const BatchRecord& batch, const Station& station) = 0;
  virtual void step(StepRecord step) = 0;
  /// The batch is completed, failed or cancelled: all of its record.
  virtual void finish(const BatchRecord& batch) = 0;
  virtual void event(const Event& event) = 0;
  virtual void set_parameters(const Station& station, process::ModelSet models, const process::Values& values) = 0;
  virtual void set_pacing(std::int64_t step_interval_us, bool paused) = 0;

  /// False: so much is not kept yet that the plant should wait before it goes on with its batches.
  [[nodiscard]] virtual bool has_room() const = 0;
};

/// What a journal kept, for a plant to go on with.
struct Kept {
  std::vector<BatchRecord> open;      ///< queued, running or cancelling when it ended, in order of acceptance
  std::vector<BatchRecord> finished;  ///< the newest, in order of acceptance
  std::vector<std::string> ids;       ///< of all batches ever accepted
  std::uint64_t accepted = 0, completed = 0, failed = 0, cancelled = 0, scrapped = 0;
  std::vector<std::optional<process::Values>> parameters;  ///< one per station, of the model set asked for
  std::optional<std::int64_t> step_interval_us;
  bool paused = false;
  std::uint64_t last_seq = 0;  ///< of the events
  std::vector<Event> events;   ///< the newest, in order
};

}  // namespace battery_twin::plant
