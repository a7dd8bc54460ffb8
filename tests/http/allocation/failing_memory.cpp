// In a file of its own, so that the compiler does not see both ends of a pair at once and take it for a mismatch.
#include "failing_memory.hpp"

#include <cstdlib>
#include <new>

namespace battery_twin {

thread_local std::uint64_t allocations_until_failure = 0;

}  // namespace battery_twin

// The forms for arrays and those that do not throw end here, too.
void* operator new(std::size_t size) {
  std::uint64_t& left = battery_twin::allocations_until_failure;
  if (left > 0 && --left == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
