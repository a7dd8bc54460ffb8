#pragma once

#include <cstdint>

namespace battery_twin {

/// Allocations of this thread until the one that fails; 0: none does.
extern thread_local std::uint64_t allocations_until_failure;

}  // namespace battery_twin
