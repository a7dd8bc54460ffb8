#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/layout.hpp"

// The tables that the Python server wrote and the field's Grafana dashboards read, one per machine.
// Here they are views of what all machines have in common: rows of numbers.
namespace battery_twin::store {

struct MachineColumn {
  enum class Source : std::uint8_t { property, flag, parameter, nothing };
  std::string_view name;    ///< in the table
  Source source;            ///< a flag is a property that is true or false
  std::string_view of{};    ///< the property's or the parameter's name
  std::string_view unit{};  ///< of the column; empty: that of the property or parameter
};

struct MachineTable {
  std::string_view machine;  ///< the machine type
  std::vector<MachineColumn> columns;
};

[[nodiscard]] std::span<const MachineTable> machine_tables();
/// The type's table among those; for a machine that the Python server did not have, all of its properties and
/// parameters by their own names and in their own units.
[[nodiscard]] MachineTable table_of(const process::MachineType& type);

/// "mixing_anode", "rewinding"
[[nodiscard]] std::string table_name(const plant::Station& station);

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
