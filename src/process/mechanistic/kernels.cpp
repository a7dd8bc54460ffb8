#include "kernels.hpp"

namespace battery_twin::process {

BlockKernel v3_kernel(std::string_view machine) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  return __builtin_cpu_supports("x86-64-v3") != 0 ? compiled_v3_kernel(machine) : nullptr;
#else
  return compiled_v3_kernel(machine);
#endif
}

}  // namespace battery_twin::process
