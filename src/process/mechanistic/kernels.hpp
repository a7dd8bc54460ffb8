#pragma once

#include <string_view>

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::process {

/// The machine's block kernel compiled for x86-64-v3 (AVX2 and FMA), or nullptr where the processor lacks it or the
/// machine has none. Results differ from the baseline's by rounding only.
[[nodiscard]] BlockKernel v3_kernel(std::string_view machine);

/// The same without asking the processor; nothing of that file may run where it lacks x86-64-v3.
[[nodiscard]] BlockKernel compiled_v3_kernel(std::string_view machine);

}  // namespace battery_twin::process
