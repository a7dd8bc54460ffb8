#include "battery_twin/plant/plant_simulation.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <thread>
#include <utility>

#include "engine.hpp"

namespace battery_twin::plant {

using process::Line;

PlantSimulation::Engine::Engine(const Layout& plant_layout, PlantConfig plant_config, EventQueue& events,
                                Journal* journal, Kept kept)
    : layout(plant_layout),
      config(plant_config),
      pool_(std::max(plant_config.threads, 1u)),
      events_(events),
      journal_(journal),
      design_(std::make_shared<const process::CellDesign>(plant_config.design)),
      paused_(plant_config.paused),
      step_interval_(plant_config.step_interval.count()),
      machines_(plant_layout.stations().size()) {
  for (const Station& station : layout.stations()) {
    Machine& machine = machines_[station.index];
    machine.parameters = station.type->defaults(config.models, station.line);
    machine.snapshot.properties.resize(station.type->model(config.models).outputs.size());
    machine.snapshot.specifics.resize(station.type->model(config.models).specifics.size());
  }
  const std::lock_guard lock(mutex_);
  take_up(std::move(kept));
}

// What an earlier plant left behind. Batches that it had begun start over, with what was recorded of them.
void PlantSimulation::Engine::take_up(Kept kept) {
  counters_ = {.accepted = kept.accepted,
               .completed = kept.completed,
               .failed = kept.failed,
               .cancelled = kept.cancelled,
               .scrapped = kept.scrapped};
  next_index_ = kept.accepted;
  for (std::size_t i = 0; i < kept.parameters.size() && i < machines_.size(); ++i) {
    if (kept.parameters[i]) machines_[i].parameters = std::move(*kept.parameters[i]);
  }
  old_ids_.insert(std::make_move_iterator(kept.ids.begin()), std::make_move_iterator(kept.ids.end()));
  const auto add = [this](BatchRecord record) {
    const auto batch = std::make_shared<Batch>();
    batch->id = std::make_shared<const std::string>(record.id);
    next_index_ = std::max(next_index_, record.index + 1);
    by_id_.emplace(record.id, batch);
    by_index_.emplace(record.index, batch);
    batch->record = std::move(record);
    return batch;
  };
  for (BatchRecord& record : kept.finished) finished_.push_back(add(std::move(record))->record.index);
  for (BatchRecord& record : kept.open) {
    if (record.status == BatchStatus::cancelling) {
      const BatchPtr batch = add(std::move(record));
      batch->stop = Stop::cancelled;
      settle_stopped(*batch);
      continue;
    }
    if (record.status != BatchStatus::queued) {
      record.status = BatchStatus::queued;
      record.started_at = std::nullopt;
      ++record.attempt;
    }
    record.machines.assign(layout.stations().size(), {});
    record.lines = {};
    queue_.push_back(add(std::move(record)));
  }
  dispatch();
}

void PlantSimulation::Engine::enqueue(BatchRequest request, std::function<void(Answer)> done) {
  std::unique_lock lock(mutex_);
  if (auto refused = refusal_of(request)) {
    lock.unlock();
    return done(std::move(*refused));
  }
  const BatchPtr batch = make_batch(std::move(request));
  if (journal_ == nullptr) {
    const Accepted accepted = admit(batch);
    lock.unlock();
    return done(accepted);
  }
  pending_.emplace(batch->record.index, batch);
  journal_->accept(batch->record, [this, batch, done = std::move(done)](bool is_kept) {
    Answer answer = Refused{Refused::Why::not_kept, {}};
    {
      const std::lock_guard kept_lock(mutex_);
      pending_.erase(batch->record.index);
      ++answering_;
      if (is_kept) answer = admit(batch);
    }
    done(std::move(answer));
    const std::lock_guard answered_lock(mutex_);
    --answering_;
    answered_.notify_all();
  });
}

std::optional<Refused> PlantSimulation::Engine::refusal_of(const BatchRequest& request) const {
  using Why = Refused::Why;
  if (!accepting_ || stopping_) return Refused{Why::stopping, {}};
  if (request.only_when_idle) {
    if (!running_.empty()) return Refused{Why::busy, running_.front()->record.id};
    if (!queue_.empty()) return Refused{Why::busy, queue_.front()->record.id};
    if (!pending_.empty()) return Refused{Why::busy, pending_.begin()->second->record.id};
  }
  if (request.id && is_known(*request.id)) return Refused{Why::known_id, *request.id};
  if (queue_.size() + pending_.size() >= config.queue_limit) return Refused{Why::queue_full, {}};
  return std::nullopt;
}

PlantSimulation::Engine::BatchPtr PlantSimulation::Engine::make_batch(BatchRequest request) {
  auto batch = std::make_shared<Batch>();
  BatchRecord& record = batch->record;
  record.id = request.id ? std::move(*request.id) : next_free_id();
  record.index = next_index_++;
  record.seed = request.seed ? *request.seed : process::derive_seed(config.seed, record.index);
  record.models = config.models;
  record.noise = config.noise;
  record.design = design_;
  record.created_at = now();
  record.parameters = std::move(request.parameters);
  record.parameters.resize(layout.stations().size());
  record.machines.resize(layout.stations().size());
  record.warnings = std::move(request.warnings);
  batch->id = std::make_shared<const std::string>(record.id);
  return batch;
}

// The batch is in the plant from here on.
Accepted PlantSimulation::Engine::admit(const BatchPtr& batch) {
  const BatchRecord& record = batch->record;
  ++counters_.accepted;
  by_id_.emplace(record.id, batch);
  by_index_.emplace(record.index, batch);
  queue_.push_back(batch);
  events_.push({.type = EventType::batch_requested,
                .batch_id = record.id,
                .message = "Batch " + record.id + " was accepted",
                .warnings = record.warnings});
  const std::size_t position = queue_.size();
  dispatch();
  return Accepted{record.id, record.seed, record.status == BatchStatus::queued ? position : 0};
}

PlantSimulation::Cancel PlantSimulation::Engine::cancel(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return Cancel::unknown;
  const BatchPtr batch = found->second;
  if (is_finished(batch->record.status)) return Cancel::finished;
  if (batch->record.status == BatchStatus::queued) {
    std::erase(queue_, batch);
    cancel_waiting(*batch);
    return Cancel::cancelled;
  }
  cancel_running(*batch);
  return Cancel::cancelling;
}

// It has been taken out of the queue.
void PlantSimulation::Engine::cancel_waiting(Batch& batch) {
  batch.stop = Stop::cancelled;
  settle_stopped(batch);
}

void PlantSimulation::Engine::cancel_running(Batch& batch) {
  if (batch.stop != Stop::none) return;  // already on its way out
  batch.stop = Stop::cancelled;
  batch.record.status = BatchStatus::cancelling;
  if (journal_ != nullptr) journal_->cancel(batch.record);
  for (const auto& walk : batch.walks) {
    if (walk) walk->wake();
  }
}

void PlantSimulation::Engine::restore_defaults() {
  for (const Station& station : layout.stations()) {
    Machine& machine = machines_[station.index];
    process::Values defaults = station.type->defaults(config.models, station.line);
    if (machine.parameters == defaults) continue;
    machine.parameters = std::move(defaults);
    ++machine.changes;
    if (journal_ != nullptr) journal_->set_parameters(station, config.models, machine.parameters);
    events_.push({.type = EventType::machine_parameters_updated,
                  .batch_id = {},
                  .message = station.process_name + " is back to its default parameters",
                  .station = station.index});
  }
}

bool PlantSimulation::Engine::reset_if_idle() {
  const std::lock_guard lock(mutex_);
  if (!accepting_ || stopping_) return false;
  if (!running_.empty() || !queue_.empty() || !pending_.empty()) return false;
  restore_defaults();
  return true;
}

void PlantSimulation::Engine::reset(std::function<void(std::vector<std::string>)> done) {
  const std::lock_guard lock(mutex_);
  std::vector<BatchPtr> all = running_;
  all.insert(all.end(), queue_.begin(), queue_.end());
  std::ranges::sort(all, {}, [](const BatchPtr& batch) { return batch->record.index; });
  restore_defaults();

  if (all.empty()) {
    done({});
    return;
  }
  PendingReset reset{.ids = {}, .indices = {}, .left = all.size(), .done = std::move(done)};
  for (const BatchPtr& batch : all) {
    reset.ids.push_back(batch->record.id);
    reset.indices.push_back(batch->record.index);
  }
  resets_.push_back(std::move(reset));
  queue_.clear();  // at once: to look for each of a long queue takes seconds
  for (const BatchPtr& batch : all) {
    if (batch->record.status == BatchStatus::queued) {
      cancel_waiting(*batch);
    } else {
      cancel_running(*batch);
    }
  }
}

bool PlantSimulation::Engine::set_parameters(const Station& station, process::Values values,
                                             std::vector<std::string> warnings) {
  const std::lock_guard lock(mutex_);
  Machine& machine = machines_[station.index];
  machine.parameters = std::move(values);
  ++machine.changes;
  if (journal_ != nullptr) journal_->set_parameters(station, config.models, machine.parameters);
  const bool now = machine.occupant == nullptr;
  events_.push({.type = EventType::machine_parameters_updated,
                .batch_id = {},
                .message = "Parameters of " + station.process_name + " were updated, they apply " +
                           (now ? "now" : "from the next batch"),
                .station = station.index,
                .warnings = std::move(warnings)});
  return now;
}

process::Values PlantSimulation::Engine::parameters(const Station& station) const {
  const std::lock_guard lock(mutex_);
  return machines_[station.index].parameters;
}

void PlantSimulation::Engine::when_kept(std::function<void(bool kept)> done) {
  if (journal_ == nullptr) return done(true);
  journal_->sync(std::move(done));
}

void PlantSimulation::Engine::set_pacing(Pacing pacing) {
  const std::lock_guard lock(mutex_);
  step_interval_ = pacing.step_interval.count();
  paused_ = pacing.paused;
  if (journal_ != nullptr) journal_->set_pacing(pacing.step_interval.count(), pacing.paused);
  for (const BatchPtr& batch : running_) {
    for (const auto& walk : batch->walks) {
      if (walk) walk->wake();
    }
  }
}

Pacing PlantSimulation::Engine::pacing() const { return {Interval{step_interval_}, paused_}; }

PlantStatus PlantSimulation::Engine::status() const {
  const std::lock_guard lock(mutex_);
  PlantStatus status{.accepting = accepting_ && !stopping_,
                     .queue = {},
                     .running = {},
                     .machines = {},
                     .counters = counters_,
                     .pacing = pacing()};
  for (const BatchPtr& batch : queue_) status.queue.push_back(batch->record.id);
  for (const BatchPtr& batch : running_) status.running.push_back({batch->record.id, lines_of(*batch)});
  for (const Machine& machine : machines_) {
    status.machines.push_back(machine.occupant ? std::optional(machine.occupant->record.id) : std::nullopt);
  }
  return status;
}

Load PlantSimulation::Engine::load() const {
  const std::lock_guard lock(mutex_);
  return {
      .accepting = accepting_ && !stopping_, .paused = paused_, .queued = queue_.size(), .running = running_.size()};
}

Counters PlantSimulation::Engine::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

std::uint64_t PlantSimulation::Engine::changes(const Station& station) const {
  return machines_[station.index].changes;
}

MachineSnapshot PlantSimulation::Engine::machine(const Station& station) const {
  const Machine& machine = machines_[station.index];
  const std::lock_guard lock(machine.snapshot_mutex);
  return machine.snapshot;
}

std::optional<BatchRecord> PlantSimulation::Engine::batch(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return record_of(*found->second);
}

std::optional<PlantSimulation::Page> PlantSimulation::Engine::batches(std::optional<BatchStatus> status, bool ascending,
                                                                      std::size_t limit,
                                                                      std::optional<std::string_view> after) const {
  Page page{.batches = {}, .next = {}};
  std::vector<BatchPtr> chosen;
  const auto is_wanted = [&](const Batch& batch) { return !status || batch.record.status == *status; };
  // False once the page is full.
  const auto add = [&](const BatchPtr& batch) {
    if (!is_wanted(*batch)) return true;
    if (chosen.size() == limit) {
      page.next = *chosen.back()->id;
      return false;
    }
    chosen.push_back(batch);
    return true;
  };
  std::unique_lock lock(mutex_);
  std::optional<std::uint64_t> behind;
  if (after) {
    const auto found = by_id_.find(*after);
    if (found == by_id_.end()) return std::nullopt;
    behind = found->second->record.index;
  }
  if (ascending) {
    for (auto it = behind ? by_index_.upper_bound(*behind) : by_index_.begin(); it != by_index_.end(); ++it) {
      if (!add(it->second)) break;
    }
  } else {
    const auto start = behind ? by_index_.lower_bound(*behind) : by_index_.end();
    for (auto it = std::make_reverse_iterator(start); it != by_index_.rend(); ++it) {
      if (!add(it->second)) break;
    }
  }
  lock.unlock();
  // Copying a full page takes milliseconds, which no machine and no request should wait for.
  constexpr std::size_t kCopiedAtOnce = 32;
  constexpr std::chrono::microseconds kRest{20};
  page.batches.reserve(chosen.size());
  for (std::size_t copied = 0; copied < chosen.size(); ++copied) {
    if (copied % kCopiedAtOnce == 0) {
      // Without a rest the mutex would be taken back before who waits for it has woken.
      if (lock) lock.unlock();
      if (copied > 0) std::this_thread::sleep_for(kRest);
      lock.lock();
    }
    // What has changed meanwhile may not belong to the list any more.
    if (is_wanted(*chosen[copied])) page.batches.push_back(record_of(*chosen[copied]));
  }
  return page;
}

std::size_t PlantSimulation::Engine::stop() {
  std::size_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    lost = queue_.size() + running_.size();
    stopping_ = true;
    for (const BatchPtr& batch : running_) {
      for (const auto& walk : batch->walks) {
        if (walk) walk->wake();
      }
    }
  }
  pool_.join();
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [this] { return pending_.empty() && answering_ == 0; });
  return lost;
}

void PlantSimulation::Engine::stop_accepting() {
  const std::lock_guard lock(mutex_);
  accepting_ = false;
}

bool PlantSimulation::Engine::is_known(std::string_view id) const {
  return by_id_.contains(id) || old_ids_.contains(std::string(id)) ||
         std::ranges::any_of(pending_, [id](const auto& entry) { return entry.second->record.id == id; });
}

std::string PlantSimulation::Engine::next_free_id() {
  std::string id;
  do {
    id = std::to_string(next_id_++);
  } while (is_known(id));
  return id;
}

BatchRecord PlantSimulation::Engine::record_of(const Batch& batch) const {
  BatchRecord record = batch.record;
  record.lines = lines_of(batch);
  for (const Station& station : layout.stations()) {
    MachineResult& result = record.machines[station.index];
    if (result.status == MachineStatus::running) result.steps = machine(station).steps;
  }
  return record;
}

// A line's progress counts whole machines; what the machine it is in has done comes on top.
std::array<LineProgress, process::kLines.size()> PlantSimulation::Engine::lines_of(const Batch& batch) const {
  auto lines = batch.record.lines;
  for (const Line line : process::kLines) {
    LineProgress& progress = lines[static_cast<std::size_t>(line)];
    if (!progress.station || machines_[*progress.station].occupant.get() != &batch) continue;
    if (batch.record.machines[*progress.station].status != MachineStatus::running) continue;
    const MachineSnapshot snapshot = machine(layout.stations()[*progress.station]);
    progress.progress += static_cast<double>(snapshot.steps) /
                         (snapshot.total_steps * static_cast<double>(layout.stations(line).size()));
  }
  return lines;
}

PlantSimulation::PlantSimulation(const Layout& layout, PlantConfig config, EventQueue& events, Journal* journal,
                                 Kept kept)
    : engine_(std::make_unique<Engine>(layout, config, events, journal, std::move(kept))) {}
PlantSimulation::~PlantSimulation() { stop(); }
const Layout& PlantSimulation::layout() const { return engine_->layout; }
const PlantConfig& PlantSimulation::config() const { return engine_->config; }
void PlantSimulation::enqueue(BatchRequest request, std::function<void(Answer)> done) {
  engine_->enqueue(std::move(request), std::move(done));
}
Answer PlantSimulation::enqueue(BatchRequest request) {
  const auto answer = std::make_shared<std::promise<Answer>>();
  auto answered = answer->get_future();
  engine_->enqueue(std::move(request), [answer](Answer given) { answer->set_value(std::move(given)); });
  return answered.get();
}
PlantSimulation::Cancel PlantSimulation::cancel(std::string_view id) { return engine_->cancel(id); }
void PlantSimulation::reset(std::function<void(std::vector<std::string>)> done) { engine_->reset(std::move(done)); }

bool PlantSimulation::reset_if_idle() { return engine_->reset_if_idle(); }
bool PlantSimulation::set_parameters(const Station& station, process::Values values,
                                     std::vector<std::string> warnings) {
  return engine_->set_parameters(station, std::move(values), std::move(warnings));
}
process::Values PlantSimulation::parameters(const Station& station) const { return engine_->parameters(station); }
std::uint64_t PlantSimulation::changes(const Station& station) const { return engine_->changes(station); }
void PlantSimulation::when_kept(std::function<void(bool kept)> done) { engine_->when_kept(std::move(done)); }
void PlantSimulation::set_pacing(Pacing pacing) { engine_->set_pacing(pacing); }
Pacing PlantSimulation::pacing() const { return engine_->pacing(); }
PlantStatus PlantSimulation::status() const { return engine_->status(); }
Load PlantSimulation::load() const { return engine_->load(); }
Counters PlantSimulation::counters() const { return engine_->counters(); }
MachineSnapshot PlantSimulation::machine(const Station& station) const { return engine_->machine(station); }
std::optional<BatchRecord> PlantSimulation::batch(std::string_view id) const { return engine_->batch(id); }
std::optional<PlantSimulation::Page> PlantSimulation::batches(std::optional<BatchStatus> status, bool ascending,
                                                              std::size_t limit,
                                                              std::optional<std::string_view> after) const {
  return engine_->batches(status, ascending, limit, after);
}
std::size_t PlantSimulation::stop() { return engine_->stop(); }
void PlantSimulation::stop_accepting() { engine_->stop_accepting(); }

}  // namespace battery_twin::plant
