#include "battery_twin/process/random.hpp"

#include <cmath>
#include <numbers>

namespace battery_twin::process {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;

std::array<std::uint32_t, 2> halves(std::uint64_t word) {
  return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
}

// 53 random bits in [0, 1).
double to_unit(std::uint32_t low, std::uint32_t high) {
  const std::uint64_t bits = (std::uint64_t{high} << 32 | low) >> 11;
  return static_cast<double>(bits) * 0x1.0p-53;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

std::uint64_t derive_seed(std::uint64_t plant_seed, std::uint64_t index) {
  const auto [low, high] = halves(index);
  const auto words = philox({low, high, 0x73656564u /* "seed" */, 0}, halves(plant_seed));
  return (std::uint64_t{words[1]} << 32 | words[0]) & kMaxSeed;
}

std::uint32_t stream_of(std::string_view machine) {
  std::uint32_t hash = 2166136261u;
  for (const char c : machine) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

Noise::Noise(std::uint64_t seed, std::string_view machine, bool on)
    : seed_(seed), stream_(stream_of(machine)), on_(on) {}

std::array<double, 2> Noise::unit(std::uint32_t step, std::uint32_t index) const {
  const auto words = philox({index, step, stream_, 0}, halves(seed_));
  return {to_unit(words[0], words[1]), to_unit(words[2], words[3])};
}

double Noise::uniform(std::uint32_t step, std::uint32_t index, double low, double high) const {
  if (!on_) return (low + high) / 2;
  return low + (high - low) * unit(step, index)[0];
}

double Noise::normal(std::uint32_t step, std::uint32_t index, double mean, double deviation) const {
  if (!on_) return mean;
  const auto [u, v] = unit(step, index);
  // 1 − u is in (0, 1]: the logarithm stays finite.
  return mean + deviation * std::sqrt(-2.0 * std::log(1.0 - u)) * std::cos(2.0 * std::numbers::pi * v);
}

int Noise::integer(std::uint32_t step, std::uint32_t index, int low, int high) const {
  if (!on_) return low + (high - low) / 2;
  return low + static_cast<int>(unit(step, index)[0] * (high - low + 1));
}

}  // namespace battery_twin::process
