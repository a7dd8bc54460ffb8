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

}  // namespace
}  // namespace battery_twin::api
