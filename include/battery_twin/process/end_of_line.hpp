#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/process/line.hpp"
#include "battery_twin/process/product.hpp"

namespace battery_twin::process {

/// The figures a finished batch is judged by. Empty where the model set does not know them. In `mechanistic` those of a
/// cell are means over the good cells, or over all where none is good.
struct EndOfLine {
  std::optional<double> capacity_Ah;
  std::optional<double> capacity_deviation_Ah;  ///< standard deviation from cell to cell
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
  std::optional<std::map<std::string, double>> scrap_causes;  ///< cells lost by their first cause

  struct MachineEnergy {
    std::string_view process;  ///< lives as long as the plant's layout
    double value;
  };
  std::optional<std::vector<MachineEnergy>> machine_energy_kWh;  ///< used on the batch, by machine
};

/// One row of the table of figures: JSON, events and CSV use these names in this order.
struct Figure {
  std::string_view name;
  std::string_view unit;
  std::optional<double> EndOfLine::*member;
  std::string_view description;
  bool is_count = false;
};

inline constexpr std::array<Figure, 12> kFigures{{
    {"capacity_Ah", "Ah", &EndOfLine::capacity_Ah,
     "Of the first discharge, less the loss of aging; of the good cells, or of all where none is good"},
    {"capacity_deviation_Ah", "Ah", &EndOfLine::capacity_deviation_Ah,
     "Standard deviation of the capacity from cell to cell"},
    {"energy_Wh", "Wh", &EndOfLine::energy_Wh,
     "Of the first discharge, less the loss of aging; of the good cells, or of all where none is good"},
    {"internal_resistance_mOhm", "mOhm", &EndOfLine::internal_resistance_mOhm,
     "Of formation, with the growth of aging; of the good cells, or of all where none is good"},
    {"self_discharge_mV_per_day", "mV/day", &EndOfLine::self_discharge_mV_per_day,
     "At the end of aging; of the good cells, or of all where none is good"},
    {"first_cycle_efficiency", "1", &EndOfLine::first_cycle_efficiency,
     "Charge out over charge in, in formation; of the good cells, or of all where none is good"},
    {"np_ratio", "1", &EndOfLine::np_ratio,
     "Capacity of the anode over that of the cathode; of the good cells, or of all where none is good"},
    {"electrolyte_g_per_Ah", "g/Ah", &EndOfLine::electrolyte_g_per_Ah,
     "Electrolyte dosed over the capacity; of the good cells, or of all where none is good"},
    {"mass_g", "g", &EndOfLine::mass_g,
     "With electrolyte and housing; of the good cells, or of all where none is good"},
    {"cells_started", "1", &EndOfLine::cells_started, "Strips of the electrode that has fewer", true},
    {"cells_good", "1", &EndOfLine::cells_good, "Cells without scrap", true},
    {"yield", "1", &EndOfLine::yield, "Good cells over cells started"},
}};

/// A figure of each single cell that has left the last machine, as `mechanistic` computes it.
struct CellFigure {
  using Member = CellPack CellOf<CellPack>::*;

  std::string_view name;
  std::string_view unit;
  std::optional<double> EndOfLine::*mean;  ///< where the batch's mean goes
  Member value;                            ///< in the product, SI
  Member per;                              ///< what it is divided by, or nullptr
  double scale;                            ///< from SI
};

inline constexpr std::array<CellFigure, 8> kCellFigures{{
    {"capacity_Ah", "Ah", &EndOfLine::capacity_Ah, &CellOf<CellPack>::capacity, nullptr, 1},
    {"energy_Wh", "Wh", &EndOfLine::energy_Wh, &CellOf<CellPack>::energy, nullptr, 1},
    {"internal_resistance_mOhm", "mOhm", &EndOfLine::internal_resistance_mOhm, &CellOf<CellPack>::resistance, nullptr,
     1e3},
    {"self_discharge_mV_per_day", "mV/day", &EndOfLine::self_discharge_mV_per_day, &CellOf<CellPack>::self_discharge,
     nullptr, 1e3 * 86'400},
    {"first_cycle_efficiency", "1", &EndOfLine::first_cycle_efficiency, &CellOf<CellPack>::sei_efficiency, nullptr, 1},
    {"np_ratio", "1", &EndOfLine::np_ratio, &CellOf<CellPack>::np_ratio, nullptr, 1},
    {"electrolyte_g_per_Ah", "g/Ah", &EndOfLine::electrolyte_g_per_Ah, &CellOf<CellPack>::electrolyte_mass,
     &CellOf<CellPack>::capacity, 1e3},
    {"mass_g", "g", &EndOfLine::mass_g, &CellOf<CellPack>::mass, nullptr, 1e3},
}};

/// The figures of a `reference` product that has left the last machine: its capacity, the others are unknown.
[[nodiscard]] EndOfLine reference_end_of_line(const Product& product);

}  // namespace battery_twin::process
