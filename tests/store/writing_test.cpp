// When things are kept, in which order, and how much may wait.

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "store_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using plant::BatchStatus;
using plant::EventType;

int count_in(const std::string& path, const std::string& table) {
  SQLite::Database database(path);
  return database.execAndGet("select count(*) from " + table).getInt();
}

TEST(Writing, ABatchIsAcceptedWhenItIsInTheFileWithAllThatWasToldBefore) {
  const Folder folder;
  const auto store = open(folder.file());
  Mailbox<int> events_seen;
  Mailbox<int> batches_seen;
  for (std::uint64_t i = 0; i < 50; ++i) {
    store->event(event(i + 1, EventType::machine_parameters_updated));
    store->accept(new_batch(i), [&](bool kept) {
      ASSERT_TRUE(kept);
      batches_seen.put(count_in(folder.file(), "batch"));
      events_seen.put(count_in(folder.file(), "event"));
    });
  }
  const auto batches = batches_seen.wait_for(50);
  const auto events = events_seen.wait_for(50);
  for (int i = 0; i < 50; ++i) {
    EXPECT_GE(batches[static_cast<std::size_t>(i)], i + 1);
    EXPECT_GE(events[static_cast<std::size_t>(i)], i + 1);
  }
}

TEST(Writing, EventsAreToldOnceTheyAreInTheFile) {
  const Folder folder;
  const auto store = open(folder.file());
  Mailbox<std::pair<std::uint64_t, int>> kept;
  store->on_kept([&](std::uint64_t seq) { kept.put({seq, count_in(folder.file(), "event")}); });
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    store->event(event(seq, EventType::machine_turned_on));
    if (seq % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  store->close();
  std::uint64_t last = 0;
  for (const auto& [seq, in_file] : kept.all()) {
    EXPECT_GT(seq, last);
    EXPECT_EQ(static_cast<std::uint64_t>(in_file), seq);
    last = seq;
  }
  EXPECT_EQ(last, 20u);
}

// At any moment the file holds a beginning of what was told, never something without what came before it.
TEST(Writing, TheFileHoldsAPrefixAtAnyMoment) {
  const Folder folder;
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, new_batch(0)));
  constexpr std::uint32_t kRounds = 3'000;
  std::thread teller([&] {
    for (std::uint32_t i = 0; i < kRounds; ++i) {
      store->step(step_of(0, 0, i));
      store->event(event(i + 1, EventType::machine_turned_on));
      store->set_pacing(i, false);
      if (i % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
  });
  SQLite::Database database(folder.file());
  SQLite::Statement look(database,
                         "select (select count(*) from telemetry), (select count(*) from event), "
                         "coalesce((select value from setting where name = 'step_interval_us'), -1)");
  int looks = 0;
  for (int events = 0; events < static_cast<int>(kRounds); ++looks) {
    look.reset();
    ASSERT_TRUE(look.executeStep());
    const int steps = look.getColumn(0);
    events = look.getColumn(1);
    const int paced = look.getColumn(2);
    EXPECT_TRUE(steps == events || steps == events + 1) << steps << ' ' << events;
    EXPECT_TRUE(paced == events - 1 || paced == events - 2) << paced << ' ' << events;
    if (::testing::Test::HasFailure()) break;
    look.reset();
    if (looks > 100'000) break;
  }
  teller.join();
  EXPECT_GT(looks, 3);
}

TEST(Writing, ManyRowsOfTelemetryWithTheRoomRespected) {
  const Folder folder;
  const auto store = open(folder.file(), {.backlog = 10'000});
  constexpr std::uint32_t kSteps = 12'500;
  for (std::uint64_t batch = 0; batch < 2; ++batch) ASSERT_TRUE(accept(*store, new_batch(batch)));
  std::size_t most = 0;
  std::size_t waits = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint32_t step = 0; step < kSteps; ++step) {
    for (std::size_t station = 0; station < 8; ++station) {
      for (std::uint64_t batch = 0; batch < 2; ++batch) {
        while (!store->has_room()) {
          most = std::max(most, store->health().backlog);
          ++waits;
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        store->step(step_of(batch, station, step));
      }
    }
  }
  store->close();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%.0f rows of telemetry a second\n", 16 * kSteps / took.count());
  EXPECT_LE(most, 10'000u);
  EXPECT_EQ(store->health().backlog, 0u);
  EXPECT_TRUE(store->health().latency_ms.has_value());
  EXPECT_EQ(count_in(folder.file(), "telemetry"), 16 * static_cast<int>(kSteps));
}

TEST(Writing, ToldTwiceIsKeptOnce) {
  const Folder folder;
  const auto store = open(folder.file());
  ASSERT_TRUE(accept(*store, new_batch(0)));
  plant::StepRecord again = step_of(0, 2, 5);
  store->step(step_of(0, 2, 5));
  again.properties.front() = 99;
  store->step(again);
  store->event(event(1, EventType::batch_requested, "1"));
  store->event(event(1, EventType::batch_requested, "1"));
  store->close();
  const auto rows = all_rows(*store->telemetry(0, {}));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.front().properties.front(), 99);
  EXPECT_EQ(store->events({}).size(), 1u);
}

TEST(Writing, AKnownIdOrNumberIsRefusedAndTheOthersAreKept) {
  const Folder folder;
  Mailbox<std::string> errors;
  const auto store = open(folder.file(), {.on_error = [&](std::string_view text) { errors.put(std::string(text)); }});
  ASSERT_TRUE(accept(*store, new_batch(0, "a")));
  Mailbox<bool> answers;
  const auto answer = [&](bool kept) { answers.put(kept); };
  store->accept(new_batch(1, "b"), answer);
  store->accept(new_batch(2, "a"), answer);
  store->accept(new_batch(1, "c"), answer);
  store->accept(new_batch(3, "d"), answer);
  EXPECT_EQ(answers.wait_for(4), (std::vector<bool>{true, false, false, true}));
  EXPECT_EQ(store->batch("a")->index, 0u);
  EXPECT_FALSE(store->batch("c"));
  EXPECT_EQ(store->health().status, Health::Status::connected);
  EXPECT_NE(errors.wait_for(1).front().find("UNIQUE"), std::string::npos);
}

TEST(Writing, OldTelemetryGoesAndOnlyThat) {
  const Folder folder;
  {
    const auto store = open(folder.file());
    for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(accept(*store, new_batch(i)));
    for (std::uint64_t i = 0; i < 5; ++i) {
      for (std::uint32_t step = 0; step < 2'500; ++step) store->step(step_of(i, 1, step));
    }
    // The batches were made in 2023; 1 still runs, 3 has just finished.
    for (const std::uint64_t i : {0, 2, 4}) store->finish(finished(new_batch(i), BatchStatus::completed));
    plant::BatchRecord recent = finished(new_batch(3), BatchStatus::completed);
    recent.finished_at = plant::now();
    store->finish(recent);
  }
  const auto store = open(folder.file(), {.retention = std::chrono::hours(24)});
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (count_in(folder.file(), "telemetry") > 5'000 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // in which it could take too much
  store->close();
  EXPECT_EQ(all_rows(*store->telemetry(1, {})).size(), 2'500u);
  EXPECT_EQ(all_rows(*store->telemetry(3, {})).size(), 2'500u);
  EXPECT_EQ(count_in(folder.file(), "telemetry"), 5'000);
  EXPECT_EQ(count_in(folder.file(), "batch"), 5);
}

}  // namespace
}  // namespace battery_twin::store::testing
