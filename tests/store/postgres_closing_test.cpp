// The end of a server, whatever PostgreSQL is doing then, and the next start.

#include <chrono>

#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using Mode = TcpProxy::Mode;

constexpr std::size_t kClosingStations = 4;
constexpr std::uint32_t kClosingSteps = 500;

class PostgresClosing : public ::testing::Test {
 protected:
  void begin() {
    ASSERT_TRUE(accept(*store_, new_batch(0)));
    tell_steps(*store_, 0, kClosingStations, 0, 10);
    ASSERT_TRUE(site_.hands_on(*store_));
  }

  void tell_more() {
    tell_steps(*store_, 0, kClosingStations, 10, kClosingSteps);
    store_->finish(finished(new_batch(0), plant::BatchStatus::completed));
    store_->event(event(1, plant::EventType::batch_completed, "1"));
  }

  void close() {
    const auto start = std::chrono::steady_clock::now();
    store_->close();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    store_->close();
    store_.reset();
  }

  void expect_all_in_postgres() {
    EXPECT_EQ(site_.number("select count(*) from battery_twin.telemetry"), kClosingStations * kClosingSteps);
    EXPECT_EQ(site_.ask("select status from battery_twin.batch"), (Rows{{"completed"}}));
    EXPECT_EQ(site_.number("select count(*) from battery_twin.event"), 1);
    EXPECT_TRUE(site_.is_handed_on());
  }

  void expect_the_rest_with_the_next_start() {
    EXPECT_GT(site_.number_in_file("select count(*) from telemetry"), 0);
    EXPECT_TRUE(says(site_.errors.all(), " rows of telemetry wait in " + site_.file));
    store_ = site_.start();
    ASSERT_TRUE(site_.hands_on(*store_));
    expect_all_in_postgres();
    expect_steps(*store_, 0, kClosingStations, kClosingSteps);
  }

  Site site_{true};
  std::unique_ptr<Store> store_ = site_.start();
};

TEST_F(PostgresClosing, HandsOnAllThereIs) {
  begin();
  tell_more();
  close();
  expect_all_in_postgres();
  EXPECT_TRUE(site_.errors.all().empty());
}

TEST_F(PostgresClosing, HandsOnWhatWasToldJustBefore) {
  for (std::uint64_t batch = 0; batch < 8; ++batch) {
    ASSERT_TRUE(accept(*store_, finished(new_batch(batch), plant::BatchStatus::completed)));
    tell_steps(*store_, batch, 1, 0, 1);
    close();
    EXPECT_TRUE(site_.is_handed_on()) << batch;
    store_ = site_.start();
  }
}

TEST_F(PostgresClosing, PostgresIsAway) {
  begin();
  site_.proxy->set_mode(Mode::refuse);
  tell_more();
  close();
  site_.proxy->set_mode(Mode::pass);
  expect_the_rest_with_the_next_start();
}

TEST_F(PostgresClosing, TheNetworkIsGone) {
  begin();
  site_.proxy->set_mode(Mode::black_hole);
  tell_more();
  close();
  site_.proxy->set_mode(Mode::pass);
  expect_the_rest_with_the_next_start();
}

TEST_F(PostgresClosing, PostgresIsFrozen) {
  begin();
  shared_cluster().freeze();
  tell_more();
  close();
  shared_cluster().thaw();
  expect_the_rest_with_the_next_start();
}

TEST_F(PostgresClosing, SomebodyHoldsTheTable) {
  begin();
  {
    const Standstill standstill(site_);
    tell_more();
    close();
  }
  expect_the_rest_with_the_next_start();
}

TEST_F(PostgresClosing, BeforeAPlantStarted) {
  begin();
  close();
  store_ = site_.open();
  close();
  store_ = site_.start();
  EXPECT_EQ(store_->batch("1")->id, "1");
}

}  // namespace
}  // namespace battery_twin::store::testing
