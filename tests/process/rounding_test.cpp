#include "battery_twin/process/rounding.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace battery_twin::process {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Round4Correctly, DecidesOnTheExactBinaryValue) {
  EXPECT_EQ(round4_correctly(3.113932), 3.1139);
  EXPECT_EQ(round4_correctly(0.00015), 0.0001) << "the double is just below the tie";
  EXPECT_EQ(round4_correctly(0.00025), 0.0003) << "the double is just above the tie";
  EXPECT_EQ(round4_correctly(0.03125), 0.0312) << "an exact tie goes to the even digit";
  EXPECT_EQ(round4_correctly(0.09375), 0.0938) << "an exact tie goes to the even digit";
  EXPECT_EQ(round4_correctly(-2.00006), -2.0001);
}

TEST(Round4Scaled, DecidesOnTheScaledProduct) {
  EXPECT_EQ(round4_scaled(3.113932), 3.1139);
  EXPECT_EQ(round4_scaled(0.00025), 0.0002) << "the product is exactly 2.5";
  EXPECT_EQ(round4_scaled(-2.00006), -2.0001);
}

TEST(Round4Correctly, KeepsTheFourthDecimalOfLargeNumbers) {
  EXPECT_EQ(round4_correctly(20'000'000'000.00003), 20'000'000'000.0);
  EXPECT_EQ(round4_correctly(200'000'000'000.00003), 200'000'000'000.0);
  EXPECT_EQ(round4_correctly(1e300), 1e300);
}

TEST(Rounding, LetsNonFiniteValuesThroughToTheFiniteCheck) {
  for (const auto round : {round4_correctly, round4_scaled}) {
    EXPECT_EQ(round(kInfinity), kInfinity);
    EXPECT_EQ(round(-kInfinity), -kInfinity);
    EXPECT_TRUE(std::isnan(round(std::nan(""))));
  }
}

TEST(Rounding, KeepsTheSignOfZero) {
  for (const auto round : {round4_correctly, round4_scaled}) {
    EXPECT_EQ(round(-0.00001), 0.0);
    EXPECT_TRUE(std::signbit(round(-0.00001)));
    EXPECT_FALSE(std::signbit(round(0.00001)));
  }
}

}  // namespace
}  // namespace battery_twin::process
