#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "battery_twin/process/line.hpp"
#include "battery_twin/process/product.hpp"

namespace battery_twin::process {

/// The figures a finished batch is judged by. Empty where the model set does not know them.
struct EndOfLine {
  std::optional<double> capacity_Ah;
  std::optional<double> energy_Wh;
  std::optional<double> internal_resistance_mOhm;
  std::optional<double> self_discharge_mV_per_day;
  std::optional<double> first_cycle_efficiency;  ///< discharge / charge of the first cycle, 0–1
  std::optional<double> np_ratio;                ///< anode / cathode capacity
  std::optional<double> electrolyte_g_per_Ah;
  std::optional<double> mass_g;
  std::optional<double> cells_started;
  std::optional<double> cells_good;
  std::optional<double> yield;                                ///< cells_good / cells_started
  std::optional<std::map<std::string, double>> scrap_causes;  ///< cells lost by cause
};

/// One row of the table of figures: JSON, events and CSV use these names in this order.
struct Figure {
  std::string_view name;
  std::string_view unit;
  std::optional<double> EndOfLine::*member;
};

inline constexpr std::array<Figure, 11> kFigures{{
    {"capacity_Ah", "Ah", &EndOfLine::capacity_Ah},
    {"energy_Wh", "Wh", &EndOfLine::energy_Wh},
    {"internal_resistance_mOhm", "mOhm", &EndOfLine::internal_resistance_mOhm},
    {"self_discharge_mV_per_day", "mV/day", &EndOfLine::self_discharge_mV_per_day},
    {"first_cycle_efficiency", "1", &EndOfLine::first_cycle_efficiency},
    {"np_ratio", "1", &EndOfLine::np_ratio},
    {"electrolyte_g_per_Ah", "g/Ah", &EndOfLine::electrolyte_g_per_Ah},
    {"mass_g", "g", &EndOfLine::mass_g},
    {"cells_started", "1", &EndOfLine::cells_started},
    {"cells_good", "1", &EndOfLine::cells_good},
    {"yield", "1", &EndOfLine::yield},
}};

/// The figures of a product that has left the last machine. `reference` knows the capacity only.
[[nodiscard]] EndOfLine end_of_line(ModelSet models, const Product& product);

}  // namespace battery_twin::process
