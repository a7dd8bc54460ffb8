#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "battery_twin/process/random.hpp"
#include "lanes.hpp"

namespace battery_twin::process {
namespace {

/// Two uniform numbers in [0, 1) with 53 bits each, out of the four words of one Philox block.
[[maybe_unused]] inline Pair<double> uniforms(const std::array<std::uint32_t, 4>& words) {
  const auto unit = [](std::uint32_t low, std::uint32_t high) {
    return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1.0p-53;
  };
  return {unit(words[0], words[1]), unit(words[2], words[3])};
}

// Who draws: of every cell the key (its batch's seed) and the counter's last word.
template <class L>
struct Drawers;

template <>
struct Drawers<double> {
  std::array<std::uint32_t, 2> key;
  std::uint32_t cell;

  Drawers(const std::array<std::uint64_t, 1>& seeds, const std::array<std::uint32_t, 1>& cells)
      : key{static_cast<std::uint32_t>(seeds[0]), static_cast<std::uint32_t>(seeds[0] >> 32)}, cell(cells[0]) {}

  [[nodiscard]] Pair<double> draw(std::uint32_t index, std::uint32_t step, std::uint32_t stream, bool batch) const {
    return uniforms(philox({index, step, stream, batch ? 0 : 1 + cell}, key));
  }
};

// Words of 32 bits stand in the lower halves of 64: that is where the multiplication takes them from and it fills both.
// The upper halves hold leftovers in between, which no later operation sees.
template <>
struct Drawers<Lanes> {
  PackBits seed[kPacks];
  PackBits cell[kPacks];

  Drawers(const std::array<std::uint64_t, kLaneCount>& seeds, const std::array<std::uint32_t, kLaneCount>& cells) {
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      seed[i / kPackSize][i % kPackSize] = seeds[i];
      cell[i / kPackSize][i % kPackSize] = cells[i];
    }
  }

  [[nodiscard, gnu::always_inline]] Pair<Lanes> draw(std::uint32_t index, std::uint32_t step, std::uint32_t stream,
                                                     bool batch) const {
    constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
    constexpr std::uint64_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
    PackBits word0[kPacks], word1[kPacks], word2[kPacks], word3[kPacks], key0[kPacks], key1[kPacks];
    each_pack([&](std::size_t i) __attribute__((always_inline)) {
      word0[i] = PackBits{} + index;
      word1[i] = PackBits{} + step;
      word2[i] = PackBits{} + stream;
      word3[i] = batch ? PackBits{} : cell[i] + 1;
      key0[i] = seed[i];
      key1[i] = seed[i] >> 32;
    });
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      each_pack([&](std::size_t i) __attribute__((always_inline)) {
        const PackBits product0 = product_of_halves(word0[i], kMultiplier0);
        const PackBits product1 = product_of_halves(word2[i], kMultiplier1);
        word0[i] = (product1 >> 32) ^ word1[i] ^ key0[i];
        word2[i] = (product0 >> 32) ^ word3[i] ^ key1[i];
        word1[i] = product1;
        word3[i] = product0;
        key0[i] += kWeyl0;
        key1[i] += kWeyl1;
      });
    }
    Pair<Lanes> result;
    each_pack([&](std::size_t i) __attribute__((always_inline)) {
      result.first.pack[i] = unit(word0[i], word1[i]);
      result.second.pack[i] = unit(word2[i], word3[i]);
    });
    return result;
  }

 private:
  /// The lower 32 bits of a times b, which has no others.
  [[gnu::always_inline]] static PackBits product_of_halves(PackBits a, std::uint64_t b) {
#if defined(BATTERY_TWIN_WIDE_PACKS)
    return reinterpret_cast<PackBits>(
        _mm256_mul_epu32(reinterpret_cast<__m256i>(a), _mm256_set1_epi64x(static_cast<long long>(b))));
#elif defined(__SSE2__)
    return reinterpret_cast<PackBits>(
        _mm_mul_epu32(reinterpret_cast<__m128i>(a), _mm_set1_epi64x(static_cast<long long>(b))));
#else
    return (a & 0xffffffff) * b;
#endif
  }

  /// 53 random bits in [0, 1): both halves as exact doubles, whose sum is exact too.
  [[gnu::always_inline]] static Pack unit(PackBits low, PackBits high) {
    return from_small_integer(high & 0xffffffff) * 0x1p-32 + from_small_integer((low & 0xffffffff) >> 11) * 0x1p-53;
  }
};

/// The random numbers of one machine while it works on one batch, for the cells of L side by side. As with Noise, a
/// draw is a function of counter and key alone: Philox4x32-10 with counter {index, step, stream, cell} and the batch's
/// seed as key. The last word is 0 for what a batch's cells share and 1 + cell number for what is each cell's own; with
/// 0, the uniform numbers are those of Noise. So no number depends on which cells happen to stand side by side.
///
/// One (index, step) is one block of the generator: whoever draws twice from it draws the same randomness.
template <class L>
class Draws {
 public:
  static constexpr std::size_t kCells = kCellsOf<L>;

  /// @param seeds   of every cell its batch's seed
  /// @param cells   and its number in that batch
  /// @param stream  a stable number for the process's name
  /// @param batch_noise, cell_noise  false: every draw of that level gives its mean
  Draws(const std::array<std::uint64_t, kCells>& seeds, const std::array<std::uint32_t, kCells>& cells,
        std::uint32_t stream, bool batch_noise, bool cell_noise)
      : drawers_(seeds, cells), stream_(stream), batch_noise_(batch_noise), cell_noise_(cell_noise) {}

  /// Two independent standard normals (Box & Muller, 1958: the cosine's and the sine's); off: zeros.
  [[nodiscard]] Pair<L> batch_normals(std::uint32_t index, std::uint32_t step = 0) const {
    return batch_noise_ ? normals(index, step, true) : Pair<L>{0.0, 0.0};
  }
  [[nodiscard]] Pair<L> cell_normals(std::uint32_t index, std::uint32_t step = 0) const {
    return cell_noise_ ? normals(index, step, false) : Pair<L>{0.0, 0.0};
  }

  /// Uniform in [0, 1); off: ½.
  [[nodiscard]] L batch_uniform(std::uint32_t index, std::uint32_t step = 0) const {
    return batch_noise_ ? uniform(index, step, true) : L(0.5);
  }
  [[nodiscard]] L cell_uniform(std::uint32_t index, std::uint32_t step = 0) const {
    return cell_noise_ ? uniform(index, step, false) : L(0.5);
  }

  /// How many of many rare events happen: Poisson, for means up to 30, at most 200; off: the mean, rounded.
  /// Inversion by sequential search (Devroye, "Non-uniform random variate generation", 1986, X.3.3).
  [[nodiscard]] L cell_poisson(std::uint32_t index, const L& mean, std::uint32_t step = 0) const {
    if (!cell_noise_) return floor(mean + 0.5);
    const L u = uniform(index, step, false);
    const L rate = max(mean, L(0.0));
    L probability = exp(-rate);
    L cumulated = probability;
    L count = 0.0;
    // A lane that has its answer keeps it: the cumulated probability never falls again.
    for (int next = 1; next <= 200; ++next) {
      const MaskOf<L> more = u >= cumulated;
      if (!any(more)) break;
      count += to_number(more);
      probability *= rate * (1.0 / next);
      cumulated += probability;
    }
    return count;
  }

 private:
  // Not inlined: a kernel draws dozens of numbers, and one copy of this stays in the instruction cache.
  [[gnu::noinline]] Pair<L> normals(std::uint32_t index, std::uint32_t step, bool batch) const {
    const auto [u, v] = drawers_.draw(index, step, stream_, batch);
    // 1 − u is in (0, 1]: the logarithm stays finite.
    const L radius = sqrt(-2.0 * log(1.0 - u));
    const auto [s, c] = sin_cos_turns(v);
    return {radius * c, radius * s};
  }

  [[gnu::noinline]] L uniform(std::uint32_t index, std::uint32_t step, bool batch) const {
    return drawers_.draw(index, step, stream_, batch).first;
  }

  Drawers<L> drawers_;
  std::uint32_t stream_;
  bool batch_noise_, cell_noise_;
};

}  // namespace
}  // namespace battery_twin::process
