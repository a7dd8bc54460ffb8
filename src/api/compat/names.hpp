#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/layout.hpp"

// What the Python server's front end calls machines and their parameters. It follows from the tables of the machine
// types, but for one table of those that are named otherwise, so a further machine type has its names without a line
// here.
namespace battery_twin::api::compat {

/// A parameter as this layer has it: mixing's are flat, temperatures are in degrees Celsius.
struct Parameter {
  std::size_t index;                ///< its place among the type's fields
  const process::FieldInfo* field;  ///< never null
  std::string_view name;            ///< "coating_speed", "AM_ratio"
  std::string label;                ///< "Coating Speed", "Anode AM"
  bool may_be_absent;               ///< where a machine's parameters are set as a whole

  [[nodiscard]] bool is_temperature() const { return field->unit == "K"; }
  /// From the unit of this layer to that of the plant, and back.
  [[nodiscard]] double to_plant(double value) const;
  [[nodiscard]] double from_plant(double value) const;
};

/// A machine as this layer has it.
struct Machine {
  const plant::Station* station;  ///< never null
  std::string stage;              ///< "Anode Mixing", "Electrolyte Filling"
  std::string table;              ///< "anode_mixing", "electrolyte_filling"
  std::vector<Parameter> parameters;

  [[nodiscard]] const Parameter* find_name(std::string_view name) const;
  [[nodiscard]] const Parameter* find_label(std::string_view label) const;
};

/// All machines of a plant, one per station. Immutable.
class Names {
 public:
  /// @param layout  must outlive the result
  explicit Names(const plant::Layout& layout);

  [[nodiscard]] const std::vector<Machine>& machines() const { return machines_; }
  [[nodiscard]] const Machine& of(const plant::Station& station) const { return machines_.at(station.index); }
  /// The machine with that name, or nullptr.
  [[nodiscard]] const Machine* find_stage(std::string_view stage) const;
  [[nodiscard]] const Machine* find_table(std::string_view table) const;

 private:
  std::vector<Machine> machines_;
};

[[nodiscard]] double celsius(double kelvin);

/// A parameter that is not named as its field is.
struct NamedOtherwise {
  std::string_view machine, field;
  std::string_view label{};  ///< instead of the field's words; "*" stands for the electrode
  bool is_hidden = false;    ///< the Python server did not know it
  bool may_be_absent = false;
};
[[nodiscard]] std::span<const NamedOtherwise> named_otherwise();

}  // namespace battery_twin::api::compat
