#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "battery_twin/process/field.hpp"

namespace battery_twin::process {

/// What the plant builds: all that no machine sets. Used by `mechanistic` only. Each coated face counts once:
/// `electrode_length` × the slit width is the area of one face that meets the other electrode.
struct CellDesign {
  std::string name;
  double electrode_length = 0;     ///< m, both faces of the foil added
  double coated_length = 0;        ///< m of web coated per batch, one face
  double slurry_volume = 0;        ///< mixed per batch and electrode, m³
  double faces = 0;                ///< coated faces of a foil: 1 or 2
  double anode_foil = 0;           ///< copper, m
  double cathode_foil = 0;         ///< aluminium, m
  double separator_thickness = 0;  ///< m
  double separator_porosity = 0;   ///< 0–1
  double anode_overhang = 0;       ///< what the anode is wider at each edge, m
  double core_diameter = 0;        ///< of the winding mandrel, m
  double can_diameter = 0;         ///< inner, m; 0: a pouch, which has none
  double free_volume = 0;          ///< beside the pores, m³
  double electrolyte_factor = 0;   ///< electrolyte over pore volume
  double tab_resistance = 0;       ///< Ohm
  double housing_mass = 0;         ///< can or pouch, tabs, kg
  double nominal_capacity = 0;     ///< Ah
  double aging_charge = 0;         ///< state of charge it is stored at, 0–1
};

/// The table of its numbers: names in design files, units and ranges. Defaults are those of the first preset.
[[nodiscard]] std::span<const FieldInfo> cell_design_fields();
[[nodiscard]] double& cell_design_value(CellDesign& design, std::size_t field);

/// "pouch_5Ah" (the default) and "18650_2p6Ah".
[[nodiscard]] std::span<const CellDesign> cell_designs();

}  // namespace battery_twin::process
