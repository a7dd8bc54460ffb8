#include "battery_twin/plant/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

namespace battery_twin::plant::testing {
namespace {

std::vector<double> normals(std::size_t count, double mean, double deviation, unsigned seed = 1) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<double> values(count);
  for (double& value : values) value = normal(engine);
  return values;
}

Moments moments_of(const std::vector<double>& values, std::size_t begin, std::size_t end) {
  Moments moments;
  for (std::size_t i = begin; i < end; ++i) moments.add(values[i]);
  return moments;
}

// ---- Moments -----------------------------------------------------------------------------------------------------

TEST(Moments, OfAFewNumbers) {
  Moments moments;
  EXPECT_EQ(moments.deviation(), 0);
  moments.add(2);
  EXPECT_EQ(moments.count, 1u);
  EXPECT_EQ(moments.mean, 2);
  EXPECT_EQ(moments.deviation(), 0) << "one number says nothing of its spread";
  for (const double value : {4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) moments.add(value);
  EXPECT_EQ(moments.count, 8u);
  EXPECT_DOUBLE_EQ(moments.mean, 5);
  EXPECT_DOUBLE_EQ(moments.deviation(), std::sqrt(32.0 / 7));
  EXPECT_EQ(moments.least, 2);
  EXPECT_EQ(moments.most, 9);
}

TEST(Moments, KeepSmallSpreadsOfLargeNumbers) {
  const std::vector<double> values = normals(10'000, 1e9, 1e-2);
  const Moments moments = moments_of(values, 0, values.size());
  EXPECT_NEAR(moments.deviation(), 1e-2, 3e-4);
}

TEST(Moments, MergedInAnyPiecesAreThoseOfAll) {
  const std::vector<double> values = normals(10'007, 5.1, 0.02);
  const Moments all = moments_of(values, 0, values.size());
  for (const std::size_t piece : {1u, 7u, 1000u, 10'006u, 20'000u}) {
    Moments merged;
    for (std::size_t i = 0; i < values.size(); i += piece) {
      merged.merge(moments_of(values, i, std::min(values.size(), i + piece)));
      merged.merge({});
    }
    EXPECT_EQ(merged.count, all.count);
    EXPECT_NEAR(merged.mean, all.mean, 1e-13);
    EXPECT_NEAR(merged.deviation(), all.deviation(), 1e-13);
    EXPECT_EQ(merged.least, all.least);
    EXPECT_EQ(merged.most, all.most);
  }
  Moments none;
  none.merge({});
  EXPECT_EQ(none.count, 0u);
  EXPECT_EQ(none.mean, 0);
}

// ---- Quantiles ---------------------------------------------------------------------------------------------------

void expect_quantiles(std::vector<double> values) {
  Quantiles quantiles;
  for (const double value : values) quantiles.add(value);
  std::ranges::sort(values);
  for (const double share : {0.0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const double expected = values[std::max<std::size_t>(rank, 1) - 1];
    EXPECT_NEAR(quantiles.at(share), expected, 2e-5 * std::abs(expected) + 1e-300) << share;
  }
}

TEST(Quantiles, AreThoseOfTheSortedValues) {
  expect_quantiles(normals(20'000, 5.1, 0.02));
  expect_quantiles(normals(20'000, 0, 1));
  std::vector<double> wide;
  for (const double value : normals(20'000, 0, 5)) wide.push_back(std::exp(value));
  expect_quantiles(wide);
  for (double& value : wide) value = -value;
  expect_quantiles(wide);
  expect_quantiles({3.25});
  expect_quantiles({1, 2});
  expect_quantiles({-1e300, -1e-300, 0, 1e-300, 1e300});
}

TEST(Quantiles, OfNothingAreZeroAndOfOneValueThatValue) {
  Quantiles quantiles;
  EXPECT_EQ(quantiles.at(0.5), 0);
  for (int i = 0; i < 1000; ++i) quantiles.add(-17.5);
  for (const double share : {0.0, 0.5, 1.0}) EXPECT_NEAR(quantiles.at(share), -17.5, 2e-5 * 17.5);
}

TEST(Quantiles, DoNotDependOnTheOrder) {
  std::vector<double> values = normals(5'000, 1, 10);
  Quantiles one, other;
  for (const double value : values) one.add(value);
  std::ranges::reverse(values);
  for (const double value : values) other.add(value);
  for (const double share : {0.01, 0.3, 0.5, 0.9}) EXPECT_EQ(one.at(share), other.at(share));
}

// ---- Explained ---------------------------------------------------------------------------------------------------

// y = 3a − 4b + 0·c + noise of a deviation.
struct Sample {
  std::array<double, 3> inputs;
  double result;
};
std::vector<Sample> samples(std::size_t count, double noise) {
  const auto a = normals(count, 0.05, 1e-4, 1), b = normals(count, 3.98e-6, 1e-8, 2), c = normals(count, 100, 5, 3),
             rest = normals(count, 0, noise, 4);
  std::vector<Sample> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back({{a[i], b[i], c[i]}, 5.1 + 3 * (a[i] - 0.05) / 1e-4 - 4 * (b[i] - 3.98e-6) / 1e-8 + rest[i]});
  return made;
}
Explained explained_of(const std::vector<Sample>& made, std::size_t begin, std::size_t end) {
  Explained explained({0.05, 3.98e-6, 100, 5.1});
  for (std::size_t i = begin; i < end; ++i) explained.add(made[i].inputs, made[i].result);
  return explained;
}

TEST(Explained, SharesOfALinearEffect) {
  const auto made = samples(50'000, 0);
  const std::vector<double> shares = explained_of(made, 0, made.size()).shares();
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_NEAR(shares[0], 9.0 / 25, 0.01);
  EXPECT_NEAR(shares[1], 16.0 / 25, 0.01);
  EXPECT_NEAR(shares[2], 0, 0.001);
}

TEST(Explained, WhatNoInputExplainsLowersEveryShare) {
  const auto made = samples(50'000, 5);
  const std::vector<double> shares = explained_of(made, 0, made.size()).shares();
  EXPECT_NEAR(shares[0], 9.0 / 50, 0.01);
  EXPECT_NEAR(shares[1], 16.0 / 50, 0.01);
  EXPECT_NEAR(shares[2], 0, 0.001);
}

TEST(Explained, TheOnlyInputExplainsAll) {
  Explained explained({0, 0});
  for (int i = 0; i < 100; ++i) explained.add(std::array{static_cast<double>(i)}, 7 - 2.0 * i);
  EXPECT_NEAR(explained.shares().front(), 1, 1e-12);
}

TEST(Explained, MergedInAnyPiecesAreThoseOfAll) {
  const auto made = samples(1'003, 1);
  const std::vector<double> all = explained_of(made, 0, made.size()).shares();
  Explained merged({0.05, 3.98e-6, 100, 5.1});
  for (std::size_t i = 0; i < made.size(); i += 100)
    merged.merge(explained_of(made, i, std::min(made.size(), i + 100)));
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_NEAR(merged.shares()[i], all[i], 1e-12);
  EXPECT_THROW(merged.merge(Explained({0, 0})), std::invalid_argument);
}

TEST(Explained, NothingVariesNothingExplains) {
  Explained explained({0.05, 5.1});
  EXPECT_EQ(explained.shares(), std::vector<double>{0});
  for (int i = 0; i < 10; ++i) explained.add(std::array{0.05 + 1e-3 * i}, 5.1);
  EXPECT_EQ(explained.shares(), std::vector<double>{0});
  Explained fixed({0.05, 5.1});
  for (int i = 0; i < 10; ++i) fixed.add(std::array{0.1}, 5.1 + 0.1 * i);
  EXPECT_EQ(fixed.shares(), std::vector<double>{0});
}

}  // namespace
}  // namespace battery_twin::plant::testing
