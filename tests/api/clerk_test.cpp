// Long answers are made by one thread, and only so many may wait for it.
#include "../../src/api/clerk.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "battery_twin/api/api.hpp"

namespace battery_twin::api {
namespace {

constexpr std::chrono::seconds kPatience{60};

TEST(Clerk, TakesOnOnlySoMuch) {
  std::promise<void> begun;
  std::promise<void> release;
  std::size_t done = 0;  // by its one thread
  std::promise<void> last;
  Clerk clerk;
  ASSERT_TRUE(clerk.give([&] {
    begun.set_value();
    release.get_future().wait();
  }));
  ASSERT_EQ(begun.get_future().wait_for(kPatience), std::future_status::ready);
  for (std::size_t i = 0; i < Clerk::kMostWaiting; ++i) {
    ASSERT_TRUE(clerk.give([&] {
      if (++done == Clerk::kMostWaiting) last.set_value();
    })) << i;
  }
  EXPECT_FALSE(clerk.give([&] { ++done; }));
  release.set_value();
  ASSERT_EQ(last.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(clerk.give([] {}));
}

TEST(Clerk, GoesOnAfterAFailure) {
  std::promise<void> done;
  Clerk clerk;
  ASSERT_TRUE(clerk.give([] { throw std::runtime_error("no memory"); }));
  ASSERT_TRUE(clerk.give([&] { done.set_value(); }));
  EXPECT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(LongLists, BeyondThoseThatWaitAre503) {
  plant::EventQueue events;
  plant::PlantSimulation plant(plant::standard_layout(), {}, events);
  std::mutex mutex;
  std::condition_variable changed;
  bool released = false;
  std::size_t answered = 0;
  const auto api = make_api(plant, events, {.version = "test"});
  const Later later = [&]() -> Reply {
    return [&](Response response) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return released; });
      EXPECT_EQ(response.status, 200);
      ++answered;
      changed.notify_all();
    };
  };
  constexpr std::size_t kAsked = Clerk::kMostWaiting + 10;
  std::size_t taken = 0;
  std::optional<Response> refused;
  for (std::size_t i = 0; i < kAsked; ++i) {
    auto response = api->handle({.method = "GET", .path = "/batches"}, {}, later);
    taken += response ? 0 : 1;
    if (response) refused = std::move(response);
  }
  EXPECT_GE(taken, Clerk::kMostWaiting);
  EXPECT_LE(taken, Clerk::kMostWaiting + 1) << "the one that is being made";
  {
    std::unique_lock lock(mutex);
    released = true;
    changed.notify_all();
    EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return answered == taken; }));
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  using Field = std::pair<std::string, std::string>;
  EXPECT_EQ(refused->headers, (std::vector<Field>{{"Retry-After", "1"}}));
}

// While the clerk is held, what needs it waits, and nothing else does.
TEST(LongLists, AStateWithALongQueueHoldsUpNobodyElse) {
  plant::EventQueue events;
  plant::PlantSimulation plant(plant::standard_layout(), {.queue_limit = 2000, .paused = true}, events);
  std::promise<void> release, listed;
  std::promise<Response> state;
  const auto api = make_api(plant, events, {.version = "test"});
  const Later never = [&]() -> Reply {
    return [](const Response&) { FAIL() << "an answer that should come at once"; };
  };
  const Later held = [&]() -> Reply {
    return [&](const Response&) {
      release.get_future().wait();
      listed.set_value();
    };
  };
  const Later later = [&]() -> Reply { return [&](Response response) { state.set_value(std::move(response)); }; };
  const RequestHead asks{.method = "GET", .path = "/api/simulation/state"};
  const auto add = [&](std::size_t batches) {
    for (std::size_t i = 0; i < batches; ++i) plant.enqueue({}, [](const plant::Answer&) {});
  };

  add(1001);  // one is in the plant at once
  ASSERT_FALSE(api->handle({.method = "GET", .path = "/batches"}, {}, held));
  const auto usual = api->handle(asks, {}, never);
  ASSERT_TRUE(usual) << "no longer than a queue is by default";
  EXPECT_EQ(Json::parse(usual->body).at("data").at("batch_requests").size(), 1000u);
  add(1);
  auto coming = state.get_future();
  EXPECT_FALSE(api->handle(asks, {}, later));
  for (const char* path : {"/health", "/factory/status", "/api/plant/state"})
    EXPECT_TRUE(api->handle({.method = "GET", .path = path}, {}, never)) << path;
  EXPECT_EQ(coming.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  add(1);
  release.set_value();
  ASSERT_EQ(listed.get_future().wait_for(kPatience), std::future_status::ready);
  ASSERT_EQ(coming.wait_for(kPatience), std::future_status::ready);
  const Json data = Json::parse(coming.get().body).at("data");
  EXPECT_EQ(data.at("running_batches").size(), 1u);
  EXPECT_EQ(data.at("machine_statuses").size(), plant::standard_layout().stations().size());
  ASSERT_EQ(data.at("batch_requests").size(), 1001u) << "as it was when it was asked for";
  EXPECT_EQ(data.at("batch_requests").back().at("batch_id"), "1002");
}

}  // namespace
}  // namespace battery_twin::api
