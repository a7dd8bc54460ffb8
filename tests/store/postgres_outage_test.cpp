// PostgreSQL, or the way to it, is away for a while.

#include <algorithm>
#include <functional>
#include <string>

#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

using Mode = TcpProxy::Mode;

constexpr std::size_t kOutageStations = 3;

class PostgresOutage : public ::testing::Test {
 protected:
  // Batch after batch with steps, an event each: what a plant goes on doing.
  void work(std::uint64_t batches) {
    for (const std::uint64_t end = batches_ + batches; batches_ < end; ++batches_) {
      ASSERT_TRUE(accept(*store_, new_batch(batches_)));
      store_->event(event(batches_ + 1, plant::EventType::batch_requested, std::to_string(batches_ + 1)));
      tell_steps(*store_, batches_, kOutageStations, 0, kSteps);
      store_->finish(finished(new_batch(batches_), plant::BatchStatus::completed));
    }
  }

  // Everything has arrived, once and in order.
  void expect_all() {
    ASSERT_TRUE(site_.hands_on(*store_));
    EXPECT_TRUE(becomes(*store_, Health::Status::connected));
    const std::string batches = std::to_string(batches_);
    EXPECT_EQ(site_.ask("select count(*), min(number), max(number) from battery_twin.batch where status = 'completed'"),
              (Rows{{batches, "0", std::to_string(batches_ - 1)}}));
    EXPECT_EQ(site_.ask("select count(*), min(seq), max(seq) from battery_twin.event"),
              (Rows{{batches, "1", batches}}));
    EXPECT_EQ(site_.number("select count(*) from battery_twin.telemetry"),
              static_cast<std::int64_t>(batches_ * kOutageStations * kSteps));
    // Rows are numbered as they come: within a machine's series in order of the steps.
    EXPECT_EQ(
        site_.ask("select * from (select batch, series, id, step, lag(step) over (partition by batch, series order "
                  "by id) as before from battery_twin.telemetry) steps where step - before <> 1"),
        Rows{});
    for (const std::uint64_t batch : {std::uint64_t{0}, batches_ / 2, batches_ - 1}) {
      expect_steps(*store_, batch, kOutageStations, kSteps);
    }
  }

  void start() { store_ = site_.start(); }

  static constexpr std::uint32_t kSteps = 100;
  Site site_{true};
  std::unique_ptr<Store> store_;
  std::uint64_t batches_ = 0;
};

TEST_F(PostgresOutage, RefusedConnections) {
  start();
  work(2);
  expect_all();
  site_.proxy->set_mode(Mode::refuse);
  work(3);
  ASSERT_TRUE(becomes(*store_, Health::Status::unreachable));
  EXPECT_GE(store_->health().backlog, 3 * kOutageStations * kSteps);
  EXPECT_EQ(store_->health().backend, "postgresql");
  EXPECT_TRUE(store_->has_room());
  EXPECT_EQ(store_->batch("5")->id, "5") << "what is in the file can be read";
  site_.proxy->set_mode(Mode::pass);
  expect_all();
  const auto errors = site_.errors.all();
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_TRUE(says(errors, "PostgreSQL cannot take what is to be kept (postgresql://twin@127.0.0.1:")) << errors[0];
  EXPECT_TRUE(says(errors, " It waits in " + site_.file)) << errors[0];
  EXPECT_FALSE(says(errors, "?.")) << errors[0];
  EXPECT_TRUE(says(errors, "PostgreSQL takes what is to be kept again")) << errors[1];
  EXPECT_FALSE(says(errors, "secret"));
}

TEST_F(PostgresOutage, FromTheBeginning) {
  site_.proxy->set_mode(Mode::refuse);
  start();
  EXPECT_TRUE(says(site_.errors.wait_for(1), "cannot be reached"));
  EXPECT_EQ(store_->health().status, Health::Status::unreachable);
  work(3);
  EXPECT_NE(sentence_of([&] { (void)store_->telemetry(0, {}); }), "");
  site_.proxy->set_mode(Mode::pass);
  expect_all();
}

TEST_F(PostgresOutage, ABlackHole) {
  start();
  work(1);
  expect_all();
  site_.proxy->set_mode(Mode::black_hole);
  work(3);
  ASSERT_TRUE(becomes(*store_, Health::Status::unreachable));
  EXPECT_GE(store_->health().backlog, 3 * kOutageStations * kSteps);
  // What hung goes on; what the probe gave up comes anew.
  site_.proxy->set_mode(Mode::pass);
  expect_all();
}

// Nobody knows whether a commit came through: of changed rows, of telemetry, of both.
TEST_F(PostgresOutage, CommitsInDoubt) {
  start();
  for (const bool is_done : {false, true}) {
    const auto set_trap = [&] {
      if (is_done) {
        site_.proxy->cut_answer("COMMIT");
      } else {
        site_.proxy->cut_request("COMMIT");
      }
    };
    ASSERT_TRUE(accept(*store_, new_batch(batches_)));
    ASSERT_TRUE(site_.hands_on(*store_));
    set_trap();
    tell_steps(*store_, batches_, kOutageStations, 0, kSteps);
    ASSERT_TRUE(site_.proxy->wait_for_cut());
    ASSERT_TRUE(site_.hands_on(*store_));
    set_trap();
    store_->event(event(batches_ + 1, plant::EventType::batch_requested));
    store_->finish(finished(new_batch(batches_++), plant::BatchStatus::completed));
    ASSERT_TRUE(site_.proxy->wait_for_cut());
    expect_all();
    set_trap();
    work(2);
    ASSERT_TRUE(site_.proxy->wait_for_cut());
    work(1);
    expect_all();
  }
}

TEST_F(PostgresOutage, CutAnywhere) {
  start();
  for (const std::uint64_t bytes : {1u, 200u, 3'000u, 20'000u, 60'000u}) {
    site_.proxy->cut_after(TcpProxy::Direction::to_server, bytes);
    work(2);
    ASSERT_TRUE(site_.proxy->wait_for_cut());
    expect_all();
  }
}

TEST_F(PostgresOutage, ARestartWhileThereIsNothingToDo) {
  start();
  work(1);
  expect_all();
  shared_cluster().stop(postgres::PostgresCluster::Mode::immediate);
  EXPECT_TRUE(becomes(*store_, Health::Status::unreachable));
  shared_cluster().start();
  EXPECT_TRUE(becomes(*store_, Health::Status::connected));
  work(1);
  expect_all();
}

TEST_F(PostgresOutage, StoppedWhileItTakesRows) {
  start();
  work(10);
  shared_cluster().stop(postgres::PostgresCluster::Mode::immediate);
  work(3);
  EXPECT_TRUE(becomes(*store_, Health::Status::unreachable));
  shared_cluster().start();
  expect_all();
}

TEST_F(PostgresOutage, FrozenAndThawed) {
  start();
  work(5);
  shared_cluster().freeze();
  work(3);
  EXPECT_TRUE(becomes(*store_, Health::Status::unreachable));
  EXPECT_NE(sentence_of([&] { (void)store_->telemetry(0, {}); }), "") << "at once";
  shared_cluster().thaw();
  expect_all();
}

// Deletions are told in commits as well. A batch that starts over loses what was handed on of the attempt before; one
// that was refused for a commit of the file that failed, and came through all the same, is forgotten.
TEST_F(PostgresOutage, DeletionsInDoubt) {
  start();
  ASSERT_TRUE(accept(*store_, new_batch(0)));
  ASSERT_TRUE(accept(*store_, new_batch(1)));
  tell_steps(*store_, 0, kOutageStations, 0, 70);
  ASSERT_TRUE(site_.hands_on(*store_));
  for (const bool is_done : {false, true}) {
    store_.reset();
    store_ = site_.open();
    if (is_done) {
      site_.proxy->cut_answer("COMMIT");
    } else {
      site_.proxy->cut_request("COMMIT");
    }
    ASSERT_EQ(load(*store_).open.size(), 2u);
    const std::uint32_t steps = is_done ? 30 : 40;
    tell_steps(*store_, 0, kOutageStations, 0, steps);
    ASSERT_TRUE(site_.proxy->wait_for_cut());
    ASSERT_TRUE(site_.hands_on(*store_));
    EXPECT_EQ(site_.number("select count(*) from battery_twin.telemetry"), kOutageStations * steps);
    expect_steps(*store_, 0, kOutageStations, steps);
  }
}

TEST_F(PostgresOutage, ThePlantWaitsWhenTheFileHasEnough) {
  site_.proxy->set_mode(Mode::refuse);
  store_ = site_.start({.url = {}, .spool = {}, .spool_rows = 500});
  ASSERT_TRUE(store_->has_room());
  work(1);
  EXPECT_TRUE(store_->has_room()) << "300 rows";
  work(1);
  EXPECT_TRUE(wait_until([&] { return !store_->has_room(); }));
  EXPECT_TRUE(accept(*store_, new_batch(batches_))) << "batches are still taken";
  store_->finish(finished(new_batch(batches_), plant::BatchStatus::completed));
  store_->event(event(batches_ + 1, plant::EventType::batch_requested));
  tell_steps(*store_, batches_++, kOutageStations, 0, kSteps);
  site_.proxy->set_mode(Mode::pass);
  EXPECT_TRUE(wait_until([&] { return store_->has_room(); }));
  expect_all();
}

}  // namespace
}  // namespace battery_twin::store::testing
