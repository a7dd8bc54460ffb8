// The tests of the lanes once more, compiled for x86-64-v3 as the kernels of src/process/mechanistic/kernels_v3.cpp
// are. A program of its own: what is compiled here must not get into one that runs elsewhere.

// Whatever is included below the pragma is compiled for x86-64-v3, so everything else stands above it.
#include <gtest/gtest.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <set>
#include <string_view>
#include <type_traits>
#include <vector>

#include "battery_twin/process/random.hpp"

namespace {

// Before the tests register themselves: they are compiled for a processor that this one may not be.
[[gnu::constructor(101)]] void leave_where_it_cannot_run() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return;
  std::puts("SKIPPED: this processor has no AVX2");
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace

#pragma GCC target("arch=x86-64-v3")
#define BATTERY_TWIN_AVX2  // the preprocessor alone does not see the pragma

#include "../lane_draws_test.cpp"
#include "../lanes_test.cpp"

namespace battery_twin::process {
namespace {

TEST(LanesV3, AreFourNumbersToARegister) { EXPECT_EQ(kPackSize, 4u); }

}  // namespace
}  // namespace battery_twin::process
