#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace battery_twin::process {

/// Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3", SC'11): four random words that depend on nothing but counter and key.
[[nodiscard]] std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key);

/// A batch's seed from the plant's seed and the number of batches accepted before it: 0 … 2^53−1, so that it
/// survives JSON.
[[nodiscard]] std::uint64_t derive_seed(std::uint64_t plant_seed, std::uint64_t index);

/// The largest seed: 2^53−1, the largest integer that every JSON reader keeps exactly.
inline constexpr std::uint64_t kMaxSeed = (std::uint64_t{1} << 53) - 1;

/// A stable number for a machine's random stream (FNV-1a of its process name).
[[nodiscard]] std::uint32_t stream_of(std::string_view machine);

/// The random numbers of one machine while it works on one batch. A draw is a function of (batch seed, machine,
/// step, index), so results depend neither on scheduling nor on what other machines drew. Off, every draw is its mean.
class Noise {
 public:
  /// @param seed     the batch's seed
  /// @param machine  process name, e.g. "mixing_anode": machines keep their numbers when the layout changes
  /// @param on       false: every draw gives its mean
  Noise(std::uint64_t seed, std::string_view machine, bool on);

  /// Uniform in [low, high).
  [[nodiscard]] double uniform(std::uint32_t step, std::uint32_t index, double low, double high) const;
  /// Normal with the given mean and standard deviation (Box & Muller, 1958).
  [[nodiscard]] double normal(std::uint32_t step, std::uint32_t index, double mean, double deviation) const;
  /// Uniform integer in [low, high]; off: the middle one.
  [[nodiscard]] int integer(std::uint32_t step, std::uint32_t index, int low, int high) const;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] std::uint32_t stream() const { return stream_; }
  [[nodiscard]] bool on() const { return on_; }

 private:
  [[nodiscard]] std::array<double, 2> unit(std::uint32_t step, std::uint32_t index) const;

  std::uint64_t seed_;
  std::uint32_t stream_;
  bool on_;
};

}  // namespace battery_twin::process
