#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "battery_twin/plant/plant_simulation.hpp"
#include "battery_twin/plant/run.hpp"
#include "walk.hpp"

namespace battery_twin::plant {

/// The state behind `PlantSimulation` and the coroutines that move batches. A monitor: `mutex_` guards everything
/// except each machine's snapshot, which has a lock of its own so that a step does not meet the other machines' steps.
/// Models are stepped outside of both.
class PlantSimulation::Engine {
 public:
  Engine(const Layout& layout, PlantConfig config, EventQueue& events, Journal* journal, Kept kept);

  void enqueue(BatchRequest request, std::function<void(Answer)> done);
  Cancel cancel(std::string_view id);
  void reset(std::function<void(std::vector<std::string>)> done);
  bool reset_if_idle();
  bool set_parameters(const Station& station, process::Values values, std::vector<std::string> warnings);
  process::Values parameters(const Station& station) const;
  void when_kept(std::function<void(bool kept)> done);
  void set_pacing(Pacing pacing);
  Pacing pacing() const;
  PlantStatus status() const;
  Load load() const;
  Counters counters() const;
  std::uint64_t changes(const Station& station) const;
  MachineSnapshot machine(const Station& station) const;
  std::optional<BatchRecord> batch(std::string_view id) const;
  std::optional<Page> batches(std::optional<BatchStatus> status, bool ascending, std::size_t limit,
                              std::optional<std::string_view> after) const;
  std::size_t stop();
  void stop_accepting();

  const Layout& layout;
  const PlantConfig config;

 private:
  enum class Stop : std::uint8_t { none, cancelled, failed };

  struct Batch {
    BatchRecord record;
    std::atomic<Stop> stop{Stop::none};  // written under the mutex, read also without
    std::shared_ptr<const std::string> id;
    std::array<std::shared_ptr<Walk>, process::kLines.size()> walks;  // of the lines it is on
    std::array<process::Product, process::kLines.size()> products;    // each touched by its own line's coroutine only
    // A machine up the line, or on the other line before the merge, found scrap. As `products`.
    std::array<bool, process::kLines.size()> scrapped{};
    int active_lines = 0;
  };
  using BatchPtr = std::shared_ptr<Batch>;

  struct Machine {
    process::Values parameters;
    const Walk* owner = nullptr;  // whose turn it is, from the moment the machine is handed over
    BatchPtr occupant;            // the owner's batch
    struct Waiter {
      BatchPtr batch;
      std::shared_ptr<Walk> walk;
    };
    std::deque<Waiter> waiting;  // in order of arrival

    mutable std::mutex snapshot_mutex;
    MachineSnapshot snapshot;
    std::atomic<std::uint64_t> changes{0};  // of the snapshot and the parameters
  };

  struct PendingReset {
    std::vector<std::string> ids;
    std::vector<std::uint64_t> indices;  // of the same batches, which are in order of them
    std::size_t left;
    std::function<void(std::vector<std::string>)> done;
  };

  // Coroutines (engine.cpp).
  boost::asio::awaitable<void> run_line(BatchPtr batch, process::Line line);
  boost::asio::awaitable<bool> acquire(BatchPtr batch, std::shared_ptr<Walk> walk, const Station& station);
  boost::asio::awaitable<void> wait_for_room(const Batch& batch, Walk& walk);
  boost::asio::awaitable<bool> run_station(BatchPtr batch, std::shared_ptr<Walk> walk, const Station& station);
  boost::asio::awaitable<bool> step_all(const Batch& batch, Walk& walk, Machine& machine, StationRun& run);
  boost::asio::awaitable<Interval> pace(const Batch& batch, Walk& walk, Clock::time_point last, bool after_step);

  // Under the mutex.
  void spawn_line(const BatchPtr& batch, process::Line line);
  std::optional<Refused> refusal_of(const BatchRequest& request) const;
  BatchPtr make_batch(BatchRequest request);
  Accepted admit(const BatchPtr& batch);
  void take_up(Kept kept);
  void dispatch();
  void arrive(const BatchPtr& batch, const std::shared_ptr<Walk>& walk, const Station& station);
  void hand_over(const Station& station, const BatchPtr& batch, const Walk& walk);
  void release(const Station& station);
  void give_back(const Walk& walk, process::Line line);
  void finish_line(const BatchPtr& batch, process::Line line, std::optional<process::EndOfLine> figures);
  void complete(Batch& batch, process::EndOfLine figures);
  void settle_stopped(Batch& batch);
  void retire(Batch& batch, BatchStatus status);
  void fail(Batch& batch, std::string reason);
  void restore_defaults();
  void cancel_running(Batch& batch);
  void cancel_waiting(Batch& batch);
  bool is_known(std::string_view id) const;
  std::string next_free_id();
  BatchRecord record_of(const Batch& batch) const;
  std::array<LineProgress, process::kLines.size()> lines_of(const Batch& batch) const;

  void tell(EventType type, const Batch& batch, std::string message, const Station* station = nullptr,
            std::optional<std::uint32_t> step = std::nullopt, std::string reason = {},
            std::vector<std::string> warnings = {});
  void switch_on(Machine& machine, const Batch& batch, const StationRun& run);
  void switch_off(Machine& machine);
  void publish(Machine& machine, const StationRun& run);
  process::EndOfLine figures_of(const Batch& batch) const;
  bool has_room() const { return events_.has_room() && (journal_ == nullptr || journal_->has_room()); }
  bool must_stop(const Batch& batch) const { return stopping_ || batch.stop != Stop::none; }

  boost::asio::thread_pool pool_;  // first: the timers of the walks below must go before it
  EventQueue& events_;
  Journal* const journal_;  // or nullptr
  const std::shared_ptr<const process::CellDesign> design_;

  std::atomic<bool> stopping_{false};
  std::atomic<bool> paused_{false};
  std::atomic<Interval::rep> step_interval_;

  mutable std::mutex mutex_;
  std::vector<Machine> machines_;              // one per station
  std::map<std::uint64_t, BatchPtr> pending_;  // by index: their acceptance is not kept yet
  int answering_ = 0;                          // no longer pending, but not told yet
  std::condition_variable answered_;
  std::deque<BatchPtr> queue_;
  std::vector<BatchPtr> running_;  // in order of acceptance
  std::map<std::string, BatchPtr, std::less<>> by_id_;
  std::map<std::uint64_t, BatchPtr> by_index_;
  std::deque<std::uint64_t> finished_;       // indices, oldest first
  std::unordered_set<std::string> old_ids_;  // of batches that only the journal remembers
  std::vector<PendingReset> resets_;
  Counters counters_;
  std::uint64_t next_index_ = 0;
  std::uint64_t next_id_ = 1;
  bool accepting_ = true;
};

}  // namespace battery_twin::plant
