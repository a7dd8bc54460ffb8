#include "kernels.hpp"

namespace battery_twin::process {

BlockKernel v3_kernel(std::string_view machine) {
#if defined(__x86_64__) && defined(__GNUC__)
  const bool able = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                    __builtin_cpu_supports("bmi2") != 0;
  return able ? compiled_v3_kernel(machine) : nullptr;
#else
  return compiled_v3_kernel(machine);
#endif
}

}  // namespace battery_twin::process
