#include "battery_twin/plant/statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace battery_twin::plant {
namespace {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// Bits of a double as an integer that sorts as the numbers do, and back.
std::uint64_t ordered(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}
double from_ordered(std::uint64_t order) {
  return std::bit_cast<double>((order & kSign) != 0 ? order & ~kSign : ~order);
}

}  // namespace

void Moments::add(double value) {
  ++count;
  const double delta = value - mean;
  mean += delta / static_cast<double>(count);
  squares += delta * (value - mean);
  least = std::min(least, value);
  most = std::max(most, value);
}

void Moments::merge(const Moments& other) {
  if (other.count == 0) return;
  const auto mine = static_cast<double>(count);
  const auto theirs = static_cast<double>(other.count);
  const double delta = other.mean - mean;
  count += other.count;
  mean += delta * theirs / (mine + theirs);
  squares += other.squares + delta * delta * mine * theirs / (mine + theirs);
  least = std::min(least, other.least);
  most = std::max(most, other.most);
}

double Moments::deviation() const { return count > 1 ? std::sqrt(squares / static_cast<double>(count - 1)) : 0; }

void Quantiles::add(double value) {
  // + 0.0: there is one zero
  const std::uint64_t bucket = ordered(value + 0.0) >> (52 - kMantissaBits);
  const std::uint64_t key = bucket >> kPageBits;
  if (last_page_ == nullptr || key != last_key_) {
    auto& page = pages_[key];
    if (!page) page = std::make_unique<Page>();
    last_page_ = page.get();
    last_key_ = key;
  }
  ++(*last_page_)[bucket & (last_page_->size() - 1)];
  ++count_;
}

double Quantiles::at(double share) const {
  const double wanted = share * static_cast<double>(count_);
  std::uint64_t below = 0;
  for (const auto& [key, page] : pages_) {
    for (std::size_t i = 0; i < page->size(); ++i) {
      below += (*page)[i];
      if ((*page)[i] == 0 || static_cast<double>(below) < wanted) continue;
      const std::uint64_t first = (key << kPageBits | i) << (52 - kMantissaBits);
      if (from_ordered(first) == 0) return 0;  // its bucket holds nothing else of use
      const std::uint64_t width = std::uint64_t{1} << (52 - kMantissaBits);
      return (from_ordered(first) + from_ordered(first + width - 1)) / 2;
    }
  }
  return 0;
}

Explained::Explained(std::vector<double> typical)
    : typical_(std::move(typical)), x_(typical_.size() - 1), xx_(x_.size()), xy_(x_.size()) {}

void Explained::add(std::span<const double> inputs, double result) {
  const double y = result - typical_.back();
  count_ += 1;
  y_ += y;
  yy_ += y * y;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const double x = inputs[i] - typical_[i];
    x_[i] += x;
    xx_[i] += x * x;
    xy_[i] += x * y;
  }
}

void Explained::merge(const Explained& other) {
  if (other.x_.size() != x_.size()) throw std::invalid_argument("other inputs");
  count_ += other.count_;
  y_ += other.y_;
  yy_ += other.yy_;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    x_[i] += other.x_[i];
    xx_[i] += other.xx_[i];
    xy_[i] += other.xy_[i];
  }
}

std::vector<double> Explained::shares() const {
  std::vector<double> shares(x_.size(), 0);
  if (count_ < 2) return shares;
  const double variance = yy_ - y_ * y_ / count_;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const double own = xx_[i] - x_[i] * x_[i] / count_;
    const double common = xy_[i] - x_[i] * y_ / count_;
    // What rounding leaves of nothing is no variance.
    if (own > 1e-12 * xx_[i] && variance > 1e-12 * yy_) shares[i] = std::min(common * common / (own * variance), 1.0);
  }
  return shares;
}

std::vector<double> Explained::slopes() const {
  std::vector<double> slopes(x_.size(), 0);
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const double own = xx_[i] - x_[i] * x_[i] / count_;
    if (own > 1e-12 * xx_[i]) slopes[i] = (xy_[i] - x_[i] * y_ / count_) / own;
  }
  return slopes;
}

}  // namespace battery_twin::plant
