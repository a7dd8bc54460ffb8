#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/layout.hpp"

// The tables that the Python server wrote and the field's Grafana dashboards read, one per machine. Here they are views
// of what all machines have in common: rows of numbers.
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

/// How a number comes into another unit: `operation` ('*' or '-') with `operand`, a number as it is written.
struct Conversion {
  std::string_view from, to;
  char operation;
  std::string_view operand;

  [[nodiscard]] double of(double value) const;
};

/// Where the number of a column is among what is kept of a step.
struct ColumnSource {
  MachineColumn::Source source;  ///< never `nothing`
  std::size_t at;                ///< place among the properties, or among the type's fields
  const Conversion* conversion;  ///< nullptr: it stays as it is
};

/// @param names  of the step's properties, in order
/// @return nothing where these do not have it
/// @throws std::logic_error  where a unit cannot be converted: a fault of the table
[[nodiscard]] std::optional<ColumnSource> source_of(const MachineColumn& column, const plant::Station& station,
                                                    process::ModelSet models, std::span<const std::string> names);
/// Of the column `temperature_C`, which every table has: what the machine reached, or else what it was told to reach.
[[nodiscard]] std::optional<ColumnSource> temperature_source(const plant::Station& station, process::ModelSet models,
                                                             std::span<const std::string> names);

}  // namespace battery_twin::store
