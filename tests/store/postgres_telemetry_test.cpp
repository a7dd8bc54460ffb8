// Telemetry that is partly in the file and partly in PostgreSQL, read as one.

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

constexpr std::size_t kAllStations = 16;

void begin_batch(Store& store, std::uint64_t index) {
  plant::BatchRecord batch = new_batch(index);
  ASSERT_TRUE(accept(store, batch));
  batch.status = plant::BatchStatus::running;
  batch.attempt = 1;
  store.start(batch);
}

TEST(PostgresTelemetry, FiftyThousandRowsReadWhileTheyMove) {
  Site site;
  const auto store = site.start();
  begin_batch(*store, 0);
  begin_batch(*store, 1);
  constexpr std::uint32_t kSteps = 3'125;
  tell_steps(*store, 0, kAllStations, 0, 1'000);
  tell_steps(*store, 1, 1, 0, 10);
  ASSERT_TRUE(site.hands_on(*store));
  EXPECT_EQ(site.number("select count(*) from battery_twin.telemetry"), 16'010);
  {
    const Standstill standstill(site);
    tell_steps(*store, 0, kAllStations, 1'000, kSteps);
    write_all(*store);
    EXPECT_EQ(site.number_in_file("select count(*) from telemetry"), 34'000);
    EXPECT_GE(store->health().backlog, 34'000u);
    // Around the seam, too: portions that end just before, at and behind it.
    for (const std::size_t portion : {999u, 1'000u, 1'001u, 100'000u}) {
      expect_steps(*store, 0, kAllStations, kSteps, portion);
    }
  }
  std::atomic<int> readings = 0;
  {
    std::vector<std::jthread> readers;
    for (const std::size_t portion : {400u, 7'000u}) {
      readers.emplace_back([&, portion](const std::stop_token& ends) {
        while (!ends.stop_requested()) {
          expect_steps(*store, 0, kAllStations, kSteps, portion);
          ++readings;
        }
      });
    }
    EXPECT_TRUE(wait_until([&] { return site.is_handed_on() && readings > 2; }));
  }
  expect_steps(*store, 0, kAllStations, kSteps, 7'777);
  EXPECT_EQ(site.number("select count(*) from battery_twin.telemetry"), 50'010);
  EXPECT_EQ(all_rows(*store->telemetry(1, {})).size(), 10u);
  EXPECT_TRUE(store->telemetry(2, {})->next(10).empty());
}

TEST(PostgresTelemetry, OfOneStation) {
  Site site;
  const auto store = site.start();
  begin_batch(*store, 0);
  tell_steps(*store, 0, 3, 0, 20);
  ASSERT_TRUE(site.hands_on(*store));
  const Standstill standstill(site);
  tell_steps(*store, 0, 3, 20, 30);
  write_all(*store);
  const auto reader = store->telemetry(0, 1);
  const auto rows = all_rows(*reader, 1);
  ASSERT_EQ(rows.size(), 30u);
  for (std::uint32_t step = 0; step < 30; ++step) {
    EXPECT_EQ(rows[step].station, 1u);
    EXPECT_EQ(rows[step].step, step);
    EXPECT_EQ(rows[step].properties, step_of(0, 1, step).properties);
  }
  EXPECT_TRUE(store->telemetry(0, 5)->next(10).empty());
}

TEST(PostgresTelemetry, NumbersAndTimesAreWhatTheyWere) {
  using Limits = std::numeric_limits<double>;
  Site site;
  const auto store = site.start();
  begin_batch(*store, 0);
  plant::StepRecord told = step_of(0, 0, 4'000'000);
  const std::vector<double> odd{Limits::quiet_NaN(),
                                Limits::infinity(),
                                -Limits::infinity(),
                                -0.0,
                                1e-300,
                                1e300,
                                Limits::max(),
                                Limits::denorm_min(),
                                0.1,
                                1.0 / 3,
                                123456789012345678.};
  for (std::size_t i = 0; i < told.properties.size(); ++i) told.properties[i] = odd[i % odd.size()];
  ASSERT_GE(told.properties.size(), 9u);
  const std::vector<plant::Time> times{plant::Time(std::chrono::microseconds(0)),
                                       plant::Time(std::chrono::microseconds(999'999)),
                                       plant::Time(std::chrono::microseconds(1'798'761'599'999'999)),
                                       plant::Time(std::chrono::microseconds(4'102'444'800'000'001))};
  for (const plant::Time time : times) {
    told.time = time;
    store->step(told);
    ++told.step;
  }
  ASSERT_TRUE(site.hands_on(*store));
  const auto reader = store->telemetry(0, {});
  const auto rows = all_rows(*reader);
  ASSERT_EQ(rows.size(), times.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].time, times[i]);
    ASSERT_EQ(rows[i].properties.size(), told.properties.size());
    for (std::size_t p = 0; p < told.properties.size(); ++p) {
      const double told_value = told.properties[p];
      const double value = rows[i].properties[p];
      EXPECT_TRUE(std::isnan(told_value) ? std::isnan(value)
                                         : value == told_value && std::signbit(value) == std::signbit(told_value))
          << told_value << " became " << value;
    }
  }
  EXPECT_EQ(site.ask("select \"timestamp\" from battery_twin.telemetry order by step"),
            (Rows{{"1970-01-01 00:00:00"},
                  {"1970-01-01 00:00:00.999999"},
                  {"2026-12-31 23:59:59.999999"},
                  {"2100-01-01 00:00:00.000001"}}));
}

// A batch that starts over: what was handed on of its last attempt is never shown again.
TEST(PostgresTelemetry, OfAnAttemptThatWasBrokenOffIsGoneAtOnce) {
  Site site;
  {
    const auto store = site.start();
    begin_batch(*store, 0);
    tell_steps(*store, 0, 2, 0, 50);
    ASSERT_TRUE(site.hands_on(*store));
  }
  EXPECT_EQ(site.number("select count(*) from battery_twin.telemetry"), 100);
  const auto store = site.open();
  {
    const Standstill standstill(site);
    ASSERT_EQ(load(*store).open.size(), 1u);
    EXPECT_TRUE(store->telemetry(0, {})->next(10).empty());
    tell_steps(*store, 0, 2, 0, 20);
    write_all(*store);
    expect_steps(*store, 0, 2, 20);
  }
  ASSERT_TRUE(site.hands_on(*store));
  expect_steps(*store, 0, 2, 20);
  EXPECT_EQ(site.number("select count(*) from battery_twin.telemetry"), 40);
}

TEST(PostgresTelemetry, CanBeReadOnceTheStoreIsClosed) {
  Site site;
  const auto store = site.start();
  begin_batch(*store, 0);
  tell_steps(*store, 0, 2, 0, 50);
  store->close();
  std::this_thread::sleep_for(std::chrono::milliseconds(2'100));  // longer than closing may take
  expect_steps(*store, 0, 2, 50);
  EXPECT_EQ(store->batch("1")->id, "1");
}

TEST(PostgresTelemetry, ReadingSaysThatPostgresIsGone) {
  Site site(true);
  const auto store = site.start();
  begin_batch(*store, 0);
  tell_steps(*store, 0, 2, 0, 50);
  ASSERT_TRUE(site.hands_on(*store));
  const auto reader = store->telemetry(0, {});
  EXPECT_EQ(reader->next(10).size(), 10u);
  site.proxy->set_mode(TcpProxy::Mode::refuse);
  EXPECT_NE(sentence_of([&] { (void)reader->next(10); }), "");
  EXPECT_NE(sentence_of([&] { (void)reader->next(10); }), "") << "again";
  EXPECT_NE(sentence_of([&] { (void)store->telemetry(0, {}); }), "");
  ASSERT_TRUE(becomes(*store, Health::Status::unreachable));
  site.proxy->set_mode(TcpProxy::Mode::pass);
  ASSERT_TRUE(becomes(*store, Health::Status::connected));
  expect_steps(*store, 0, 2, 50);
}

}  // namespace
}  // namespace battery_twin::store::testing
