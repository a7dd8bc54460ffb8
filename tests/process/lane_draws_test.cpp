#include "lane_draws.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <set>
#include <string_view>
#include <vector>

namespace battery_twin::process {
namespace {

using Seeds = std::array<std::uint64_t, kLaneCount>;
using Cells = std::array<std::uint32_t, kLaneCount>;

// FNV-1a of "mixing_anode", as Noise numbers its machines.
constexpr std::uint32_t fnv1a(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}
constexpr std::uint32_t kStream = fnv1a("mixing_anode");

const Seeds kSeeds{1, 1, 0xdeadbeefcafe, kMaxSeed, 0, ~std::uint64_t{0}, 7, std::uint64_t{1} << 32};
const Cells kCells{0, 1, 0, 4'000'000'000, 17, 5, 0xfffffffe, 3};

Draws<double> one_of(std::size_t lane, bool on = true) { return {{kSeeds[lane]}, {kCells[lane]}, kStream, on, on}; }

Draws<Lanes> one_batch(std::uint64_t seed) {
  return {{seed, seed, seed, seed, seed, seed, seed, seed}, {0, 1, 2, 3, 4, 5, 6, 7}, kStream, true, true};
}

double unit(std::uint32_t low, std::uint32_t high) {
  return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1.0p-53;
}

TEST(LaneDraws, AreThoseOfThePublishedGenerator) {
  const Draws<Lanes> draws(kSeeds, kCells, kStream, true, true);
  for (const std::uint32_t index : {0u, 1u, 77u, 0xffffffffu}) {
    for (const std::uint32_t step : {0u, 3u, 0xffffffffu}) {
      for (std::size_t i = 0; i < kLaneCount; ++i) {
        const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(kSeeds[i]),
                                               static_cast<std::uint32_t>(kSeeds[i] >> 32)};
        const auto shared = philox({index, step, kStream, 0}, key);
        const auto own = philox({index, step, kStream, 1 + kCells[i]}, key);
        EXPECT_EQ(draws.batch_uniform(index, step)[i], unit(shared[0], shared[1]));
        EXPECT_EQ(draws.cell_uniform(index, step)[i], unit(own[0], own[1]));
        EXPECT_EQ(one_of(i).batch_uniform(index, step), unit(shared[0], shared[1]));
        EXPECT_EQ(one_of(i).cell_uniform(index, step), unit(own[0], own[1]));
      }
    }
  }
}

TEST(LaneDraws, OfABatchAreThoseOfNoise) {
  const Noise noise(42, "mixing_anode", true);
  const Draws<Lanes> draws = one_batch(42);
  for (std::uint32_t index = 0; index < 100; ++index) {
    EXPECT_EQ(draws.batch_uniform(index)[index % 8], noise.uniform(0, index, 0, 1));
    EXPECT_NEAR(draws.batch_normals(index, 5).first[index % 8], noise.normal(5, index, 0, 1), 1e-14);
  }
}

TEST(LaneDraws, OfALaneAreThoseOfItsCell) {
  const Draws<Lanes> draws(kSeeds, kCells, kStream, true, true);
  const auto expect_same = [](double found, double wanted) { EXPECT_NEAR(found, wanted, 1e-14 * std::abs(wanted)); };
  for (std::uint32_t index = 0; index < 2000; ++index) {
    const auto [first, second] = draws.cell_normals(index, index % 3);
    const auto [batch_first, batch_second] = draws.batch_normals(index);
    const Lanes events = draws.cell_poisson(index, 0.01 * index);
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      const auto [one_first, one_second] = one_of(i).cell_normals(index, index % 3);
      expect_same(first[i], one_first);
      expect_same(second[i], one_second);
      expect_same(batch_first[i], one_of(i).batch_normals(index).first);
      expect_same(batch_second[i], one_of(i).batch_normals(index).second);
      EXPECT_EQ(events[i], one_of(i).cell_poisson(index, 0.01 * index));
    }
  }
}

TEST(LaneDraws, DoNotDependOnWhoStandsBeside) {
  Seeds seeds = kSeeds;
  Cells cells = kCells;
  Lanes mean;
  for (std::size_t i = 0; i < kLaneCount; ++i) mean.set(i, static_cast<double>(i) * 3);
  Lanes turned_mean = mean;
  const Draws<Lanes> draws(seeds, cells, kStream, true, true);
  for (std::size_t turn = 1; turn < kLaneCount; ++turn) {
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      seeds[i] = kSeeds[(i + turn) % kLaneCount];
      cells[i] = kCells[(i + turn) % kLaneCount];
      turned_mean.set(i, mean[(i + turn) % kLaneCount]);
    }
    const Draws<Lanes> turned(seeds, cells, kStream, true, true);
    for (std::uint32_t index = 0; index < 50; ++index) {
      for (std::size_t i = 0; i < kLaneCount; ++i) {
        const std::size_t from = (i + turn) % kLaneCount;
        EXPECT_EQ(turned.cell_normals(index).first[i], draws.cell_normals(index).first[from]);
        EXPECT_EQ(turned.batch_normals(index).second[i], draws.batch_normals(index).second[from]);
        EXPECT_EQ(turned.cell_uniform(index)[i], draws.cell_uniform(index)[from]);
        EXPECT_EQ(turned.cell_poisson(index, turned_mean)[i], draws.cell_poisson(index, mean)[from]);
      }
    }
  }
}

TEST(LaneDraws, SeedStreamStepIndexAndCellEachMatter) {
  std::set<double> seen;
  for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 40}) {
    for (const char* machine : {"mixing_anode", "mixing_cathode"}) {
      const Draws<Lanes> draws({seed, seed, seed, seed, seed, seed, seed, seed}, {0, 1, 2, 3, 4, 5, 6, 7},
                               fnv1a(machine), true, true);
      for (std::uint32_t step = 0; step < 5; ++step) {
        for (std::uint32_t index = 0; index < 5; ++index) {
          seen.insert(draws.batch_uniform(index, step)[0]);
          EXPECT_EQ(draws.batch_uniform(index, step)[0], draws.batch_uniform(index, step)[7]);
          for (std::size_t i = 0; i < kLaneCount; ++i) seen.insert(draws.cell_uniform(index, step)[i]);
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), 3u * 2 * 5 * 5 * 9);
}

struct Moments {
  double mean = 0, variance = 0, low = INFINITY, high = -INFINITY;
};

constexpr std::uint32_t kBlocks = 10'000;

// Of all lanes together.
Moments moments(const std::function<Lanes(std::uint32_t)>& draw) {
  constexpr double kCount = static_cast<double>(kBlocks) * kLaneCount;
  Moments found;
  double squares = 0;
  for (std::uint32_t index = 0; index < kBlocks; ++index) {
    for (const double value : std::bit_cast<std::array<double, kLaneCount>>(draw(index))) {
      found.mean += value / kCount;
      squares += value * value / kCount;
      found.low = std::min(found.low, value);
      found.high = std::max(found.high, value);
    }
  }
  found.variance = squares - found.mean * found.mean;
  return found;
}

// Bounds are about five standard errors; the seeds are fixed, so these tests cannot flicker.
TEST(LaneDraws, NormalsHaveTheirMeanVarianceAndTails) {
  const Draws<Lanes> draws = one_batch(43);
  for (const bool sine : {false, true}) {
    const auto draw = [&](std::uint32_t index) {
      return sine ? draws.cell_normals(index).second : draws.cell_normals(index).first;
    };
    const Moments found = moments(draw);
    EXPECT_NEAR(found.mean, 0, 0.018);
    EXPECT_NEAR(found.variance, 1, 0.025);
    EXPECT_LT(found.low, -3.5);
    EXPECT_GT(found.high, 3.5);
    EXPECT_GT(found.low, -8.6) << "53 bits reach no farther";
    EXPECT_LT(found.high, 8.6);
    const Moments within = moments([&](std::uint32_t index) { return to_number(abs(draw(index)) < 1.0); });
    EXPECT_NEAR(within.mean, 0.6827, 0.0085);
    const Moments beyond = moments([&](std::uint32_t index) { return to_number(abs(draw(index)) > 3.0); });
    EXPECT_NEAR(beyond.mean, 0.0027, 0.001);
  }
  const auto product = [&](std::uint32_t index) {
    const auto [first, second] = draws.cell_normals(index);
    return first * second;
  };
  EXPECT_NEAR(moments(product).mean, 0, 0.018) << "the two are independent";
}

TEST(LaneDraws, UniformsHaveTheirMeanVarianceAndBounds) {
  const Draws<Lanes> draws = one_batch(44);
  const Moments found = moments([&](std::uint32_t index) { return draws.cell_uniform(index); });
  EXPECT_NEAR(found.mean, 0.5, 0.0052);
  EXPECT_NEAR(found.variance, 1.0 / 12, 0.0014);
  EXPECT_GE(found.low, 0);
  EXPECT_LT(found.high, 1);
  EXPECT_LT(found.low, 2e-4);
  EXPECT_GT(found.high, 1 - 2e-4);
}

TEST(LaneDraws, EventsHaveTheirMeanAndVariance) {
  const Draws<Lanes> draws = one_batch(45);
  for (const double mean : {0.001, 0.3, 1.0, 4.5, 30.0}) {
    const Moments found = moments([&](std::uint32_t index) { return draws.cell_poisson(index, mean); });
    const double error = 5 * std::sqrt(mean / (kBlocks * kLaneCount));
    EXPECT_NEAR(found.mean, mean, error);
    EXPECT_NEAR(found.variance, mean, 5 * std::sqrt((mean + 2 * mean * mean) / (kBlocks * kLaneCount)));
    EXPECT_GE(found.low, 0);
    EXPECT_LT(found.high, mean + 6 * std::sqrt(mean) + 6);
    const Moments none = moments([&](std::uint32_t index) { return to_number(draws.cell_poisson(index, mean) < 1.0); });
    EXPECT_NEAR(none.mean, std::exp(-mean), 0.009);
  }
}

TEST(LaneDraws, EventsAreWholeNumbersAndFewWhereTheMeanIsNone) {
  const Draws<Lanes> draws = one_batch(46);
  const Lanes mean = std::bit_cast<Lanes>(std::array<double, kLaneCount>{0, -1, 0.5, 3, 30, 1e4, 1e300, 10});
  for (std::uint32_t index = 0; index < 500; ++index) {
    const Lanes events = draws.cell_poisson(index, mean);
    EXPECT_EQ(events[0], 0);
    EXPECT_EQ(events[1], 0);
    EXPECT_EQ(events[5], 200) << "the search ends";
    EXPECT_EQ(events[6], 200);
    for (std::size_t i = 0; i < kLaneCount; ++i) EXPECT_EQ(events[i], std::floor(events[i]));
  }
}

TEST(LaneDraws, OffGiveTheMeans) {
  for (const bool batch : {false, true}) {
    const Draws<Lanes> draws(kSeeds, kCells, kStream, batch, !batch);
    const Draws<double> one({1}, {0}, kStream, batch, !batch);
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      EXPECT_EQ(draws.batch_normals(3).first[i] != 0, batch);
      EXPECT_EQ(draws.batch_normals(3).second[i] != 0, batch);
      EXPECT_EQ(draws.cell_normals(3).first[i] != 0, !batch);
      EXPECT_EQ(draws.cell_normals(3).second[i] != 0, !batch);
      EXPECT_EQ(draws.batch_uniform(3)[i] != 0.5, batch);
      EXPECT_EQ(draws.cell_uniform(3)[i] != 0.5, !batch);
    }
    EXPECT_EQ(one.batch_normals(3).first != 0, batch);
    EXPECT_EQ(one.cell_normals(3).second != 0, !batch);
    EXPECT_EQ(one.batch_uniform(3) != 0.5, batch);
    EXPECT_EQ(one.cell_uniform(3) != 0.5, !batch);
  }
  const Draws<Lanes> off(kSeeds, kCells, kStream, false, false);
  EXPECT_EQ(off.cell_poisson(0, 2.4)[0], 2);
  EXPECT_EQ(off.cell_poisson(0, 2.5)[5], 3);
  EXPECT_EQ(one_of(0, false).cell_poisson(0, 0.4), 0);
}

}  // namespace
}  // namespace battery_twin::process
