// What was told is what is read, after a restart too.

#include <algorithm>
#include <cmath>

#include "store_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using plant::BatchStatus;
using plant::EventType;
using process::ModelSet;

template <class T>
auto empty(const std::vector<std::optional<T>>& values) {
  return std::ranges::count_if(values, [](const auto& value) { return !value; });
}

TEST(RoundTrip, EveryMemberOfAFinishedBatch) {
  const Folder folder;
  const plant::BatchRecord told = full_batch(7);
  {
    const auto store = open(folder.file());
    plant::BatchRecord queued = new_batch(7, told.id);
    queued.seed = told.seed;
    queued.models = told.models;
    queued.noise = told.noise;
    queued.design = told.design;
    ASSERT_TRUE(accept(*store, queued));
    store->finish(told);
    store->close();
    const auto kept = store->batch(told.id);
    ASSERT_TRUE(kept);
    expect_same(*kept, told);
  }
  const auto store = open(folder.file());
  const plant::Kept kept = load(*store);
  EXPECT_TRUE(kept.open.empty());
  ASSERT_EQ(kept.finished.size(), 1u);
  expect_same(kept.finished.front(), told);
  EXPECT_EQ(kept.ids, std::vector<std::string>{told.id});
}

TEST(RoundTrip, ABatchThatIsAcceptedWithAllThereIs) {
  const Folder folder;
  const plant::BatchRecord told = full_batch(0);
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, told));
  const auto kept = store->batch(told.id);
  ASSERT_TRUE(kept);
  expect_same(*kept, told);
  EXPECT_FALSE(store->batch("another"));
}

TEST(RoundTrip, ABatchOnItsWay) {
  const Folder folder;
  plant::BatchRecord told = new_batch(0);
  const plant::Station& fixed = layout().stations()[3];
  told.parameters[fixed.index] = some_values(fixed, 0.1);
  {
    const auto store = open(folder.file());
    ASSERT_TRUE(accept(*store, told));
    ASSERT_TRUE(accept(*store, new_batch(1)));
    told.status = BatchStatus::running;
    told.started_at = at_second(5);
    told.attempt = 2;
    store->start(told);
    const plant::Station& entered = layout().stations()[0];
    told.parameters[0] = some_values(entered, 0.7);
    store->enter(told, entered);
    told.parameters[0] = some_values(entered, 0.9);
    store->enter(told, entered);
    store->step(step_of(0, 0, 0));
  }
  const auto store = open(folder.file());
  const plant::Kept kept = load(*store);
  ASSERT_EQ(kept.open.size(), 2u);
  expect_same(kept.open[0], told);
  EXPECT_EQ(kept.open[1].id, "2");
  EXPECT_TRUE(store->telemetry(0, {})->next(10).empty()) << "of an attempt that was broken off";
}

TEST(RoundTrip, ABatchThatIsBeingCancelled) {
  const Folder folder;
  {
    const auto store = open(folder.file());
    plant::BatchRecord batch = new_batch(0);
    ASSERT_TRUE(accept(*store, batch));
    batch.status = BatchStatus::cancelling;
    store->cancel(batch);
  }
  const auto store = open(folder.file());
  const auto kept = load(*store);
  ASSERT_EQ(kept.open.size(), 1u);
  EXPECT_EQ(kept.open.front().status, BatchStatus::cancelling);
  EXPECT_TRUE(kept.finished.empty());
  EXPECT_EQ(store->batches(BatchStatus::running, true, 10, {})->batches.size(), 1u);
}

TEST(RoundTrip, OptionalParametersAndWhatIsNoNumber) {
  const Folder folder;
  const plant::Station& drying = *layout().find_process("drying_anode");
  plant::BatchRecord told = new_batch(0);
  told.parameters[drying.index] = drying.type->defaults(told.models, drying.line);
  ASSERT_GT(empty(*told.parameters[drying.index]), 0);
  told.machines[0].status = plant::MachineStatus::stopped;
  told.machines[0].properties.assign(layout().stations()[0].type->model(told.models).outputs.size(), 1);
  told.machines[0].properties[1] = std::nan("");
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, told));
  const auto kept = store->batch("1");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->parameters, told.parameters);
  EXPECT_EQ(kept->machines[0].properties[0], 1);
  EXPECT_TRUE(std::isnan(kept->machines[0].properties[1]));
}

TEST(RoundTrip, EveryMemberOfAnEvent) {
  const Folder folder;
  std::vector<plant::Event> told;
  for (std::size_t i = 0; i < plant::kEventTypes; ++i) {
    told.push_back(event(i + 1, static_cast<EventType>(i), i % 2 == 0 ? "" : "some-batch"));
    if (i % 3 == 0) continue;
    told.back().station = i;
    told.back().step = 7;
    told.back().reason = "a reason\n";
    told.back().warnings = {"one", "\"two\""};
    told.back().end_of_line = some_end_of_line();
  }
  {
    const auto store = open(folder.file());
    for (const plant::Event& event : told) store->event(event);
  }
  const auto kept = load(*open(folder.file()));
  EXPECT_EQ(kept.last_seq, plant::kEventTypes);
  ASSERT_EQ(kept.events.size(), told.size());
  for (std::size_t i = 0; i < told.size(); ++i) expect_same(kept.events[i], told[i]);

  const auto few = load(*open(folder.file()), 0, 3);
  ASSERT_EQ(few.events.size(), 3u);
  EXPECT_EQ(few.events.front().seq, plant::kEventTypes - 2);
}

TEST(RoundTrip, ParametersPacingAndCounters) {
  const Folder folder;
  const plant::Station& coating = *layout().find_process("coating_cathode");
  const process::Values mechanistic = some_values(coating, 0.25);
  const process::Values reference = some_values(coating, 0.5);
  {
    const auto store = open(folder.file());
    const auto before = load(*store);
    EXPECT_FALSE(before.step_interval_us);
    EXPECT_FALSE(before.paused);
    EXPECT_EQ(before.parameters, (std::vector<std::optional<process::Values>>(layout().stations().size())));

    store->set_parameters(coating, ModelSet::mechanistic, reference);
    store->set_parameters(coating, ModelSet::mechanistic, mechanistic);
    store->set_parameters(coating, ModelSet::reference, reference);
    store->set_pacing(250, true);
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(accept(*store, new_batch(i)));
    for (std::uint64_t i = 0; i < 4; ++i) {
      plant::BatchRecord batch = finished(new_batch(i), BatchStatus::completed);
      process::EndOfLine end;
      end.cells_good = i < 3 ? 0.0 : 12.0;
      batch.end_of_line = std::make_shared<const process::EndOfLine>(end);
      store->finish(batch);
    }
    for (std::uint64_t i = 4; i < 6; ++i) store->finish(finished(new_batch(i), BatchStatus::failed));
    store->finish(finished(new_batch(6), BatchStatus::cancelled));
  }
  const auto store = open(folder.file());
  const plant::Kept kept = load(*store, 2);
  EXPECT_EQ(kept.step_interval_us, 250);
  EXPECT_TRUE(kept.paused);
  EXPECT_EQ(kept.parameters[coating.index], mechanistic);
  EXPECT_EQ(empty(kept.parameters), static_cast<std::ptrdiff_t>(layout().stations().size()) - 1);
  EXPECT_EQ(kept.accepted, 10u);
  EXPECT_EQ(kept.completed, 4u);
  EXPECT_EQ(kept.scrapped, 3u);
  EXPECT_EQ(kept.failed, 2u);
  EXPECT_EQ(kept.cancelled, 1u);
  EXPECT_EQ(kept.open.size(), 3u);
  EXPECT_EQ(kept.ids.size(), 10u);
  ASSERT_EQ(kept.finished.size(), 2u) << "as many as asked for, the newest";
  EXPECT_EQ(kept.finished[0].id, "6");
  EXPECT_EQ(kept.finished[1].id, "7");
  EXPECT_EQ(store->load(ModelSet::reference, 0, 0).parameters[coating.index], reference);
}

}  // namespace
}  // namespace battery_twin::store::testing
