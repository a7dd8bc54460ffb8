#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <type_traits>

#ifdef __SSE2__
#include <immintrin.h>
#endif

// BATTERY_TWIN_AVX2 is for a file that turns AVX2 on by `#pragma GCC target`: GCC 12 does not show __AVX2__ to the
// preprocessor alone (g++ -E), and a compiler cache that hashes its output would miss a change to these branches.
#if defined(__AVX2__) || defined(BATTERY_TWIN_AVX2)
#define BATTERY_TWIN_WIDE_PACKS
#endif

/// Eight cells side by side. A mechanistic model is written once, as a template over its lane type: `double` is one
/// cell, `Lanes` are eight. What a model needs of its lane type is here under one name for both.
///
/// All of it is in an anonymous namespace: a file compiled for AVX2 and a file compiled for any x86-64 each have their
/// own copy, and neither can end up with the other's instructions.
namespace battery_twin::process {
namespace {

inline constexpr std::size_t kLaneCount = 8;

// ---- Packs: what one vector register holds, and the functions of one pack -------------------------------------------

#ifdef BATTERY_TWIN_WIDE_PACKS
inline constexpr std::size_t kPackSize = 4;
#else
inline constexpr std::size_t kPackSize = 2;
#endif
inline constexpr std::size_t kPacks = kLaneCount / kPackSize;

// May alias: blocks of cells are arrays of double to everybody else.
using Pack = double __attribute__((vector_size(kPackSize * sizeof(double)), may_alias));
using PackBits = std::uint64_t __attribute__((vector_size(kPackSize * sizeof(double))));

[[gnu::always_inline, maybe_unused]] inline Pack broadcast(double value) {
  return value - Pack{};  // not +: −0 stays −0
}
[[gnu::always_inline, maybe_unused]] inline PackBits bits_of(Pack x) { return reinterpret_cast<PackBits>(x); }
[[gnu::always_inline, maybe_unused]] inline Pack from_bits(PackBits x) { return reinterpret_cast<Pack>(x); }
/// An integer below 2^52 as a double: 2^52 + n has n as its lower bits.
[[gnu::always_inline, maybe_unused]] inline Pack from_small_integer(PackBits n) {
  return from_bits(n | std::bit_cast<std::uint64_t>(0x1p52)) - 0x1p52;
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_select(PackBits mask, Pack a, Pack b) {
#ifdef BATTERY_TWIN_WIDE_PACKS
  return _mm256_blendv_pd(b, a, from_bits(mask));
#else
  return from_bits((mask & bits_of(a)) | (~mask & bits_of(b)));
#endif
}

// Of two packs the hardware's minimum takes the second where either is NaN; hence the order, which is that of std::min.
[[gnu::always_inline, maybe_unused]] inline Pack pack_min(Pack a, Pack b) {
#if defined(BATTERY_TWIN_WIDE_PACKS)
  return _mm256_min_pd(b, a);
#elif defined(__SSE2__)
  return _mm_min_pd(b, a);
#else
  return pack_select(reinterpret_cast<PackBits>(b < a), b, a);
#endif
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_max(Pack a, Pack b) {
#if defined(BATTERY_TWIN_WIDE_PACKS)
  return _mm256_max_pd(b, a);
#elif defined(__SSE2__)
  return _mm_max_pd(b, a);
#else
  return pack_select(reinterpret_cast<PackBits>(a < b), b, a);
#endif
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_sqrt(Pack x) {
#if defined(BATTERY_TWIN_WIDE_PACKS)
  return _mm256_sqrt_pd(x);
#elif defined(__SSE2__)
  return _mm_sqrt_pd(x);
#else
  for (std::size_t i = 0; i < kPackSize; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_floor(Pack x) {
#ifdef BATTERY_TWIN_WIDE_PACKS
  return _mm256_floor_pd(x);
#else
  // Adding 2^52 rounds to an integer; from there on every double is one.
  const PackBits sign = bits_of(x) & (std::uint64_t{1} << 63);
  const Pack magnitude = from_bits(bits_of(x) ^ sign);
  const Pack nearest = from_bits(bits_of((magnitude + 0x1p52) - 0x1p52) | sign);
  const Pack below = pack_select(reinterpret_cast<PackBits>(nearest > x), nearest - 1.0, nearest);
  return pack_select(reinterpret_cast<PackBits>(magnitude < 0x1p52), below, x);
#endif
}

// The elementary functions: range reduction with the constant in two parts (Cody & Waite, "Software manual for the
// elementary functions", 1980) and a minimax polynomial. The coefficients are our own, by the Remez exchange algorithm
// in 60 digits; each polynomial's truncation error is below 6e-17, so that rounding is what is left.

// ln 2 in two parts; the first has 42 bits, so that n times it is exact, with fused multiply-add or without.
inline constexpr double kLn2High = 0x1.62e42fefa38p-1;
inline constexpr double kLn2Low = 0x1.ef35793c7673p-45;

// Where exp saturates: beyond, the result's exponent would need another step. e^709 is 8.2e307.
inline constexpr double kExpLow = -708;
inline constexpr double kExpHigh = 709;

// exp(x) = 2^n (1 + p), where p = exp(r) − 1 and |r| <= ln 2 / 2.
struct ReducedExp {
  Pack scale;  // 2^n
  Pack p;
};

[[gnu::always_inline, maybe_unused]] inline ReducedExp reduced_exp(Pack x) {
  // Adding 1.5·2^52 rounds to the nearest integer and leaves it in the lower bits, from where it moves to the exponent.
  const Pack shifted = x * std::numbers::log2e + 0x1.8p52;
  const Pack n = shifted - 0x1.8p52;
  const Pack r = (x - n * kLn2High) - n * kLn2Low;
  const Pack r2 = r * r;
  const Pack r4 = r2 * r2;
  // (exp(r) − 1 − r) / r², in Estrin's order: short chains.
  const Pack q01 = 0x1.000000000000ap-1 + r * 0x1.55555555554fap-3;
  const Pack q23 = 0x1.555555555087dp-5 + r * 0x1.1111111127beap-7;
  const Pack q45 = 0x1.6c16c18429f5bp-10 + r * 0x1.a01a012a5599cp-13;
  const Pack q67 = 0x1.a0199a0cacd8dp-16 + r * 0x1.71df2557cadb5p-19;
  const Pack q89 = 0x1.28ad729155eecp-22 + r * 0x1.ad7f6533e6a0ep-26;
  const Pack q = (q01 + r2 * q23) + r4 * ((q45 + r2 * q67) + r4 * q89);
  return {from_bits((bits_of(shifted) << 52) + std::bit_cast<std::uint64_t>(1.0)), r + r2 * q};
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_exp(Pack x) {
  const auto [scale, p] = reduced_exp(pack_min(x, broadcast(kExpHigh)));
  return pack_select(reinterpret_cast<PackBits>(x < kExpLow), Pack{}, scale * (1.0 + p));
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_expm1(Pack x) {
  const auto [scale, p] = reduced_exp(pack_max(pack_min(x, broadcast(kExpHigh)), broadcast(kExpLow)));
  return scale * p + (scale - 1.0);
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_tanh(Pack x) {
  // Beyond 20 the result is 1 to the last bit.
  const Pack t = pack_expm1(2.0 * pack_max(pack_min(x, broadcast(20.0)), broadcast(-20.0)));
  return t / (t + 2.0);
}

[[gnu::always_inline, maybe_unused]] inline Pack pack_log(Pack x) {
  constexpr double kSmallest = 0x1p-1022, kLargest = 0x1.fffffffffffffp1023;
  // x = 2^k m with m in [√½, √2): the offset moves the border between two exponents to √½.
  constexpr std::uint64_t kOne = std::bit_cast<std::uint64_t>(1.0);
  constexpr std::uint64_t kRootHalf = 0x3fe6a09e00000000;
  const PackBits moved = bits_of(pack_max(x, broadcast(kSmallest))) + (kOne - kRootHalf);
  const Pack k = from_small_integer(moved >> 52) - 1023.0;
  const Pack m = from_bits((moved & 0xfffffffffffff) + kRootHalf);
  // ln(1 + f) = 2 artanh(s) with s = f / (2 + f); written so that f itself is added last (as in Sun's fdlibm).
  const Pack f = m - 1.0;
  const Pack s = f / (2.0 + f);
  const Pack z = s * s;
  const Pack z2 = z * z;
  // (2 artanh(s) − 2s) / s³
  const Pack p01 = 0x1.5555555555592p-1 + z * 0x1.999999997fda1p-2;
  const Pack p23 = 0x1.24924941f3100p-2 + z * 0x1.c71c5207632f5p-3;
  const Pack p45 = 0x1.74663f625a73ap-3 + z * 0x1.39a1acd588ae0p-3;
  const Pack p = (p01 + z2 * p23) + (z2 * z2) * (p45 + z2 * 0x1.2f05fdda018a0p-3);
  const Pack half_square = 0.5 * f * f;
  const Pack result = k * kLn2High - ((half_square - (s * (half_square + z * p) + k * kLn2Low)) - f);
  // Infinity and NaN stay what they are.
  return pack_select(reinterpret_cast<PackBits>(x <= kLargest), result, x);
}

struct PackSinCos {
  Pack sin, cos;
};

[[gnu::always_inline, maybe_unused]] inline PackSinCos pack_sin_cos_turns(Pack u) {
  // The nearest quarter turn q, and what is left: f in [−1/8, 1/8], exactly.
  const Pack shifted = 4.0 * u + 0x1.8p52;
  const PackBits q = bits_of(shifted);
  const Pack f = u - 0.25 * (shifted - 0x1.8p52);
  const Pack g = f * f;
  const Pack g2 = g * g;
  const Pack g4 = g2 * g2;
  // sin(2πf) / f and (cos(2πf) − 1) / f²
  const Pack s01 = 0x1.921fb54442d18p+2 - g * 0x1.4abbce625be41p+5;
  const Pack s23 = 0x1.466bc677587fdp+6 - g * 0x1.32d2cce2e60d5p+6;
  const Pack s45 = 0x1.50782fda6b7e1p+5 - g * 0x1.e30071feb5a5ep+3;
  const Pack s = f * ((s01 + g2 * s23) + g4 * (s45 + g2 * 0x1.e3f39df47c88cp+1));
  const Pack c01 = -0x1.3bd3cc9be45a5p+4 + g * 0x1.03c1f081b14bep+6;
  const Pack c23 = -0x1.55d3c7dcb5fd4p+6 + g * 0x1.e1f4fbfc07d0fp+5;
  const Pack c45 = -0x1.a6ca0098da3d3p+4 + g * 0x1.f3ef43096a144p+2;
  const Pack c = 1.0 + g * ((c01 + g2 * c23) + g4 * c45);
  // Odd quarters exchange sine and cosine; bit 1 of q (of q + 1) is the sign.
  const PackBits odd = PackBits{} - (q & 1);
  const PackBits sin_sign = (q & 2) << 62;
  const PackBits cos_sign = ((q + 1) & 2) << 62;
  return {from_bits(bits_of(pack_select(odd, c, s)) ^ sin_sign), from_bits(bits_of(pack_select(odd, s, c)) ^ cos_sign)};
}

// ---- Lanes and masks ------------------------------------------------------------------------------------------------

/// f(0), f(1), … of every pack's place. The places are constants and no loop, so that packs are registers, not arrays
/// in memory.
template <class F>
[[gnu::always_inline]] inline void each_pack(F f) {
  static_assert(kPacks == 2 || kPacks == 4);
  f(std::size_t{0});
  f(std::size_t{1});
  if constexpr (kPacks == 4) {
    f(std::size_t{2});
    f(std::size_t{3});
  }
}

/// Eight yes-or-no answers: of each lane all bits or none.
struct Mask {
  PackBits pack[kPacks]{};

  Mask() = default;
  [[gnu::always_inline]] Mask(bool value) {
    each_pack([&](std::size_t i)
                  __attribute__((always_inline)) { pack[i] = PackBits{} - static_cast<std::uint64_t>(value); });
  }

  [[gnu::always_inline]] bool operator[](std::size_t lane) const {
    return pack[lane / kPackSize][lane % kPackSize] != 0;
  }
};

/// Eight numbers: kLaneCount consecutive doubles, like std::array<double, 8> (std::bit_cast converts both ways).
struct Lanes {
  Pack pack[kPacks]{};

  Lanes() = default;
  /// All lanes the same.
  [[gnu::always_inline]] Lanes(double value) {
    each_pack([&](std::size_t i) __attribute__((always_inline)) { pack[i] = broadcast(value); });
  }

  [[gnu::always_inline]] double operator[](std::size_t lane) const { return pack[lane / kPackSize][lane % kPackSize]; }
  [[gnu::always_inline]] void set(std::size_t lane, double value) { pack[lane / kPackSize][lane % kPackSize] = value; }
};

static_assert(sizeof(Lanes) == 64 && alignof(Lanes) <= 64 && std::is_trivially_copyable_v<Lanes>);

/// The answer of a comparison of two L.
template <class L>
using MaskOf = std::conditional_t<std::is_same_v<L, double>, bool, Mask>;

/// How many cells an L is.
template <class L>
inline constexpr std::size_t kCellsOf = std::is_same_v<L, double> ? 1 : kLaneCount;

/// f of every pack. The lambdas below are `[&]`, though some capture nothing: one without captures brings a plain
/// function along, for conversion to a pointer, and GCC 12 compiles that without a `#pragma GCC target`'s instructions.
template <class Result, class F, class... T>
[[gnu::always_inline]] inline Result by_pack(F f, const T&... x) {
  Result result;
  each_pack([&](std::size_t i) __attribute__((always_inline)) { result.pack[i] = f(x.pack[i]...); });
  return result;
}

#define BATTERY_TWIN_LANES_OPERATOR(RESULT, OPERAND, OP, EXPRESSION)                                   \
  [[gnu::always_inline, maybe_unused]] inline RESULT operator OP(const OPERAND& a, const OPERAND& b) { \
    return by_pack<RESULT>(                                                                            \
        [&](auto x, auto y) __attribute__((always_inline)) { return EXPRESSION; }, a, b);              \
  }
BATTERY_TWIN_LANES_OPERATOR(Lanes, Lanes, +, x + y)
BATTERY_TWIN_LANES_OPERATOR(Lanes, Lanes, -, x - y)
BATTERY_TWIN_LANES_OPERATOR(Lanes, Lanes, *, (x) * (y))
BATTERY_TWIN_LANES_OPERATOR(Lanes, Lanes, /, x / y)
BATTERY_TWIN_LANES_OPERATOR(Mask, Lanes, <, reinterpret_cast<PackBits>(x < y))
BATTERY_TWIN_LANES_OPERATOR(Mask, Lanes, <=, reinterpret_cast<PackBits>(x <= y))
BATTERY_TWIN_LANES_OPERATOR(Mask, Lanes, >, reinterpret_cast<PackBits>(x > y))
BATTERY_TWIN_LANES_OPERATOR(Mask, Lanes, >=, reinterpret_cast<PackBits>(x >= y))
BATTERY_TWIN_LANES_OPERATOR(Mask, Mask, &, (x) & (y))
BATTERY_TWIN_LANES_OPERATOR(Mask, Mask, |, x | y)
#undef BATTERY_TWIN_LANES_OPERATOR

[[gnu::always_inline, maybe_unused]] inline Lanes operator-(const Lanes& a) {
  return by_pack<Lanes>(
      [&](Pack x) __attribute__((always_inline)) { return -x; }, a);
}
[[gnu::always_inline, maybe_unused]] inline Mask operator!(const Mask& a) {
  return by_pack<Mask>(
      [&](PackBits x) __attribute__((always_inline)) { return ~x; }, a);
}
[[gnu::always_inline, maybe_unused]] inline Lanes& operator+=(Lanes& a, const Lanes& b) { return a = a + b; }
[[gnu::always_inline, maybe_unused]] inline Lanes& operator-=(Lanes& a, const Lanes& b) { return a = a - b; }
[[gnu::always_inline, maybe_unused]] inline Lanes& operator*=(Lanes& a, const Lanes& b) { return a = a * b; }
[[gnu::always_inline, maybe_unused]] inline Lanes& operator/=(Lanes& a, const Lanes& b) { return a = a / b; }
[[gnu::always_inline, maybe_unused]] inline Mask& operator&=(Mask& a, const Mask& b) { return a = a & b; }
[[gnu::always_inline, maybe_unused]] inline Mask& operator|=(Mask& a, const Mask& b) { return a = a | b; }

/// Two results of one function.
template <class L>
struct Pair {
  L first, second;
};

// ---- Functions of one cell ------------------------------------------------------------------------------------------
// In a model, `exp(x)` without std:: finds these or those of Lanes. They are no templates: unqualified lookup stops at
// this namespace, so that the global ::exp(double) of <math.h> cannot compete.

[[gnu::always_inline, maybe_unused]] inline double select(bool mask, double a, double b) { return mask ? a : b; }
[[gnu::always_inline, maybe_unused]] inline bool any(bool mask) { return mask; }
[[gnu::always_inline, maybe_unused]] inline bool all(bool mask) { return mask; }
[[gnu::always_inline, maybe_unused]] inline double to_number(bool mask) { return mask ? 1.0 : 0.0; }

[[gnu::always_inline, maybe_unused]] inline double min(double a, double b) { return b < a ? b : a; }
[[gnu::always_inline, maybe_unused]] inline double max(double a, double b) { return a < b ? b : a; }
[[gnu::always_inline, maybe_unused]] inline double abs(double x) { return std::abs(x); }
[[gnu::always_inline, maybe_unused]] inline double sqrt(double x) { return std::sqrt(x); }
[[gnu::always_inline, maybe_unused]] inline double floor(double x) { return std::floor(x); }
[[gnu::always_inline, maybe_unused]] inline double tanh(double x) { return std::tanh(x); }
/// x within [low, high]; NaN stays NaN.
[[gnu::always_inline, maybe_unused]] inline double clamp(double x, double low, double high) {
  return min(max(x, low), high);
}
/// Saturates: 0 below −708, e^709 above 709. No finite x gives infinity.
[[gnu::always_inline, maybe_unused]] inline double exp(double x) {
  return x < kExpLow ? 0.0 : std::exp(min(x, kExpHigh));
}
/// exp(x) − 1, also where x is tiny; e^709 − 1 above 709.
[[gnu::always_inline, maybe_unused]] inline double expm1(double x) { return std::expm1(min(x, kExpHigh)); }
/// Natural logarithm; of everything below the smallest normal number that number's, −708.4.
[[gnu::always_inline, maybe_unused]] inline double log(double x) { return std::log(max(x, 0x1p-1022)); }
/// x^y for x > 0; 0 for every other x, whatever y.
[[gnu::always_inline, maybe_unused]] inline double pow(double x, double y) {
  // Saturates like exp; the comparison costs nothing beside std::pow.
  return x <= 0 ? 0.0 : min(std::pow(x, y), 0x1.d422d2be5dc9bp+1022);
}
/// Sine and cosine of u whole turns, u in [0, 1).
[[gnu::always_inline, maybe_unused]] inline Pair<double> sin_cos_turns(double u) {
  // Reduced to an eighth of a turn first, exactly: 2πu as a rounded number would miss the zeros.
  const double quarters = std::floor(4.0 * u + 0.5);
  const double angle = 2.0 * std::numbers::pi * (u - 0.25 * quarters);
  const double s = std::sin(angle), c = std::cos(angle);
  switch (static_cast<unsigned>(quarters) & 3u) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

// ---- The same of eight ----------------------------------------------------------------------------------------------
// From the exact result: exp and log up to 2 units in the last place, expm1 and tanh up to 3. Same limits as above.

/// a where the mask is set, elsewhere b.
[[gnu::always_inline, maybe_unused]] inline Lanes select(const Mask& mask, const Lanes& a, const Lanes& b) {
  return by_pack<Lanes>(
      [&](PackBits m, Pack x, Pack y) __attribute__((always_inline)) { return pack_select(m, x, y); }, mask, a, b);
}
/// 1 where the mask is set, elsewhere 0.
[[gnu::always_inline, maybe_unused]] inline Lanes to_number(const Mask& mask) {
  return by_pack<Lanes>(
      [&](PackBits m) __attribute__((always_inline)) { return from_bits(m & std::bit_cast<std::uint64_t>(1.0)); },
      mask);
}
[[gnu::always_inline, maybe_unused]] inline bool any(const Mask& mask) {
#if defined(BATTERY_TWIN_WIDE_PACKS)
  return _mm256_movemask_pd(from_bits(mask.pack[0] | mask.pack[1])) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_pd(from_bits((mask.pack[0] | mask.pack[1]) | (mask.pack[2] | mask.pack[3]))) != 0;
#else
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    if (mask[i]) return true;
  }
  return false;
#endif
}
[[gnu::always_inline, maybe_unused]] inline bool all(const Mask& mask) { return !any(!mask); }

#define BATTERY_TWIN_LANES_FUNCTION(NAME, EXPRESSION)                          \
  [[gnu::always_inline, maybe_unused]] inline Lanes NAME(const Lanes& a) {     \
    return by_pack<Lanes>(                                                     \
        [&](Pack x) __attribute__((always_inline)) { return EXPRESSION; }, a); \
  }
BATTERY_TWIN_LANES_FUNCTION(abs, from_bits(bits_of(x) & ~(std::uint64_t{1} << 63)))
BATTERY_TWIN_LANES_FUNCTION(sqrt, pack_sqrt(x))
BATTERY_TWIN_LANES_FUNCTION(floor, pack_floor(x))
BATTERY_TWIN_LANES_FUNCTION(exp, pack_exp(x))
BATTERY_TWIN_LANES_FUNCTION(expm1, pack_expm1(x))
BATTERY_TWIN_LANES_FUNCTION(log, pack_log(x))
BATTERY_TWIN_LANES_FUNCTION(tanh, pack_tanh(x))
#undef BATTERY_TWIN_LANES_FUNCTION

[[gnu::always_inline, maybe_unused]] inline Lanes min(const Lanes& a, const Lanes& b) {
  return by_pack<Lanes>(
      [&](Pack x, Pack y) __attribute__((always_inline)) { return pack_min(x, y); }, a, b);
}
[[gnu::always_inline, maybe_unused]] inline Lanes max(const Lanes& a, const Lanes& b) {
  return by_pack<Lanes>(
      [&](Pack x, Pack y) __attribute__((always_inline)) { return pack_max(x, y); }, a, b);
}
[[gnu::always_inline, maybe_unused]] inline Lanes clamp(const Lanes& x, const Lanes& low, const Lanes& high) {
  return min(max(x, low), high);
}
/// Relative error up to about (2 + |y ln x|) units in the last place: the logarithm's rounding, times y.
[[gnu::always_inline, maybe_unused]] inline Lanes pow(const Lanes& x, const Lanes& y) {
  return select(x <= 0.0, 0.0, exp(y * log(x)));
}
/// Absolute error up to 4e-16, relative to each value's size near its zeros.
[[gnu::always_inline, maybe_unused]] inline Pair<Lanes> sin_cos_turns(const Lanes& u) {
  Pair<Lanes> result;
  each_pack([&](std::size_t i) __attribute__((always_inline)) {
    const auto [s, c] = pack_sin_cos_turns(u.pack[i]);
    result.first.pack[i] = s;
    result.second.pack[i] = c;
  });
  return result;
}

// ---- Tables ---------------------------------------------------------------------------------------------------------

/// A function's value and slope at one place.
template <class L>
struct Slope {
  L value, derivative;
};

/// A smooth function on [low, high] as 512 cubic pieces that agree with it in value and derivative at both ends
/// (Hermite interpolation). Outside the function ends: inputs are clamped. Immutable once made.
class CubicTable {
 public:
  static constexpr std::size_t kIntervals = 512;

  /// @param function, derivative  double → double
  template <class F, class D>
  CubicTable(double low, double high, F&& function, D&& derivative)
      : low_(low), high_(high), per_width_(static_cast<double>(kIntervals) / (high - low)) {
    const double width = (high - low) / static_cast<double>(kIntervals);
    const auto place = [&](std::size_t i) { return i == kIntervals ? high : low + static_cast<double>(i) * width; };
    for (std::size_t i = 0; i < kIntervals; ++i) {
      const double y0 = function(place(i)), y1 = function(place(i + 1));
      const double d0 = width * derivative(place(i)), d1 = width * derivative(place(i + 1));
      pieces_[i] = {y0, d0, 3 * (y1 - y0) - 2 * d0 - d1, 2 * (y0 - y1) + d0 + d1};
    }
  }

  [[nodiscard, gnu::always_inline]] Slope<double> operator()(double x) const {
    const double position = (clamp(x, low_, high_) - low_) * per_width_;
    const double shifted = min(position - 0.5, kLast) + kShift;
    const Piece& piece = pieces_[std::bit_cast<std::uint64_t>(shifted) % kIntervals];
    return evaluate(position - (shifted - kShift), piece.c0, piece.c1, piece.c2, piece.c3);
  }

  [[nodiscard, gnu::always_inline]] Slope<Lanes> operator()(const Lanes& x) const {
    const Lanes position = (clamp(x, low_, high_) - low_) * per_width_;
    const Lanes shifted = min(position - 0.5, kLast) + kShift;
    Lanes c0, c1, c2, c3;
    look_up(shifted, c0, c1, c2, c3);
    return evaluate(position - (shifted - kShift), c0, c1, c2, c3);
  }

 private:
  // Half a cache line, so that no look-up touches two.
  struct alignas(4 * sizeof(double)) Piece {
    double c0, c1, c2, c3;
  };

  // The piece is the integer nearest to position − ½, found by adding 1.5·2^52. Between two pieces either will do:
  // they agree there. The remainder keeps the index inside the table whatever x is, NaN included.
  static constexpr double kShift = 0x1.8p52;
  static constexpr double kLast = static_cast<double>(kIntervals - 1);

  template <class L>
  [[gnu::always_inline]] Slope<L> evaluate(const L& t, const L& c0, const L& c1, const L& c2, const L& c3) const {
    return {c0 + t * (c1 + t * (c2 + t * c3)), per_width_ * (c1 + t * (2.0 * c2 + t * (3.0 * c3)))};
  }

  [[gnu::always_inline]] Pack load(std::uint64_t piece, std::size_t first) const {
    Pack values;
    std::memcpy(&values, reinterpret_cast<const char*>(&pieces_[piece]) + first * sizeof(double), sizeof values);
    return values;
  }

  // One load per lane and a transposition: gathers fetch the same four numbers with four times the loads.
  [[gnu::always_inline]] void look_up(const Lanes& shifted, Lanes& c0, Lanes& c1, Lanes& c2, Lanes& c3) const {
    each_pack([&](std::size_t i) __attribute__((always_inline)) {
      const PackBits piece = bits_of(shifted.pack[i]) % kIntervals;
#ifdef BATTERY_TWIN_WIDE_PACKS
      const Pack a = load(piece[0], 0), b = load(piece[1], 0), c = load(piece[2], 0), d = load(piece[3], 0);
      const Pack ab02 = _mm256_unpacklo_pd(a, b), ab13 = _mm256_unpackhi_pd(a, b);
      const Pack cd02 = _mm256_unpacklo_pd(c, d), cd13 = _mm256_unpackhi_pd(c, d);
      c0.pack[i] = _mm256_permute2f128_pd(ab02, cd02, 0x20);
      c1.pack[i] = _mm256_permute2f128_pd(ab13, cd13, 0x20);
      c2.pack[i] = _mm256_permute2f128_pd(ab02, cd02, 0x31);
      c3.pack[i] = _mm256_permute2f128_pd(ab13, cd13, 0x31);
#else
      const Pack a01 = load(piece[0], 0), a23 = load(piece[0], 2), b01 = load(piece[1], 0), b23 = load(piece[1], 2);
      c0.pack[i] = Pack{a01[0], b01[0]};
      c1.pack[i] = Pack{a01[1], b01[1]};
      c2.pack[i] = Pack{a23[0], b23[0]};
      c3.pack[i] = Pack{a23[1], b23[1]};
#endif
    });
  }

  double low_, high_, per_width_;
  std::array<Piece, kIntervals> pieces_;
};

}  // namespace
}  // namespace battery_twin::process
