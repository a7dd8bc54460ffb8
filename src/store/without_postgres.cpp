#ifndef BATTERY_TWIN_HAS_POSTGRESQL

#include <stdexcept>

#include "battery_twin/store/store.hpp"

namespace battery_twin::store {

std::unique_ptr<Store> open_postgres(const plant::Layout& /*layout*/, PostgresConfig /*config*/) {
  throw std::runtime_error("This program was built without PostgreSQL (BATTERY_TWIN_POSTGRESQL=OFF)");
}

}  // namespace battery_twin::store

#endif
