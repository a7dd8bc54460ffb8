#include "battery_twin/process/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace battery_twin::process {
namespace {

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

// Vectors of Random123 (kat_vectors, philox4x32 10).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox(Counter{0, 0, 0, 0}, Key{0, 0}), (Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox(Counter{kOnes, kOnes, kOnes, kOnes}, Key{kOnes, kOnes}),
            (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(Counter{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, Key{0xa4093822, 0x299f31d0}),
            (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(DeriveSeed, StaysWithinWhatJsonKeepsAndDependsOnBothInputs) {
  std::set<std::uint64_t> seen;
  for (const std::uint64_t plant : {std::uint64_t{0}, std::uint64_t{1}, kMaxSeed, ~std::uint64_t{0}}) {
    for (std::uint64_t index = 0; index < 1000; ++index) {
      const std::uint64_t seed = derive_seed(plant, index);
      EXPECT_LE(seed, kMaxSeed);
      seen.insert(seed);
    }
  }
  EXPECT_EQ(seen.size(), 4000u);
  EXPECT_GT(*seen.rbegin(), kMaxSeed / 2) << "the upper bits are in use";
  EXPECT_EQ(derive_seed(7, 3), derive_seed(7, 3));
}

constexpr std::uint32_t kDraws = 40'000;

struct Moments {
  double mean = 0, variance = 0, low = INFINITY, high = -INFINITY;
};

Moments moments(const std::function<double(std::uint32_t)>& draw) {
  Moments found;
  double squares = 0;
  for (std::uint32_t t = 0; t < kDraws; ++t) {
    const double value = draw(t);
    found.mean += value / kDraws;
    squares += value * value / kDraws;
    found.low = std::min(found.low, value);
    found.high = std::max(found.high, value);
  }
  found.variance = squares - found.mean * found.mean;
  return found;
}

// Bounds are about five standard errors; the seeds are fixed, so these tests cannot flicker.
TEST(Noise, UniformHasItsMeanVarianceAndBounds) {
  const Noise noise(42, "mixing_anode", true);
  const Moments found = moments([&](std::uint32_t t) { return noise.uniform(t, 0, 24, 26); });
  EXPECT_NEAR(found.mean, 25, 0.015);
  EXPECT_NEAR(found.variance, 1.0 / 3, 0.008);
  EXPECT_GE(found.low, 24);
  EXPECT_LT(found.high, 26);
  EXPECT_LT(found.low, 24.001);
  EXPECT_GT(found.high, 25.999);
}

TEST(Noise, NormalHasItsMeanVarianceAndTails) {
  const Noise noise(43, "slitting_anode", true);
  const Moments found = moments([&](std::uint32_t t) { return noise.normal(t, 0, 10, 2); });
  EXPECT_NEAR(found.mean, 10, 0.05);
  EXPECT_NEAR(found.variance, 4, 0.15);
  EXPECT_LT(found.low, 10 - 3 * 2);
  EXPECT_GT(found.high, 10 + 3 * 2);

  int within = 0;
  for (std::uint32_t t = 0; t < kDraws; ++t) within += std::abs(noise.normal(t, 0, 10, 2) - 10) < 2 ? 1 : 0;
  EXPECT_NEAR(within / static_cast<double>(kDraws), 0.6827, 0.012);
}

TEST(Noise, IntegersAreEquallyLikely) {
  const Noise noise(44, "inspection_anode", true);
  std::array<int, 3> count{};
  for (std::uint32_t t = 0; t < kDraws; ++t) ++count.at(static_cast<std::size_t>(noise.integer(t, 1, 0, 2)));
  for (const int n : count) EXPECT_NEAR(n / static_cast<double>(kDraws), 1.0 / 3, 0.012);
}

TEST(Noise, ADrawDoesNotDependOnOtherDraws) {
  const Noise noise(45, "mixing_anode", true);
  std::vector<double> forwards, backwards;
  for (std::uint32_t t = 0; t < 50; ++t) {
    forwards.push_back(noise.uniform(t, 3, 0, 1));
    forwards.push_back(noise.normal(t, 4, 0, 1));
  }
  const Noise again(45, "mixing_anode", true);
  for (std::uint32_t t = 50; t-- > 0;) {
    backwards.insert(backwards.begin(), again.normal(t, 4, 0, 1));
    backwards.insert(backwards.begin(), again.uniform(t, 3, 0, 1));
  }
  EXPECT_EQ(forwards, backwards);
}

TEST(Noise, SeedMachineStepAndIndexEachMatter) {
  std::set<double> seen;
  for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 40}) {
    for (const char* machine : {"mixing_anode", "mixing_cathode"}) {
      const Noise noise(seed, machine, true);
      for (std::uint32_t step = 0; step < 10; ++step) {
        for (std::uint32_t index = 0; index < 10; ++index) seen.insert(noise.uniform(step, index, 0, 1));
      }
    }
  }
  EXPECT_EQ(seen.size(), 3u * 2 * 10 * 10);
}

TEST(Noise, OffGivesTheMeans) {
  const Noise noise(46, "mixing_anode", false);
  EXPECT_EQ(noise.uniform(5, 0, 0.1, 0.3), 0.2);
  EXPECT_EQ(noise.uniform(5, 0, 0.05, 0.15), 0.1);
  EXPECT_EQ(noise.uniform(5, 0, 0.0005, 0.0015), 0.001);
  EXPECT_EQ(noise.uniform(5, 0, 24, 26), 25);
  EXPECT_EQ(noise.uniform(5, 0, -1, 1), 0);
  EXPECT_EQ(noise.normal(5, 0, 0.5, 0.05), 0.5);
  EXPECT_EQ(noise.integer(5, 0, 0, 2), 1);
}

}  // namespace
}  // namespace battery_twin::process
