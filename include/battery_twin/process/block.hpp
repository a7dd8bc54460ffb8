#pragma once

#include <array>
#include <cstddef>

namespace battery_twin::process {

/// Cells that are computed side by side.
inline constexpr std::size_t kLanes = 8;

/// One number for each of them, in memory.
struct CellPack {
  alignas(64) std::array<double, kLanes> lane{};
};

}  // namespace battery_twin::process
