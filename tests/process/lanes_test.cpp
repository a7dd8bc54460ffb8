#include "lanes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

namespace battery_twin::process {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kHuge = std::numeric_limits<double>::max();
constexpr double kTiny = std::numeric_limits<double>::denorm_min();

using Eight = std::array<double, kLaneCount>;

Eight values(const Lanes& lanes) { return std::bit_cast<Eight>(lanes); }
Lanes lanes(const Eight& numbers) { return std::bit_cast<Lanes>(numbers); }

const Eight kA{-2.5, -1, -0.5, 0, 0.5, 1, 2, 3.25};
const Eight kB{1, -1, 2, -0.25, 0.5, -8, 1.5, 3};

// f of every number, eight at a time.
template <class F>
std::vector<double> eight_at_a_time(const std::vector<double>& numbers, const F& f) {
  std::vector<double> results;
  for (std::size_t i = 0; i < numbers.size(); i += kLaneCount) {
    Eight block{};
    for (std::size_t k = 0; k < kLaneCount && i + k < numbers.size(); ++k) block[k] = numbers[i + k];
    const Eight found = values(f(lanes(block)));
    for (std::size_t k = 0; k < kLaneCount && i + k < numbers.size(); ++k) results.push_back(found[k]);
  }
  return results;
}

std::vector<double> sweep(double low, double high, int count) {
  std::vector<double> numbers;
  for (int i = 0; i <= count; ++i) numbers.push_back(low + (high - low) * i / count);
  return numbers;
}

// Spread over many orders of magnitude.
std::vector<double> powers_of_two(double low, double high, int count) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(low, high);
  std::vector<double> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(std::exp2(exponent(random)));
  return numbers;
}

// The largest distance from the exact results (long double has 11 bits more), in units in the last place.
template <class F, class Exact>
double worst_ulps(const std::vector<double>& numbers, const F& f, const Exact& exact) {
  double worst = 0;
  const std::vector<double> found = eight_at_a_time(numbers, f);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const long double wanted = exact(static_cast<long double>(numbers[i]));
    const double rounded = std::abs(static_cast<double>(wanted));
    const double ulp = std::max(std::nextafter(rounded, kInfinity) - rounded, kTiny);
    const double distance = static_cast<double>(std::abs(static_cast<long double>(found[i]) - wanted)) / ulp;
    EXPECT_FALSE(std::isnan(found[i])) << "at " << numbers[i];
    worst = std::max(worst, distance);
  }
  return worst;
}

TEST(Lanes, AreEightConsecutiveDoubles) {
  EXPECT_EQ(sizeof(Lanes), sizeof(Eight));
  EXPECT_EQ(values(Lanes{}), Eight{});
  EXPECT_EQ(values(Lanes(1.5)), (Eight{1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5}));
  EXPECT_TRUE(std::signbit(Lanes(-0.0)[5]));

  Lanes x = lanes(kA);
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    EXPECT_EQ(x[i], kA.at(i));
    x.set(i, kB.at(i));
  }
  EXPECT_EQ(values(x), kB);
}

TEST(Lanes, CalculateLaneByLane) {
  const Lanes a = lanes(kA), b = lanes(kB);
  Lanes sum = a, difference = a, product = a, quotient = a;
  sum += b;
  difference -= 2.0;
  product *= b;
  quotient /= b;
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    const double x = kA.at(i), y = kB.at(i);
    EXPECT_EQ((a + b)[i], x + y);
    EXPECT_EQ((a - b)[i], x - y);
    EXPECT_EQ((a * b)[i], x * y);
    EXPECT_EQ((a / b)[i], x / y);
    EXPECT_EQ((2.0 / b)[i], 2 / y);
    EXPECT_EQ((a - 1)[i], x - 1);
    EXPECT_EQ((-a)[i], -x);
    EXPECT_EQ(sum[i], x + y);
    EXPECT_EQ(difference[i], x - 2);
    EXPECT_EQ(product[i], x * y);
    EXPECT_EQ(quotient[i], x / y);
    EXPECT_EQ(min(a, b)[i], std::min(x, y));
    EXPECT_EQ(max(a, b)[i], std::max(x, y));
    EXPECT_EQ(min(1.0, b)[i], std::min(1.0, y));
    EXPECT_EQ(clamp(a, -1.0, b)[i], std::min(std::max(x, -1.0), y));
    EXPECT_EQ(abs(a)[i], std::abs(x));
    EXPECT_EQ(sqrt(abs(a))[i], std::sqrt(std::abs(x)));
  }
  EXPECT_TRUE(std::isnan(sqrt(a)[0]));
}

TEST(Masks, AnswerLaneByLane) {
  const Lanes a = lanes(kA), b = lanes(kB);
  Mask both = a < b, either = a < b;
  both &= a > 0.0;
  either |= a > 0.0;
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    const double x = kA.at(i), y = kB.at(i);
    EXPECT_EQ((a < b)[i], x < y);
    EXPECT_EQ((a <= b)[i], x <= y);
    EXPECT_EQ((a > b)[i], x > y);
    EXPECT_EQ((a >= b)[i], x >= y);
    EXPECT_EQ((!(a < b))[i], !(x < y));
    EXPECT_EQ(both[i], x < y && x > 0);
    EXPECT_EQ(either[i], x < y || x > 0);
    EXPECT_EQ(select(a < b, a, b)[i], x < y ? x : y);
    EXPECT_EQ(select(a < b, 1.0, b)[i], x < y ? 1 : y);
    EXPECT_EQ(to_number(a < b)[i], x < y ? 1.0 : 0.0);
  }
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    Lanes one;
    one.set(i, 1);
    EXPECT_TRUE(any(one > 0.0));
    EXPECT_FALSE(all(one > 0.0));
    EXPECT_FALSE(all(one < 1.0));
  }
  EXPECT_FALSE(any(Lanes{} > 0.0));
  EXPECT_TRUE(all(Lanes{} >= 0.0));
  EXPECT_TRUE(all(Mask(true)));
  EXPECT_FALSE(any(Mask(false)));
  EXPECT_FALSE(any(Lanes(kNaN) <= kNaN));
}

// What a model looks like: one text for one cell and for eight.
template <class L>
L model(const L& x, const L& y) {
  const MaskOf<L> steep = (x > 0.5) & !(y > 2.0);
  const auto [s, c] = sin_cos_turns(clamp(abs(x) * 0.1, 0.0, 0.9));
  L result = select(steep, exp(-x), tanh(y)) + min(x, 1.0) * max(y, 0.0) + pow(abs(y), 1.5) + floor(x) - expm1(0.1 * y);
  if (any(steep)) result += to_number(steep);
  if (all(steep)) result -= 1.0;
  return result + log(1.0 + x * x) * s + sqrt(abs(c));
}

TEST(Lanes, RunTheSameModelAsOneCell) {
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    const Lanes x = kA.at(i), y = kB.at(i);
    const double one = model(kA.at(i), kB.at(i));
    for (const double each : values(model(x, y))) EXPECT_NEAR(each, one, 1e-14 * std::abs(one));
  }
}

TEST(LaneFunctions, FloorRoundsDownAtEverySize) {
  const std::vector<double> numbers{
      0,      0.5,    -0.5,    1,      -1,     1.5,       -1.5,         0.9999999999999999, -1e-300,      1e-300,
      kTiny,  -kTiny, 2.5e9,   -2.5e9, 0x1p51, 0x1.8p51,  0x1p51 + 0.5, -0x1p51 - 0.5,      0x1p52 - 0.5, -0x1p52 + 0.5,
      0x1p52, 0x1p53, -0x1p53, kHuge,  -kHuge, kInfinity, -kInfinity};
  const auto found = eight_at_a_time(numbers, [](const Lanes& x) { return floor(x); });
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(found.at(i), std::floor(numbers[i])) << numbers[i];
}

TEST(LaneFunctions, ExpIsExactToTwoUlps) {
  const auto f = [](const Lanes& x) { return exp(x); };
  const auto exact = [](long double x) { return std::exp(x); };
  EXPECT_LE(worst_ulps(sweep(-708, 709, 300'001), f, exact), 2);
  EXPECT_LE(worst_ulps(sweep(-2, 2, 200'001), f, exact), 2);
  EXPECT_LE(worst_ulps(powers_of_two(-60, 9, 20'000), f, exact), 2);
  EXPECT_EQ(exp(Lanes(0.0))[3], 1);
}

TEST(LaneFunctions, ExpSaturatesAsForOneCell) {
  const std::vector<double> numbers{-708, -708.0000001, -709, -745, -746,  -1e4,      -kHuge, -kInfinity,
                                    709,  709.5,        710,  1e4,  kHuge, kInfinity, kTiny,  -kTiny};
  const auto found = eight_at_a_time(numbers, [](const Lanes& x) { return exp(x); });
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_TRUE(std::isfinite(found.at(i))) << numbers[i];
    EXPECT_NEAR(found[i], exp(numbers[i]), 5e-16 * found[i]) << numbers[i];
  }
  EXPECT_EQ(exp(-708.1), 0);
  EXPECT_EQ(exp(Lanes(-708.1))[0], 0);
  EXPECT_TRUE(std::isnan(exp(Lanes(kNaN))[0]));
  EXPECT_TRUE(std::isnan(exp(kNaN)));
}

TEST(LaneFunctions, Expm1KeepsSmallNumbers) {
  const auto f = [](const Lanes& x) { return expm1(x); };
  const auto exact = [](long double x) { return std::expm1(x); };
  EXPECT_LE(worst_ulps(sweep(-50, 709, 200'001), f, exact), 2.5);
  EXPECT_LE(worst_ulps(sweep(-2, 2, 200'001), f, exact), 2.5);
  EXPECT_LE(worst_ulps(powers_of_two(-1000, 0, 20'000), f, exact), 2.5);
  EXPECT_EQ(expm1(Lanes(-kHuge))[0], -1);
  EXPECT_EQ(expm1(Lanes(kHuge))[0], exp(Lanes(kHuge))[0]);
  EXPECT_EQ(expm1(kHuge), exp(kHuge));
}

TEST(LaneFunctions, LogIsExactToTwoUlps) {
  const auto f = [](const Lanes& x) { return log(x); };
  const auto exact = [](long double x) { return std::log(x); };
  EXPECT_LE(worst_ulps(sweep(0.4, 3, 300'001), f, exact), 2);
  EXPECT_LE(worst_ulps(sweep(0.999, 1.001, 100'001), f, exact), 2);
  EXPECT_LE(worst_ulps(powers_of_two(-1022, 1024, 100'000), f, exact), 2);
  EXPECT_LE(worst_ulps({0x1p-1022, 1, 1 - 0x1p-53, 1 + 0x1p-52, std::numbers::sqrt2 / 2, std::numbers::sqrt2, kHuge}, f,
                       exact),
            2);
  EXPECT_EQ(log(Lanes(1.0))[0], 0);
}

TEST(LaneFunctions, LogOfTooLittleIsThatOfTheSmallestNormalNumber) {
  for (const double x : {0.0, -0.0, kTiny, 0x1p-1023, -1.0, -kHuge, -kInfinity}) {
    EXPECT_DOUBLE_EQ(log(Lanes(x))[2], -1022 * std::numbers::ln2) << x;
    EXPECT_DOUBLE_EQ(log(x), -1022 * std::numbers::ln2) << x;
  }
  EXPECT_EQ(log(Lanes(kInfinity))[0], kInfinity);
  EXPECT_TRUE(std::isnan(log(Lanes(kNaN))[0]));
  EXPECT_TRUE(std::isnan(log(kNaN)));
}

TEST(LaneFunctions, TanhDoesNotCancel) {
  const auto f = [](const Lanes& x) { return tanh(x); };
  const auto exact = [](long double x) { return std::tanh(x); };
  EXPECT_LE(worst_ulps(sweep(-25, 25, 300'001), f, exact), 4);
  EXPECT_LE(worst_ulps(sweep(-1, 1, 200'001), f, exact), 4);
  EXPECT_LE(worst_ulps(powers_of_two(-1000, 5, 50'000), f, exact), 4);
  EXPECT_EQ(tanh(Lanes(0.0))[0], 0);
  EXPECT_EQ(tanh(Lanes(kHuge))[0], 1);
  EXPECT_EQ(tanh(Lanes(-kInfinity))[0], -1);
  EXPECT_TRUE(std::isnan(tanh(Lanes(kNaN))[0]));
}

TEST(LaneFunctions, PowLosesWhatItsLogarithmRounds) {
  for (const double y : {-3.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 4.5}) {
    std::vector<double> numbers = sweep(1e-3, 40, 20'001);
    for (const double x : powers_of_two(-100, 100, 5000)) numbers.push_back(x);
    const auto found = eight_at_a_time(numbers, [&](const Lanes& x) { return pow(x, y); });
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const double wanted = std::pow(numbers[i], y);
      const double ulps = 3 + std::abs(y * std::log(numbers[i]));
      EXPECT_NEAR(found[i], wanted, ulps * std::numeric_limits<double>::epsilon() * wanted) << numbers[i] << " ^ " << y;
      EXPECT_EQ(pow(numbers[i], y), wanted);
    }
  }
  for (const double y : {-1.0, 0.0, 0.5, 2.0}) {
    for (const double x : {0.0, -0.0, -1.0, -kInfinity}) {
      EXPECT_EQ(pow(Lanes(x), y)[0], 0);
      EXPECT_EQ(pow(x, y), 0);
    }
  }
  EXPECT_NEAR(pow(Lanes(1e300), 2.0)[0], pow(1e300, 2), 1e-15 * pow(1e300, 2)) << "saturates";
  EXPECT_NEAR(pow(Lanes(1e-300), -2.0)[0], pow(1e-300, -2), 1e-15 * pow(1e300, 2)) << "saturates";
  EXPECT_EQ(pow(Lanes(1e-300), 2.0)[0], 0);
  EXPECT_EQ(pow(lanes(kA) + 3.0, lanes(kB))[7], pow(Lanes(6.25), 3.0)[0]) << "an exponent for every lane";
}

TEST(LaneFunctions, SineAndCosineOfTurns) {
  constexpr long double kTurn = 2 * std::numbers::pi_v<long double>;
  std::vector<double> turns = sweep(0, 1, 400'001);
  for (const double u : powers_of_two(-200, 0, 20'000)) turns.push_back(u);
  for (int eighth = 0; eighth < 8; ++eighth) {
    turns.push_back(eighth / 8.0);
    turns.push_back(std::nextafter(eighth / 8.0, 1));
    turns.push_back(std::nextafter((eighth + 1) / 8.0, 0));
  }
  const auto s = eight_at_a_time(turns, [](const Lanes& u) { return sin_cos_turns(u).first; });
  const auto c = eight_at_a_time(turns, [](const Lanes& u) { return sin_cos_turns(u).second; });
  double worst = 0, worst_to_one_cell = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const long double angle = kTurn * static_cast<long double>(turns[i]);
    worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(s[i]) - std::sin(angle))));
    worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(c[i]) - std::cos(angle))));
    const auto [one_s, one_c] = sin_cos_turns(turns[i]);
    worst_to_one_cell = std::max({worst_to_one_cell, std::abs(s[i] - one_s) / (std::abs(one_s) + 1e-300),
                                  std::abs(c[i] - one_c) / (std::abs(one_c) + 1e-300)});
  }
  EXPECT_LE(worst, 4e-16);
  EXPECT_LE(worst_to_one_cell, 1e-15) << "relative, also near the zeros";
}

TEST(CubicTable, AgreesWithASmoothFunctionInValueAndSlope) {
  const auto f = [](double x) { return std::exp(-3 * x) + std::tanh(6 * (x - 0.4)); };
  const auto slope = [](double x) {
    const double t = std::tanh(6 * (x - 0.4));
    return -3 * std::exp(-3 * x) + 6 * (1 - t * t);
  };
  const CubicTable table(-0.1, 1.3, f, slope);
  std::vector<double> numbers = sweep(-0.1, 1.3, 10'007);
  for (const double x : sweep(-0.1, 1.3, 512)) numbers.push_back(x);  // where two pieces meet
  const auto found = eight_at_a_time(numbers, [&](const Lanes& x) { return table(x).value; });
  const auto found_slope = eight_at_a_time(numbers, [&](const Lanes& x) { return table(x).derivative; });
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_NEAR(found[i], f(numbers[i]), 1e-9) << numbers[i];
    EXPECT_NEAR(found_slope[i], slope(numbers[i]), 2e-6) << numbers[i];
    const auto [value, derivative] = table(numbers[i]);
    EXPECT_NEAR(value, found[i], 1e-14) << numbers[i];
    EXPECT_NEAR(derivative, found_slope[i], 1e-12) << numbers[i];
  }
}

TEST(CubicTable, IsExactForACubic) {
  const CubicTable table(
      2, 5, [](double x) { return x * x * x - 2 * x; }, [](double x) { return 3 * x * x - 2; });
  for (const double x : sweep(2, 5, 1999)) {
    EXPECT_NEAR(table(x).value, x * x * x - 2 * x, 1e-13 * 120);
    EXPECT_NEAR(table(x).derivative, 3 * x * x - 2, 1e-10);
  }
}

TEST(CubicTable, EndsWhereTheFunctionEnds) {
  const CubicTable table(
      0.1, 0.7, [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); });
  for (const double x : {0.7, std::nextafter(0.7, 1.0), 1.0, 1e300, kInfinity}) {
    EXPECT_NEAR(table(x).value, std::exp(0.7), 1e-14);
    EXPECT_NEAR(table(Lanes(x)).value[6], std::exp(0.7), 1e-14);
    EXPECT_NEAR(table(Lanes(x)).derivative[6], std::exp(0.7), 1e-9);
  }
  for (const double x : {0.1, std::nextafter(0.1, 0.0), 0.0, -1e300, -kInfinity}) {
    EXPECT_NEAR(table(x).value, std::exp(0.1), 1e-14);
    EXPECT_NEAR(table(Lanes(x)).value[1], std::exp(0.1), 1e-14);
    EXPECT_NEAR(table(Lanes(x)).derivative[1], std::exp(0.1), 1e-9);
  }
  // Every lane looks up its own piece; NaN reads no memory outside the table.
  const Eight mixed{0.1, 0.7, 0.2, 9, 0.3, -9, 0.4, kNaN};
  const Lanes found = table(lanes(mixed)).value;
  for (std::size_t i = 0; i + 1 < kLaneCount; ++i) {
    EXPECT_NEAR(found[i], std::exp(std::clamp(mixed.at(i), 0.1, 0.7)), 1e-12);
  }
  EXPECT_TRUE(std::isnan(found[7]));
  EXPECT_TRUE(std::isnan(table(kNaN).value));
}

}  // namespace
}  // namespace battery_twin::process
