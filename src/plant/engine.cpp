#include "engine.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "battery_twin/plant/population.hpp"
#include "battery_twin/process/end_of_line.hpp"

namespace battery_twin::plant {

namespace asio = boost::asio;
using process::Line;

namespace {

// How often a batch at full speed lets others on the pool have a turn.
constexpr std::uint32_t kStepsPerTurn = 256;
// How often a batch looks whether there is room for more events.
constexpr std::chrono::milliseconds kLookForRoom{1};

std::size_t at(Line line) { return static_cast<std::size_t>(line); }

EventType started(Line line) {
  switch (line) {
    case Line::anode:
      return EventType::batch_started_anode_line;
    case Line::cathode:
      return EventType::batch_started_cathode_line;
    case Line::cell:
      break;
  }
  return EventType::batch_started_cell_line;
}

EventType completed(Line line) {
  switch (line) {
    case Line::anode:
      return EventType::batch_completed_anode_line;
    case Line::cathode:
      return EventType::batch_completed_cathode_line;
    case Line::cell:
      break;
  }
  return EventType::batch_completed_cell_line;
}

std::string named(const std::string& id) { return "Batch " + id; }

}  // namespace

asio::awaitable<void> PlantSimulation::Engine::run_line(BatchPtr batch, Line line) {
  const std::shared_ptr<Walk> walk = batch->walks[at(line)];
  for (const Station& station : layout.stations(line)) {
    bool worked = co_await acquire(batch, walk, station);
    if (worked) {
      co_await wait_for_room(*batch, *walk);
      worked = co_await run_station(batch, walk, station);
    }
    if (worked) continue;
    const std::lock_guard lock(mutex_);
    finish_line(batch, line, std::nullopt);
    co_return;
  }
}

// Waits until the machine is handed over. False when the batch stops instead.
asio::awaitable<bool> PlantSimulation::Engine::acquire(BatchPtr batch, std::shared_ptr<Walk> walk,
                                                       const Station& station) {
  Machine& machine = machines_[station.index];
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      const bool mine = machine.owner == walk.get();
      if (must_stop(*batch)) {
        if (mine) {
          release(station);
        } else {
          std::erase_if(machine.waiting, [&](const Machine::Waiter& waiter) { return waiter.walk == walk; });
        }
        co_return false;
      }
      if (mine) co_return true;
    }
    co_await walk->sleep_until(Clock::time_point::max());
  }
}

// Holds the batch, and with its machine those behind it, while the reader of events does not keep up. Looking again
// and again needs no word from the reader, who must not wait for anybody here.
asio::awaitable<void> PlantSimulation::Engine::wait_for_room(const Batch& batch, Walk& walk) {
  while (!has_room() && !must_stop(batch)) co_await walk.sleep_until(Clock::now() + kLookForRoom);
}

// The machine's whole work on the batch, from turning it on to handing it to the next one; the last machine ends the
// line. False when the batch stops.
asio::awaitable<bool> PlantSimulation::Engine::run_station(BatchPtr batch, std::shared_ptr<Walk> walk,
                                                           const Station& station) {
  Machine& machine = machines_[station.index];
  process::Product& product = batch->products[at(station.line)];
  process::Values parameters;
  {
    const std::lock_guard lock(mutex_);
    parameters = *batch->record.parameters[station.index];
  }

  const bool ends_batch = station.line == Line::cell && &station == &layout.stations(Line::cell).back();
  std::optional<StationRun> run;
  std::vector<std::string> remarks;
  process::EndOfLine figures;
  bool worked = false;
  std::string failure;
  try {
    const BatchRecord& record = batch->record;
    run.emplace(station, record.models, *record.design, product, parameters, record.seed, record.noise);
    {
      const std::lock_guard lock(mutex_);
      batch->record.machines[station.index].status = MachineStatus::running;
      switch_on(machine, *batch, *run);
      tell(EventType::machine_turned_on, *batch, station.process_name + " turned on for batch " + *batch->id, &station,
           0);
    }
    worked = co_await step_all(*batch, *walk, machine, *run);
    if (worked) {
      run->hand_on(product);
      remarks = run->remarks();
      if (ends_batch) figures = figures_of(*batch);
    }
  } catch (const Stopped&) {
    worked = false;
  } catch (const std::exception& error) {
    failure = error.what();
    if (failure.empty()) failure = "unknown error";
  } catch (...) {
    failure = "unknown error";
  }

  const std::lock_guard lock(mutex_);
  MachineResult& result = batch->record.machines[station.index];
  const std::uint32_t steps = run ? run->steps() : 0;
  result.status = worked ? MachineStatus::completed : MachineStatus::stopped;
  result.steps = steps;
  if (run) {
    result.properties.assign(run->properties().begin(), run->properties().end());
    result.causes = run->causes();
    if (batch->record.models != process::ModelSet::reference) {
      bool& scrapped = batch->scrapped[at(station.line)];
      scrapped = scrapped || run->outcome() == process::Outcome::scrap;
      result.outcome = scrapped ? process::Outcome::scrap : run->outcome();
    }
    for (std::string& remark : remarks) {
      remark = station.process_name + ": " + remark;
      batch->record.warnings.push_back(remark);
    }
  }
  if (!failure.empty()) {
    worked = false;
    result.status = MachineStatus::stopped;
    tell(EventType::machine_simulation_error, *batch, station.process_name + " failed: " + failure, &station, steps,
         failure);
    fail(*batch, station.process_name + ": " + failure);
  } else if (!run->early_end().empty()) {
    const std::string message =
        station.process_name + " ended after " + std::to_string(steps) + " steps: " + run->early_end();
    tell(EventType::machine_simulation_error, *batch, message, &station, steps, run->early_end());
    batch->record.warnings.push_back(message);
  }
  const std::span<const Station> line = layout.stations(station.line);
  const std::size_t done = station.index - line.front().index + 1;
  if (worked) {
    batch->record.lines[at(station.line)].progress = static_cast<double>(done) / static_cast<double>(line.size());
  }
  if (run) {
    switch_off(machine);
    tell(EventType::machine_turned_off, *batch, station.process_name + " turned off", &station, steps, {},
         std::move(remarks));
  }
  // Under one lock with leaving the machine, so that nobody is overtaken on the way to the next one or to the merge.
  if (worked && done < line.size()) arrive(batch, walk, line[done]);
  release(station);
  if (worked && done == line.size()) finish_line(batch, station.line, std::move(figures));
  co_return worked;
}

// Every step at its time. False when the batch stops before the last.
asio::awaitable<bool> PlantSimulation::Engine::step_all(const Batch& batch, Walk& walk, Machine& machine,
                                                        StationRun& run) {
  Clock::time_point last = Clock::now();
  for (bool first = true;; first = false) {
    if (paused_ || (!first && step_interval_ > 0)) {
      const Interval waited = co_await pace(batch, walk, last, !first);
      // Count from when the step was due, not from when it was done: a late step does not make the next one late.
      const auto now = Clock::now();
      const auto due = last + waited;
      last = now - due < waited ? due : now;
    } else if (run.steps() % kStepsPerTurn == kStepsPerTurn - 1) {
      co_await asio::post(walk.strand, asio::use_awaitable);
    }
    if (must_stop(batch)) co_return false;
    if (!run.step()) co_return true;
    publish(machine, run);
    if (journal_ == nullptr) continue;
    journal_->step({.batch = batch.record.index,
                    .station = run.station().index,
                    .step = run.steps() - 1,
                    .time = now(),
                    .models = batch.record.models,
                    .properties = {run.properties().begin(), run.properties().end()}});
    if (!journal_->has_room()) co_await wait_for_room(batch, walk);
  }
}

// Sleeps until the plant is not paused and, after a step, the step interval has passed since `last`; a setting that
// changes meanwhile counts at once. Gives the interval that was kept.
asio::awaitable<Interval> PlantSimulation::Engine::pace(const Batch& batch, Walk& walk, Clock::time_point last,
                                                        bool after_step) {
  for (;;) {
    const Interval interval{after_step ? step_interval_.load() : 0};
    const auto due = last + interval;
    if (must_stop(batch) || (!paused_ && due <= Clock::now())) co_return interval;
    co_await walk.sleep_until(paused_ ? Clock::time_point::max() : due);
  }
}

void PlantSimulation::Engine::spawn_line(const BatchPtr& batch, Line line) {
  ++batch->active_lines;
  auto& walk = batch->walks[at(line)];
  walk = std::make_shared<Walk>(pool_);
  arrive(batch, walk, layout.stations(line).front());
  tell(started(line), *batch, named(*batch->id) + " started the " + std::string(to_string(line)) + " line");
  const auto on_end = [this, batch, line, walk](const std::exception_ptr& error) {
    if (!error) return;
    // Only memory can run out here: models' exceptions end in run_station.
    const std::lock_guard lock(mutex_);
    fail(*batch, "the plant could not go on with the batch");
    give_back(*walk, line);
    finish_line(batch, line, std::nullopt);
  };
  // Posted, because a coroutine that a thread of the pool spawns would start here and now, and wait for the mutex.
  asio::post(walk->strand, [this, batch, line, strand = walk->strand, on_end] {
    asio::co_spawn(strand, run_line(batch, line), on_end);
  });
}

// Batches leave the queue in order, whenever the first machines of both electrode lines are free.
void PlantSimulation::Engine::dispatch() {
  const Station& anode = layout.stations(Line::anode).front();
  const Station& cathode = layout.stations(Line::cathode).front();
  const auto is_free = [this](const Station& station) { return machines_[station.index].owner == nullptr; };
  while (!queue_.empty() && !stopping_ && is_free(anode) && is_free(cathode)) {
    const BatchPtr batch = queue_.front();
    queue_.pop_front();
    running_.push_back(batch);
    batch->record.status = BatchStatus::running;
    batch->record.started_at = now();
    if (journal_ != nullptr) journal_->start(batch->record);
    const std::uint32_t attempt = batch->record.attempt;
    events_.push({.type = EventType::batch_started_processing,
                  .batch_id = *batch->id,
                  .message = named(*batch->id) + " started processing" +
                             (attempt > 1 ? ", attempt " + std::to_string(attempt) : std::string()),
                  .attempt = attempt});
    spawn_line(batch, Line::anode);
    spawn_line(batch, Line::cathode);
  }
}

// A place in the machine's line of waiters, or the machine itself when nobody has it.
void PlantSimulation::Engine::arrive(const BatchPtr& batch, const std::shared_ptr<Walk>& walk, const Station& station) {
  batch->record.lines[at(station.line)].station = station.index;
  Machine& machine = machines_[station.index];
  if (machine.owner == nullptr) {
    hand_over(station, batch, *walk);
  } else {
    machine.waiting.push_back({batch, walk});
  }
}

// From here on the batch is in the machine: what is set later counts from the next batch on.
void PlantSimulation::Engine::hand_over(const Station& station, const BatchPtr& batch, const Walk& walk) {
  Machine& machine = machines_[station.index];
  machine.owner = &walk;
  machine.occupant = batch;
  auto& recorded = batch->record.parameters[station.index];
  if (recorded) return;
  recorded = machine.parameters;
  if (journal_ != nullptr) journal_->enter(batch->record, station);
}

void PlantSimulation::Engine::release(const Station& station) {
  Machine& machine = machines_[station.index];
  if (machine.waiting.empty()) {
    machine.owner = nullptr;
    machine.occupant = nullptr;
    if (station.line != Line::cell && station.index == layout.stations(station.line).front().index) dispatch();
    return;
  }
  const Machine::Waiter next = std::move(machine.waiting.front());
  machine.waiting.pop_front();
  hand_over(station, next.batch, *next.walk);
  next.walk->wake();
}

// What a walk that ended in an exception may still have.
void PlantSimulation::Engine::give_back(const Walk& walk, Line line) {
  for (const Station& station : layout.stations(line)) {
    Machine& machine = machines_[station.index];
    std::erase_if(machine.waiting, [&](const Machine::Waiter& waiter) { return waiter.walk.get() == &walk; });
    if (machine.owner != &walk) continue;
    switch_off(machine);
    release(station);
  }
}

// @param figures  set when the line was walked to its end; of meaning on the cell line only
void PlantSimulation::Engine::finish_line(const BatchPtr& batch, Line line, std::optional<process::EndOfLine> figures) {
  // Only once, also where an exception came out of it or behind it.
  if (!std::exchange(batch->walks[at(line)], nullptr)) return;
  --batch->active_lines;
  if (figures && !must_stop(*batch)) {
    LineProgress& progress = batch->record.lines[at(line)];
    progress = {.station = std::nullopt, .progress = 1, .completed = true};
    tell(completed(line), *batch, named(*batch->id) + " completed the " + std::string(to_string(line)) + " line");
    if (line == Line::cell) {
      complete(*batch, std::move(*figures));
    } else if (batch->active_lines == 0) {
      process::Product& merged = batch->products[at(Line::cell)];
      merged.anode = batch->products[at(Line::anode)].anode;
      merged.cathode = batch->products[at(Line::cathode)].cathode;
      batch->scrapped[at(Line::cell)] = batch->scrapped[at(Line::anode)] || batch->scrapped[at(Line::cathode)];
      tell(EventType::batch_merged, *batch, named(*batch->id) + " merged anode and cathode");
      spawn_line(batch, Line::cell);
    }
    return;
  }
  if (batch->active_lines == 0) settle_stopped(*batch);
}

// Without the mutex: a population of cells takes its time. All parameters are fixed once the last machine has run.
process::EndOfLine PlantSimulation::Engine::figures_of(const Batch& batch) const {
  if (batch.record.models == process::ModelSet::reference)
    return process::reference_end_of_line(batch.products[at(Line::cell)]);
  const Population population(layout, {.design = *batch.record.design, .noise = batch.record.noise},
                              batch.record.parameters);
  return population.run(std::array{batch.record.seed}, {}, [&] { return must_stop(batch); }).front().figures;
}

void PlantSimulation::Engine::complete(Batch& batch, process::EndOfLine end_of_line) {
  const auto figures = std::make_shared<const process::EndOfLine>(std::move(end_of_line));
  batch.record.end_of_line = figures;
  ++counters_.completed;
  if (figures->cells_good == 0.0) ++counters_.scrapped;
  retire(batch, BatchStatus::completed);
  events_.push({.type = EventType::batch_completed,
                .batch_id = *batch.id,
                .message = named(*batch.id) + " completed",
                .end_of_line = figures});
}

// A batch that was stopped has left its last machine.
void PlantSimulation::Engine::settle_stopped(Batch& batch) {
  switch (batch.stop) {
    case Stop::none:  // shutdown
      break;
    case Stop::cancelled:
      ++counters_.cancelled;
      retire(batch, BatchStatus::cancelled);
      tell(EventType::batch_cancelled, batch, named(*batch.id) + " was cancelled");
      break;
    case Stop::failed:
      ++counters_.failed;
      retire(batch, BatchStatus::failed);
      tell(EventType::batch_failed, batch, named(*batch.id) + " failed: " + batch.record.error, nullptr, std::nullopt,
           batch.record.error);
      break;
  }
  std::erase_if(resets_, [&](PendingReset& reset) {
    if (!std::ranges::binary_search(reset.indices, batch.record.index) || --reset.left > 0) return false;
    reset.done(std::move(reset.ids));
    return true;
  });
}

void PlantSimulation::Engine::retire(Batch& batch, BatchStatus status) {
  batch.record.status = status;
  batch.record.finished_at = now();
  batch.walks = {};
  std::erase_if(running_, [&](const BatchPtr& other) { return other.get() == &batch; });
  if (journal_ != nullptr) journal_->finish(batch.record);
  finished_.push_back(batch.record.index);
  while (finished_.size() > config.history_limit) {
    const auto oldest = by_index_.find(finished_.front());
    finished_.pop_front();
    if (oldest == by_index_.end()) continue;
    by_id_.erase(oldest->second->record.id);
    if (journal_ != nullptr) old_ids_.insert(oldest->second->record.id);
    by_index_.erase(oldest);
  }
}

void PlantSimulation::Engine::fail(Batch& batch, std::string reason) {
  if (batch.stop != Stop::none) return;
  batch.stop = Stop::failed;
  batch.record.error = std::move(reason);
  for (const auto& walk : batch.walks) {
    if (walk) walk->wake();
  }
}

void PlantSimulation::Engine::tell(EventType type, const Batch& batch, std::string message, const Station* station,
                                   std::optional<std::uint32_t> step, std::string reason,
                                   std::vector<std::string> warnings) {
  events_.push({.type = type,
                .batch_id = *batch.id,
                .message = std::move(message),
                .station = station != nullptr ? std::optional(station->index) : std::nullopt,
                .step = step,
                .reason = std::move(reason),
                .warnings = std::move(warnings)});
}

void PlantSimulation::Engine::switch_on(Machine& machine, const Batch& batch, const StationRun& run) {
  const std::lock_guard lock(machine.snapshot_mutex);
  MachineSnapshot& snapshot = machine.snapshot;
  snapshot.on = true;
  snapshot.batch_id = batch.id;
  snapshot.steps = 0;
  snapshot.total_steps = run.planned_steps();
  snapshot.models = batch.record.models;
  snapshot.properties.assign(run.properties().begin(), run.properties().end());
  snapshot.specifics.assign(run.specifics().begin(), run.specifics().end());
  ++snapshot.version;
  ++machine.changes;
}

void PlantSimulation::Engine::switch_off(Machine& machine) {
  const std::lock_guard lock(machine.snapshot_mutex);
  machine.snapshot.on = false;
  ++machine.changes;
}

void PlantSimulation::Engine::publish(Machine& machine, const StationRun& run) {
  const std::lock_guard lock(machine.snapshot_mutex);
  MachineSnapshot& snapshot = machine.snapshot;
  snapshot.steps = run.steps();
  std::ranges::copy(run.properties(), snapshot.properties.begin());
  std::ranges::copy(run.specifics(), snapshot.specifics.begin());
  ++snapshot.version;
  ++machine.changes;
}

}  // namespace battery_twin::plant
