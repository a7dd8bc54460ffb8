#include "version.hpp"

namespace battery_twin::app {

std::string version() { return BATTERY_TWIN_VERSION; }

}  // namespace battery_twin::app
