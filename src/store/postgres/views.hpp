#pragma once

#include <span>
#include <string>
#include <vector>

#include "battery_twin/store/machine_tables.hpp"

namespace battery_twin::store {

/// Telemetry that was written with these names of properties.
struct Series {
  std::int64_t id;
  process::ModelSet models;
  std::vector<std::string> names;
};

/// The SQL of a station's view, without "create view".
/// @throws std::logic_error  where a unit cannot be converted: a fault of the table
[[nodiscard]] std::string view_of(const MachineTable& table, const plant::Station& station,
                                  std::span<const Series> series);

}  // namespace battery_twin::store
