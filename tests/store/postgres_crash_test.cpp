// What is found after a crash, a change of the store, and a disk that fails.

#include <algorithm>
#include <filesystem>

#include "faulty_disk.hpp"
#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using Mode = TcpProxy::Mode;

constexpr std::size_t kCrashStations = 2;

plant::BatchRecord completed(std::uint64_t index) { return finished(new_batch(index), plant::BatchStatus::completed); }

void expect_steps_in_postgres(const Site& site, std::uint64_t batch, std::int64_t steps) {
  EXPECT_EQ(site.number("select count(*) from battery_twin.telemetry where batch = " + std::to_string(batch)),
            static_cast<std::int64_t>(kCrashStations) * steps)
      << batch;
}

// The file as it is at some moments of a run: PostgreSQL may have more by then than the file knows of. Batch 0 has
// finished before the moment, batch 1 runs.
void crash(std::uint32_t steps_before, bool is_committed) {
  SCOPED_TRACE(std::to_string(steps_before) + (is_committed ? " committed" : " not committed"));
  Site site(true);
  {
    const auto store = site.start();
    ASSERT_TRUE(accept(*store, new_batch(0)));
    ASSERT_TRUE(accept(*store, new_batch(1)));
    tell_steps(*store, 0, kCrashStations, 0, steps_before);
    tell_steps(*store, 1, kCrashStations, 0, steps_before);
    ASSERT_TRUE(site.hands_on(*store));
    // Nothing is deleted from the file while the copy is made, so what is committed now has a copy in it.
    {
      const Standstill standstill(site);
      store->finish(completed(0));
      tell_steps(*store, 0, kCrashStations, steps_before, 100);
      tell_steps(*store, 1, kCrashStations, steps_before, 100);
      store->event(event(1, plant::EventType::batch_completed, "1"));
      ASSERT_TRUE(accept(*store, new_batch(2)));
      site.copy_file(site.folder.file("copy"));
      if (!is_committed) site.proxy->set_mode(Mode::refuse);
    }
    if (is_committed) {
      ASSERT_TRUE(site.hands_on(*store));
      expect_steps_in_postgres(site, 0, 100);
    }
    site.proxy->set_mode(Mode::refuse);
  }
  site.proxy->set_mode(Mode::pass);
  site.file = site.folder.file("copy");
  EXPECT_GT(site.number_in_file("select count(*) from telemetry"), 0);

  const auto store = site.open();
  const plant::Kept kept = load(*store);
  ASSERT_EQ(kept.open.size(), 2u);
  ASSERT_EQ(kept.finished.size(), 1u);
  EXPECT_EQ(kept.last_seq, 1u);
  ASSERT_TRUE(site.hands_on(*store));
  expect_steps(*store, 0, kCrashStations, 100);
  expect_steps_in_postgres(site, 0, 100);
  expect_steps_in_postgres(site, 1, 0);
  tell_steps(*store, 1, kCrashStations, 0, 60);
  ASSERT_TRUE(site.hands_on(*store));
  expect_steps(*store, 1, kCrashStations, 60);
  expect_steps_in_postgres(site, 1, 60);
  EXPECT_EQ(site.ask("select number, status from battery_twin.batch order by number"),
            (Rows{{"0", "completed"}, {"1", "queued"}, {"2", "queued"}}));
  EXPECT_FALSE(says(site.errors.all(), "duplicate")) << "what has arrived already is expected";
}

TEST(PostgresCrash, BeforeAnythingWasHandedOn) { crash(0, false); }
TEST(PostgresCrash, BeforeTheRestWasHandedOn) { crash(40, false); }
TEST(PostgresCrash, BetweenPostgresAndTheFile) { crash(40, true); }

// A batch that started over is in the file with its new attempt; PostgreSQL knows the old one, or both.
TEST(PostgresCrash, AfterASecondAttempt) {
  for (const bool is_committed : {false, true}) {
    Site site(true);
    {
      const auto store = site.start();
      ASSERT_TRUE(accept(*store, new_batch(0)));
      tell_steps(*store, 0, kCrashStations, 0, 80);
      ASSERT_TRUE(site.hands_on(*store));
    }
    {
      const auto store = site.open();
      {
        const Standstill standstill(site);
        (void)load(*store);
        tell_steps(*store, 0, kCrashStations, 0, 50);
        store->finish(completed(0));
        ASSERT_TRUE(accept(*store, new_batch(1)));
        site.copy_file(site.folder.file("copy"));
        if (!is_committed) site.proxy->set_mode(Mode::refuse);
      }
      if (is_committed) {
        ASSERT_TRUE(site.hands_on(*store));
      }
      site.proxy->set_mode(Mode::refuse);
    }
    site.proxy->set_mode(Mode::pass);
    site.file = site.folder.file("copy");
    const auto store = site.start();
    ASSERT_TRUE(site.hands_on(*store));
    expect_steps(*store, 0, kCrashStations, 50);
    expect_steps_in_postgres(site, 0, 50);
  }
}

std::unique_ptr<Store> without_postgres(const Site& site) { return open(site.file); }

TEST(PostgresChange, AFileThatWasUsedAloneBefore) {
  Site site;
  {
    const auto store = without_postgres(site);
    (void)load(*store);
    for (std::uint64_t i = 0; i < 6'000; ++i) store->event(event(i + 1, plant::EventType::batch_requested));
    ASSERT_TRUE(accept(*store, new_batch(0)));
    tell_steps(*store, 0, kCrashStations, 0, 6'000);
    store->finish(completed(0));
    ASSERT_TRUE(accept(*store, new_batch(1)));
    tell_steps(*store, 1, kCrashStations, 0, 10);
    store->set_pacing(77, true);
  }
  const auto store = site.start();
  ASSERT_TRUE(site.hands_on(*store));
  expect_steps(*store, 0, kCrashStations, 6'000);
  expect_steps_in_postgres(site, 0, 6'000);
  expect_steps_in_postgres(site, 1, 0);
  EXPECT_EQ(site.number("select count(*) from battery_twin.event"), 6'000);
  EXPECT_EQ(site.number("select value from battery_twin.setting where name = 'step_interval_us'"), 77);
}

TEST(PostgresChange, AFileThatWasUsedAloneInBetween) {
  Site site;
  {
    const auto store = site.start();
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(accept(*store, new_batch(i)));
    store->finish(completed(0));
    for (std::uint64_t i = 0; i < 3; ++i) tell_steps(*store, i, kCrashStations, 0, 50);
    store->event(event(1, plant::EventType::batch_requested, "before"));
    ASSERT_TRUE(site.hands_on(*store));
  }
  {
    const auto store = without_postgres(site);
    ASSERT_EQ(load(*store).open.size(), 2u);
    tell_steps(*store, 1, kCrashStations, 0, 20);
    store->finish(completed(1));
    tell_steps(*store, 2, kCrashStations, 0, 5);
    ASSERT_TRUE(accept(*store, new_batch(3)));
    store->event(event(2, plant::EventType::batch_requested, "between"));
  }
  // Twice: what is to be deleted there must not be forgotten, and nothing is to be deleted that came later.
  (void)load(*without_postgres(site));
  const auto store = site.start();
  ASSERT_TRUE(site.hands_on(*store));
  expect_steps_in_postgres(site, 0, 50);
  expect_steps_in_postgres(site, 1, 20);
  expect_steps_in_postgres(site, 2, 0);
  expect_steps(*store, 1, kCrashStations, 20);
  EXPECT_EQ(site.ask("select number, status from battery_twin.batch order by number"),
            (Rows{{"0", "completed"}, {"1", "completed"}, {"2", "queued"}, {"3", "queued"}}));
  EXPECT_EQ(site.ask("select batch_id from battery_twin.event order by seq"), (Rows{{"before"}, {"between"}}));
}

// A write or a sync of the file fails, while it is written to, read and emptied.
TEST(PostgresChange, AnyWriteOfTheFileMayFail) {
  FaultyDisk disk;
  Site site;
  const auto store = site.start();
  ASSERT_TRUE(accept(*store, new_batch(0)));
  std::uint64_t batches = 0;
  for (const int at : {1, 3, 9, 30}) {
    disk.fail_at(at);
    Mailbox<std::pair<std::uint64_t, bool>> answers;
    for (std::size_t i = 0; i < 4 || !disk.has_failed(); ++i, ++batches) {
      store->accept(new_batch(batches + 1), [&, batch = batches + 1](bool kept) { answers.put({batch, kept}); });
      store->event(event(batches + 1, plant::EventType::batch_requested));
      const auto step = static_cast<std::uint32_t>(batches) * 40;
      tell_steps(*store, 0, kCrashStations, step, step + 40);
      (void)answers.wait_for(i + 1);
    }
    ASSERT_TRUE(becomes(*store, Health::Status::connected));
    ASSERT_TRUE(site.hands_on(*store));
    for (const auto& [batch, kept] : answers.all()) {
      EXPECT_EQ(site.number("select count(*) from battery_twin.batch where number = " + std::to_string(batch)), kept)
          << "failure at " << at;
    }
    EXPECT_EQ(site.number("select count(*) from battery_twin.event"), batches) << "failure at " << at;
    expect_steps(*store, 0, kCrashStations, static_cast<std::uint32_t>(batches) * 40);
    expect_steps_in_postgres(site, 0, static_cast<std::int64_t>(batches) * 40);
  }
}

}  // namespace
}  // namespace battery_twin::store::testing
