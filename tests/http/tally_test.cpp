#include "../../src/http/tally.hpp"

#include <gtest/gtest.h>

namespace battery_twin::http {
namespace {

using std::chrono::milliseconds;

TEST(Tally, TellsOnceASecondHowManyItWere) {
  Tally tally("a cell leaked", "cells leaked");
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  EXPECT_EQ(tally.sentence(now), "");
  tally.note("a crack");
  EXPECT_EQ(tally.sentence(now), "a cell leaked: a crack");
  EXPECT_EQ(tally.sentence(now), "");
  tally.note("a crack");
  tally.note("a hole");
  EXPECT_EQ(tally.sentence(now + milliseconds(999)), "");
  tally.note("a burr");
  EXPECT_EQ(tally.sentence(now + milliseconds(1000)), "3 cells leaked, the last one: a burr");
  tally.note("a hole");
  EXPECT_EQ(tally.sentence(now + milliseconds(1999)), "");
  EXPECT_EQ(tally.sentence(now + milliseconds(2000)), "a cell leaked: a hole");
  EXPECT_EQ(tally.sentence(now + milliseconds(9000)), "");
}

}  // namespace
}  // namespace battery_twin::http
