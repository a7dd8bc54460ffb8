#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace battery_twin::plant {

/// Count, mean, spread and range of numbers (Welford, 1962).
struct Moments {
  void add(double value);
  /// As if all of the other's numbers had been added (Chan, Golub & LeVeque, 1979).
  void merge(const Moments& other);
  /// Of the numbers as a sample; 0 for less than two.
  [[nodiscard]] double deviation() const;

  std::uint64_t count = 0;
  double mean = 0;
  double squares = 0;  ///< of the differences to the mean
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
};

/// Quantiles of any number of finite values in bounded memory: counts in buckets of equal relative width, of which only
/// pages in use exist. A quantile is right to 1.6e-5 of its value.
class Quantiles {
 public:
  void add(double value);
  /// The value below which that share of all lies; 0 when there are none. @param share  0–1
  [[nodiscard]] double at(double share) const;

 private:
  static constexpr unsigned kMantissaBits = 16;  // that tell buckets apart
  static constexpr unsigned kPageBits = 12;
  using Page = std::array<std::uint64_t, std::size_t{1} << kPageBits>;

  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
  Page* last_page_ = nullptr;
  std::uint64_t last_key_ = 0;
  std::uint64_t count_ = 0;
};

/// How much of the spread of a result each of several inputs explains by itself: the squared correlation, which for
/// independent inputs with a linear effect is the first-order sensitivity index (Saltelli et al., "Global Sensitivity
/// Analysis", 2008).
class Explained {
 public:
  /// @param typical  values of the inputs and, last, of the result; sums are taken of differences to them
  explicit Explained(std::vector<double> typical);

  /// @param inputs  one per input
  void add(std::span<const double> inputs, double result);
  /// @throws std::invalid_argument  for another number of inputs
  void merge(const Explained& other);
  /// 0–1 for each input; all 0 when the result does not vary.
  [[nodiscard]] std::vector<double> shares() const;
  /// Which way the result goes when the input rises: the slope of the regression line; 0 where the input does not vary.
  [[nodiscard]] std::vector<double> slopes() const;

 private:
  std::vector<double> typical_;
  std::vector<double> x_, xx_, xy_;  // sums, one per input
  double count_ = 0, y_ = 0, yy_ = 0;
};

}  // namespace battery_twin::plant
