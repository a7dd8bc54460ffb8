// What the plant tells its journal, and how it goes on with what the journal kept.
#include "battery_twin/plant/journal.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

#include "plant_testing.hpp"

namespace battery_twin::plant {
namespace {

using namespace testing;
using process::Line;
using process::Values;

// Remembers what it was told, and says of a batch that it is kept when the test says so.
class NoteBook final : public Journal {
 public:
  explicit NoteBook(EventQueue& events) : events_(events) { events.keep(*this, 0); }

  void accept(const BatchRecord& batch, std::function<void(bool kept)> done) override {
    const std::lock_guard lock(mutex_);
    told_.push_back("accept " + batch.id);
    waiting_.push_back(std::move(done));
  }
  void sync(std::function<void(bool kept)> done) override {
    const std::lock_guard lock(mutex_);
    told_.emplace_back("sync");
    waiting_.push_back(std::move(done));
  }
  void start(const BatchRecord& batch) override { note("start " + batch.id); }
  void cancel(const BatchRecord& batch) override { note("cancel " + batch.id); }
  void enter(const BatchRecord& batch, const Station& station) override {
    note("enter " + batch.id + " " + station.process_name + (batch.parameters[station.index] ? "" : " unknown"));
  }
  void step(StepRecord step) override {
    const std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
  }
  void finish(const BatchRecord& batch) override {
    const std::lock_guard lock(mutex_);
    told_.push_back("finish " + batch.id);
    finished_.push_back(batch);
  }
  void event(const Event& event) override {
    const std::lock_guard lock(mutex_);
    newest_ = event.seq;
  }
  void set_parameters(const Station& station, process::ModelSet /*models*/, const Values& /*values*/) override {
    note("parameters " + station.process_name);
  }
  void set_pacing(std::int64_t step_interval_us, bool paused) override {
    note("pacing " + std::to_string(step_interval_us) + (paused ? " paused" : ""));
  }
  [[nodiscard]] bool has_room() const override { return has_room_; }

  void set_room(bool room) { has_room_ = room; }

  // Answers who waits, and lets all events so far out.
  void keep(bool kept = true) {
    std::deque<std::function<void(bool)>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    for (const auto& done : waiting) done(kept);
    keep_events();
  }
  void keep_events() {
    std::uint64_t seq = 0;
    {
      const std::lock_guard lock(mutex_);
      seq = newest_;
    }
    events_.kept(seq);
  }

  [[nodiscard]] std::vector<std::string> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  [[nodiscard]] std::vector<StepRecord> steps() const {
    const std::lock_guard lock(mutex_);
    return steps_;
  }
  [[nodiscard]] std::vector<BatchRecord> finished() const {
    const std::lock_guard lock(mutex_);
    return finished_;
  }

 private:
  void note(std::string text) {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(text));
  }

  EventQueue& events_;
  mutable std::mutex mutex_;
  std::vector<std::string> told_;
  std::deque<std::function<void(bool)>> waiting_;
  std::vector<StepRecord> steps_;
  std::vector<BatchRecord> finished_;
  std::uint64_t newest_ = 0;
  std::atomic<bool> has_room_{true};
};

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::size_t place_of(const std::vector<std::string>& told, const std::string& what) {
  return static_cast<std::size_t>(std::ranges::find(told, what) - told.begin());
}

TEST(Journal, ABatchIsInThePlantOnceItIsKept) {
  EventQueue events;
  NoteBook journal(events);
  PlantSimulation plant(standard_layout(), full_speed(), events, &journal);
  std::optional<Answer> answer;
  plant.enqueue({.id = "a"}, [&](Answer given) { answer = std::move(given); });
  EXPECT_FALSE(answer);
  EXPECT_FALSE(plant.batch("a"));
  EXPECT_EQ(plant.counters().accepted, 0u);
  EXPECT_TRUE(events.drain().empty());

  // Its name is taken all the same, and the plant is not idle.
  std::optional<Answer> second;
  plant.enqueue({.id = "a"}, [&](Answer given) { second = std::move(given); });
  ASSERT_TRUE(second);
  EXPECT_EQ(std::get<Refused>(*second).why, Refused::Why::known_id);
  plant.enqueue({.only_when_idle = true}, [&](Answer given) { second = std::move(given); });
  EXPECT_EQ(std::get<Refused>(*second).why, Refused::Why::busy);
  EXPECT_EQ(std::get<Refused>(*second).batch_id, "a");

  journal.keep();
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<Accepted>(*answer).id, "a");
  EXPECT_TRUE(plant.batch("a"));
  EXPECT_EQ(plant.counters().accepted, 1u);
}

TEST(Journal, ABatchThatIsNotKeptIsRefused) {
  EventQueue events;
  NoteBook journal(events);
  PlantSimulation plant(standard_layout(), full_speed(), events, &journal);
  std::optional<Answer> answer;
  plant.enqueue({.id = "a"}, [&](Answer given) { answer = std::move(given); });
  journal.keep(false);
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<Refused>(*answer).why, Refused::Why::not_kept);
  EXPECT_FALSE(plant.batch("a"));
  EXPECT_EQ(plant.counters().accepted, 0u);
  EXPECT_EQ(journal.told(), std::vector<std::string>{"accept a"});
  // Nothing of it is left.
  plant.enqueue({.id = "a"}, [&](Answer given) { answer = std::move(given); });
  journal.keep();
  EXPECT_EQ(std::get<Accepted>(*answer).id, "a");
}

TEST(Journal, IsToldAllThatABatchGoesThrough) {
  EventQueue events;
  NoteBook journal(events);
  const Layout& layout = standard_layout();
  PlantSimulation plant(layout, full_speed(), events, &journal);
  plant.enqueue({.id = "a"}, [](const Answer&) {});
  journal.keep();
  ASSERT_TRUE(eventually([&] { return plant.batch("a")->status == BatchStatus::completed; }));

  const auto told = journal.told();
  EXPECT_LT(place_of(told, "accept a"), place_of(told, "start a"));
  for (const Station& station : layout.stations()) {
    const std::size_t entered = place_of(told, "enter a " + station.process_name);
    EXPECT_LT(place_of(told, "start a"), entered) << station.process_name;
    EXPECT_LT(entered, place_of(told, "finish a")) << station.process_name;
  }
  EXPECT_EQ(told.back(), "finish a");

  const BatchRecord record = *plant.batch("a");
  ASSERT_EQ(journal.finished().size(), 1u);
  EXPECT_EQ(journal.finished().front().status, BatchStatus::completed);
  EXPECT_NE(journal.finished().front().end_of_line, nullptr);
  // A row for every step, in order, the last of them what the machine showed at its end.
  std::vector<std::vector<StepRecord>> of_station(layout.stations().size());
  for (const StepRecord& step : journal.steps()) of_station.at(step.station).push_back(step);
  for (const Station& station : layout.stations()) {
    const auto& steps = of_station[station.index];
    ASSERT_EQ(steps.size(), record.machines[station.index].steps) << station.process_name;
    for (std::uint32_t i = 0; i < steps.size(); ++i) ASSERT_EQ(steps[i].step, i) << station.process_name;
    EXPECT_EQ(steps.back().properties, record.machines[station.index].properties) << station.process_name;
    EXPECT_EQ(steps.back().batch, record.index);
  }
}

TEST(Journal, IsToldOfACancellationBeforeTheBatchStops) {
  EventQueue events;
  NoteBook journal(events);
  PlantSimulation plant(standard_layout(), {.step_interval = std::chrono::hours(1)}, events, &journal);
  plant.enqueue({.id = "a"}, [](const auto&) {});
  journal.keep();
  ASSERT_TRUE(eventually([&] { return plant.batch("a")->status == BatchStatus::running; }));
  ASSERT_EQ(plant.cancel("a"), PlantSimulation::Cancel::cancelling);
  ASSERT_TRUE(eventually([&] { return plant.batch("a")->status == BatchStatus::cancelled; }));
  const std::vector<std::string> told = journal.told();
  const auto cancel = std::ranges::find(told, "cancel a");
  ASSERT_NE(cancel, told.end());
  EXPECT_NE(std::find(cancel, told.end(), "finish a"), told.end());
}

TEST(Journal, WhatWasBeingCancelledIsCancelledInTheNextPlant) {
  const Layout& layout = standard_layout();
  EventQueue events;
  NoteBook journal(events);
  Kept kept{.open = {}, .finished = {}, .ids = {"a", "b"}, .accepted = 2};
  for (const char* id : {"a", "b"}) {
    BatchRecord& batch = kept.open.emplace_back();
    batch.id = id;
    batch.index = kept.open.size() - 1;
    batch.status = batch.index == 0 ? BatchStatus::cancelling : BatchStatus::queued;
    batch.design = std::make_shared<const process::CellDesign>(process::cell_designs().front());
    batch.parameters.resize(layout.stations().size());
    batch.machines.resize(layout.stations().size());
  }
  PlantSimulation plant(layout, full_speed(), events, &journal, kept);
  EXPECT_EQ(plant.batch("a")->status, BatchStatus::cancelled);
  EXPECT_EQ(plant.counters().cancelled, 1u);
  ASSERT_TRUE(eventually([&] { return plant.batch("b")->status == BatchStatus::completed; }));
  journal.keep_events();
  const std::vector<std::string> told = journal.told();
  EXPECT_EQ(told.front(), "finish a");
  EXPECT_EQ(std::ranges::count(told, "start a"), 0);
}

TEST(Journal, EventsComeOutOnceTheyAreKept) {
  EventQueue events;
  NoteBook journal(events);
  int calls = 0;
  events.notify([&] { ++calls; });
  events.push({.type = EventType::batch_requested, .batch_id = "a", .message = "m"});
  events.push({.type = EventType::batch_requested, .batch_id = "b", .message = "m"});
  EXPECT_TRUE(events.empty());
  EXPECT_TRUE(events.drain().empty());
  EXPECT_EQ(calls, 0);
  events.kept(1);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(events.drain().size(), 1u);
  EXPECT_TRUE(events.drain().empty());
  events.kept(2);
  EXPECT_EQ(calls, 2);
  const auto rest = events.drain();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest.front().batch_id, "b");
  EXPECT_EQ(rest.front().seq, 2u);
}

TEST(Journal, AFullOneHoldsThePlant) {
  EventQueue events;
  NoteBook journal(events);
  PlantSimulation plant(standard_layout(), full_speed(), events, &journal);
  journal.set_room(false);
  plant.enqueue({.id = "a"}, [](const Answer&) {});
  journal.keep();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(journal.steps().size(), 2u) << "each line may do a step before it looks";
  EXPECT_EQ(plant.batch("a")->status, BatchStatus::running);
  journal.set_room(true);
  EXPECT_TRUE(eventually([&] { return plant.batch("a")->status == BatchStatus::completed; }));
}

TEST(Journal, SettingsAreTold) {
  EventQueue events;
  NoteBook journal(events);
  PlantSimulation plant(standard_layout(), full_speed(), events, &journal);
  const Station& coating = *plant.layout().find(Line::anode, "coating");
  plant.set_parameters(coating, {0.1, 300e-6, 8e-6, 0.4});
  plant.set_pacing({Interval{2500}, true});
  plant.reset([](const auto&) {});
  EXPECT_EQ(journal.told(),
            (std::vector<std::string>{"parameters coating_anode", "pacing 2500 paused", "parameters coating_anode"}));
}

TEST(Journal, SaysWhenASettingIsKept) {
  EventQueue events;
  NoteBook journal(events);
  PlantSimulation plant(standard_layout(), full_speed(), events, &journal);
  plant.set_pacing({Interval{0}, false});
  std::optional<bool> kept;
  plant.when_kept([&](bool is_kept) { kept = is_kept; });
  EXPECT_FALSE(kept);
  journal.keep();
  EXPECT_EQ(kept, true);

  EventQueue no_journals;
  PlantSimulation forgetful(standard_layout(), full_speed(), no_journals);
  kept.reset();
  forgetful.when_kept([&](bool is_kept) { kept = is_kept; });
  EXPECT_EQ(kept, true) << "there is nothing to wait for";
}

// The same seed and the same parameters give the same batch, however often it was begun.
TEST(Journal, APlantGoesOnWithWhatWasKept) {
  const Layout& layout = standard_layout();
  EventLog log;
  PlantSimulation undisturbed(layout, full_speed(), log.queue());
  BatchRequest named;
  named.id = "named";
  named.seed = 7;
  named.parameters.resize(layout.stations().size());
  const Station& coating = *layout.find(Line::anode, "coating");
  Values gap = undisturbed.parameters(coating);
  gap.at(1) = *gap.at(1) * 0.99;
  named.parameters[coating.index] = gap;
  enqueue(undisturbed, named);
  log.wait_for(EventType::batch_completed, "named");
  const BatchRecord expected = *undisturbed.batch("named");

  // Broken off when the anode was coated, with the parameters that it had met so far.
  BatchRecord broken = expected;
  broken.status = BatchStatus::running;
  broken.index = 4;
  broken.finished_at = std::nullopt;
  broken.end_of_line = nullptr;
  const Station& aging = *layout.find(Line::cell, "aging");
  broken.parameters[aging.index] = std::nullopt;
  BatchRecord waiting = broken;
  waiting.id = "waiting";
  waiting.index = 5;
  waiting.status = BatchStatus::queued;
  BatchRecord done = expected;
  done.id = "done";
  done.index = 3;

  EventQueue events;
  NoteBook journal(events);
  events.keep(journal, 41);
  Kept kept{.open = {broken, waiting},
            .finished = {done},
            .ids = {"old", "done", "named", "waiting"},
            .accepted = 6,
            .completed = 4};
  kept.parameters.resize(layout.stations().size());
  const Station& drying = *layout.find(Line::cathode, "drying");
  kept.parameters[drying.index] = Values{0.7, std::nullopt, std::nullopt};
  PlantSimulation plant(layout, full_speed(), events, &journal, kept);
  ASSERT_TRUE(eventually([&] { return plant.batch("waiting")->status == BatchStatus::completed; }));

  const BatchRecord again = *plant.batch("named");
  EXPECT_EQ(again.attempt, 2u);
  EXPECT_EQ(again.created_at, expected.created_at);
  EXPECT_EQ(again.parameters, expected.parameters);
  for (const Station& station : layout.stations()) {
    EXPECT_EQ(again.machines[station.index].properties, expected.machines[station.index].properties);
    EXPECT_EQ(again.machines[station.index].steps, expected.machines[station.index].steps);
  }
  EXPECT_EQ(again.end_of_line->capacity_Ah, expected.end_of_line->capacity_Ah);
  EXPECT_EQ(plant.batch("waiting")->attempt, 1u);
  EXPECT_EQ(plant.parameters(drying), (Values{0.7, std::nullopt, std::nullopt}));
  EXPECT_EQ(plant.counters().accepted, 6u);
  EXPECT_EQ(plant.counters().completed, 6u);

  journal.keep_events();
  const auto told = events.drain();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front().seq, 42u);
  EXPECT_EQ(told.front().type, EventType::batch_started_processing);
  EXPECT_EQ(told.front().attempt, 2u);
  // Names that were given are not given again, and the list has the batches from before.
  for (const char* id : {"old", "done", "named"}) {
    const Answer answer = plant.enqueue({.id = id});
    EXPECT_EQ(std::get<Refused>(answer).why, Refused::Why::known_id) << id;
  }
  const auto page = plant.batches(std::nullopt, true, 10, std::nullopt);
  ASSERT_EQ(page->batches.size(), 3u);
  EXPECT_EQ(page->batches.front().id, "done");
}

}  // namespace
}  // namespace battery_twin::plant
