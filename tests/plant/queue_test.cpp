#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "made_up_machines.hpp"
#include "plant_testing.hpp"

namespace battery_twin::plant::testing {
namespace {

using process::Line;
using Why = Refused::Why;

// Paused: the first batch stays in the mixing machines, all others in the queue.
class Queue : public ::testing::Test {
 protected:
  explicit Queue(PlantConfig config = full_speed()) : plant(standard_layout(), config, log.queue()) {
    plant.set_pacing({Interval{0}, true});
  }
  void resume() { plant.set_pacing({Interval{0}, false}); }
  std::size_t queue_position(BatchRequest request = {}) {
    return std::get<Accepted>(plant.enqueue(std::move(request))).queue_position;
  }

  EventLog log;
  PlantSimulation plant;
};

class ShortQueue : public Queue {
 protected:
  ShortQueue() : Queue({.noise = false, .step_interval = Interval{0}, .queue_limit = 2, .threads = 2}) {}
};

class ShortMemory : public Queue {
 protected:
  ShortMemory() : Queue({.noise = false, .step_interval = Interval{0}, .history_limit = 3, .threads = 2}) { resume(); }
};

TEST_F(Queue, PositionsCountFromTheNextBatch) {
  EXPECT_EQ(queue_position(), 0u);
  EXPECT_EQ(queue_position(), 1u);
  EXPECT_EQ(queue_position(), 2u);
  EXPECT_EQ(plant.cancel("2"), PlantSimulation::Cancel::cancelled);
  EXPECT_EQ(queue_position(), 2u);
  EXPECT_EQ(plant.status().queue, (std::vector<std::string>{"3", "4"}));
  ASSERT_EQ(plant.status().running.size(), 1u);
  EXPECT_EQ(plant.status().running[0].id, "1");
}

TEST_F(Queue, TheNextBatchStartsWhenBothMixingMachinesAreFree) {
  enqueue(plant);
  enqueue(plant);
  resume();
  log.wait_for_finished(2);
  const std::size_t started = position(log.of_batch("2"), EventType::batch_started_processing);
  const std::uint64_t seq = log.of_batch("2")[started].seq;
  for (const Line line : {Line::anode, Line::cathode}) {
    const Station& mixing = plant.layout().stations(line).front();
    EXPECT_LT(log.wait_for(EventType::machine_turned_off, "1", mixing).seq, seq);
    EXPECT_GT(log.wait_for(EventType::machine_turned_on, "2", mixing).seq, seq);
  }
}

TEST_F(Queue, IdsCountUpAndSkipTakenOnes) {
  EXPECT_EQ(enqueue(plant), "1");
  EXPECT_EQ(enqueue(plant, {.id = "2"}), "2");
  EXPECT_EQ(enqueue(plant, {.id = "4"}), "4");
  EXPECT_EQ(enqueue(plant), "3");
  EXPECT_EQ(enqueue(plant), "5");
  EXPECT_EQ(enqueue(plant, {.id = "pilot-A.1"}), "pilot-A.1");
  EXPECT_EQ(enqueue(plant), "6");
}

TEST_F(Queue, AKnownIdIsRefusedWhateverBecameOfItsBatch) {
  enqueue(plant, {.id = "running"});
  enqueue(plant, {.id = "queued"});
  enqueue(plant, {.id = "cancelled"});
  plant.cancel("cancelled");
  for (const std::string id : {"running", "queued", "cancelled"}) {
    const auto answer = plant.enqueue({.id = id});
    EXPECT_EQ(refusal(answer), Why::known_id) << id;
    EXPECT_EQ(std::get<Refused>(answer).batch_id, id);
  }
  EXPECT_EQ(plant.counters().accepted, 3u) << "a refusal changes nothing";
  EXPECT_EQ(log.count(EventType::batch_requested), 3u);
  resume();
  log.wait_for(EventType::batch_completed, "queued");
  EXPECT_EQ(refusal(plant.enqueue({.id = "queued"})), Why::known_id);
}

TEST_F(Queue, OfRacingRequestsWithOneIdOneIsAccepted) {
  std::atomic<int> accepted{0}, refused{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        const auto answer = plant.enqueue({.id = "race-" + std::to_string(n)});
        ++(std::holds_alternative<Accepted>(answer) ? accepted : refused);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(accepted, 50);
  EXPECT_EQ(refused, 150);
  EXPECT_EQ(plant.counters().accepted, 50u);
}

TEST_F(Queue, OnlyWhenIdleIsRefusedWhileThereIsAnyBatch) {
  EXPECT_EQ(enqueue(plant, {.only_when_idle = true}), "1");
  const auto answer = plant.enqueue({.only_when_idle = true});
  EXPECT_EQ(refusal(answer), Why::busy);
  EXPECT_EQ(std::get<Refused>(answer).batch_id, "1");
  EXPECT_EQ(enqueue(plant), "2") << "others do not care";
  resume();
  log.wait_for_finished(2);
  EXPECT_EQ(enqueue(plant, {.only_when_idle = true}), "3");
}

TEST_F(ShortQueue, AFullQueueRefusesUntilABatchLeavesIt) {
  enqueue(plant);
  enqueue(plant);
  enqueue(plant);
  EXPECT_EQ(refusal(plant.enqueue({})), Why::queue_full);
  EXPECT_EQ(plant.cancel("2"), PlantSimulation::Cancel::cancelled);
  EXPECT_EQ(enqueue(plant), "4");
  EXPECT_EQ(refusal(plant.enqueue({})), Why::queue_full);
  resume();
  log.wait_for_finished(4);
  EXPECT_EQ(enqueue(plant), "5");
}

TEST_F(Queue, SeedsAreTakenOrDerivedFromThePlantsSeedAndTheNumberOfAcceptedBatches) {
  EXPECT_EQ(std::get<Accepted>(plant.enqueue({.seed = 12345})).seed, 12345u);
  const auto second = std::get<Accepted>(plant.enqueue({}));
  EXPECT_EQ(second.seed, process::derive_seed(0, 1));
  EXPECT_EQ(plant.batch("1")->seed, 12345u);
  EXPECT_EQ(plant.batch(second.id)->seed, second.seed);
}

TEST_F(Queue, ARequestsWarningsAreKeptAndTold) {
  enqueue(plant, {.warnings = {"gap_height is unusual"}});
  EXPECT_EQ(plant.batch("1")->warnings, std::vector<std::string>{"gap_height is unusual"});
  EXPECT_EQ(log.wait_for(EventType::batch_requested, "1").warnings, plant.batch("1")->warnings);
}

TEST_F(ShortMemory, OnlyTheLastFinishedBatchesAreRemembered) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = enqueue(plant);
    log.wait_for(EventType::batch_completed, id);
  }
  EXPECT_EQ(plant.batch("1"), std::nullopt);
  EXPECT_EQ(plant.batch("2"), std::nullopt);
  for (const std::string id : {"3", "4", "5"}) EXPECT_TRUE(plant.batch(id).has_value()) << id;
  EXPECT_EQ(plant.counters().completed, 5u);
  EXPECT_EQ(plant.cancel("1"), PlantSimulation::Cancel::unknown);
  EXPECT_EQ(plant.batches(std::nullopt, true, 100, std::nullopt)->batches.size(), 3u);
  EXPECT_EQ(enqueue(plant, {.id = "1"}), "1") << "a forgotten id may be used again";
  log.wait_for_finished(6);
  EXPECT_EQ(plant.batch("1")->status, BatchStatus::completed);
  EXPECT_EQ(plant.batch("3"), std::nullopt);
}

std::vector<std::string> ids(const std::optional<PlantSimulation::Page>& page) {
  std::vector<std::string> found;
  for (const BatchRecord& record : page.value().batches) found.push_back(record.id);
  return found;
}

TEST_F(Queue, PagesGoThroughAllBatchesInEitherDirection) {
  for (int i = 0; i < 5; ++i) enqueue(plant);
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids(plant.batches(std::nullopt, false, 2, std::nullopt)), (Ids{"5", "4"}));
  EXPECT_EQ(plant.batches(std::nullopt, false, 2, std::nullopt)->next, "4");
  EXPECT_EQ(ids(plant.batches(std::nullopt, false, 2, "4")), (Ids{"3", "2"}));
  EXPECT_EQ(ids(plant.batches(std::nullopt, false, 2, "2")), (Ids{"1"}));
  EXPECT_EQ(plant.batches(std::nullopt, false, 2, "2")->next, std::nullopt);
  EXPECT_EQ(ids(plant.batches(std::nullopt, true, 4, "1")), (Ids{"2", "3", "4", "5"}));
  EXPECT_EQ(plant.batches(std::nullopt, true, 4, "1")->next, std::nullopt);
  EXPECT_FALSE(plant.batches(std::nullopt, true, 4, "unheard-of").has_value());
}

TEST_F(Queue, ALongPageHasEveryBatchOnce) {
  std::vector<std::string> expected;
  for (int i = 1; i <= 100; ++i) expected.push_back(enqueue(plant));
  EXPECT_EQ(ids(plant.batches(std::nullopt, true, 100, std::nullopt)), expected);
  expected.pop_back();
  EXPECT_EQ(ids(plant.batches(std::nullopt, true, 99, std::nullopt)), expected);
}

TEST_F(Queue, PagesCanBeNarrowedToAStatus) {
  for (int i = 0; i < 4; ++i) enqueue(plant);
  plant.cancel("3");
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids(plant.batches(BatchStatus::queued, false, 10, std::nullopt)), (Ids{"4", "2"}));
  EXPECT_EQ(ids(plant.batches(BatchStatus::cancelled, false, 10, std::nullopt)), (Ids{"3"}));
  EXPECT_EQ(ids(plant.batches(BatchStatus::running, true, 10, std::nullopt)), (Ids{"1"}));
  EXPECT_EQ(ids(plant.batches(BatchStatus::failed, true, 10, std::nullopt)), (Ids{}));
  EXPECT_EQ(plant.batches(BatchStatus::queued, false, 1, std::nullopt)->next, "4");
  EXPECT_EQ(plant.batches(BatchStatus::running, true, 1, std::nullopt)->next, std::nullopt)
      << "nothing more of that status";
}

TEST_F(Queue, StopAcceptingLetsWorkGoOn) {
  enqueue(plant);
  enqueue(plant);
  plant.stop_accepting();
  EXPECT_EQ(refusal(plant.enqueue({})), Why::stopping);
  EXPECT_FALSE(plant.status().accepting);
  resume();
  log.wait_for_finished(2);
  EXPECT_EQ(plant.counters().completed, 2u);
}

TEST(Statuses, HaveTheirPublishedNames) {
  EXPECT_EQ(to_string(BatchStatus::queued), "queued");
  EXPECT_EQ(to_string(BatchStatus::running), "running");
  EXPECT_EQ(to_string(BatchStatus::cancelling), "cancelling");
  EXPECT_EQ(to_string(BatchStatus::completed), "completed");
  EXPECT_EQ(to_string(BatchStatus::failed), "failed");
  EXPECT_EQ(to_string(BatchStatus::cancelled), "cancelled");
  EXPECT_FALSE(is_finished(BatchStatus::cancelling));
  EXPECT_TRUE(is_finished(BatchStatus::failed));
}

}  // namespace
}  // namespace battery_twin::plant::testing
