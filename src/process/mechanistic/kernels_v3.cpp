#include "kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)

// Whatever is included below the pragma is compiled for x86-64-v3. So that nothing but the models is, everything that
// they include stands above it: an inline function of the standard library that came out here with AVX2 could be the
// one that the linker keeps for all.
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "battery_twin/process/aging.hpp"
#include "battery_twin/process/calendaring.hpp"
#include "battery_twin/process/coating.hpp"
#include "battery_twin/process/drying.hpp"
#include "battery_twin/process/electrolyte_filling.hpp"
#include "battery_twin/process/formation_cycling.hpp"
#include "battery_twin/process/inspection.hpp"
#include "battery_twin/process/mixing.hpp"
#include "battery_twin/process/rewinding.hpp"
#include "battery_twin/process/slitting.hpp"
#include "materials.hpp"

#pragma GCC target("arch=x86-64-v3")
#define BATTERY_TWIN_AVX2  // the preprocessor alone does not see the pragma

#include "aging.hpp"
#include "calendaring.hpp"
#include "coating.hpp"
#include "drying.hpp"
#include "electrolyte_filling.hpp"
#include "formation_cycling.hpp"
#include "inspection.hpp"
#include "mixing.hpp"
#include "rewinding.hpp"
#include "slitting.hpp"

namespace battery_twin::process {
namespace {

struct Entry {
  std::string_view machine;
  BlockKernel kernel;
};

constexpr std::array kEntries{
    Entry{"mixing", &run_block<MechanisticMixing, MixingParameters>},
    Entry{"coating", &run_block<MechanisticCoating, CoatingParameters>},
    Entry{"drying", &run_block<MechanisticDrying, DryingParameters>},
    Entry{"calendaring", &run_block<MechanisticCalendaring, CalendaringParameters>},
    Entry{"slitting", &run_block<MechanisticSlitting, SlittingParameters>},
    Entry{"inspection", &run_block<MechanisticInspection, InspectionParameters>},
    Entry{"rewinding", &run_block<MechanisticRewinding, RewindingParameters>},
    Entry{"electrolyte_filling", &run_block<MechanisticElectrolyteFilling, ElectrolyteFillingParameters>},
    Entry{"formation_cycling", &run_block<MechanisticFormationCycling, FormationCyclingParameters>},
    Entry{"aging", &run_block<MechanisticAging, AgingParameters>},
};

}  // namespace

// No pop_options: what the compiler adds at the end of the file, such as constructors, must match too.

BlockKernel compiled_v3_kernel(std::string_view machine) {
  for (const Entry& entry : kEntries) {
    if (entry.machine == machine) return entry.kernel;
  }
  return nullptr;
}

}  // namespace battery_twin::process

#else

namespace battery_twin::process {

BlockKernel compiled_v3_kernel(std::string_view /*machine*/) { return nullptr; }

}  // namespace battery_twin::process

#endif
