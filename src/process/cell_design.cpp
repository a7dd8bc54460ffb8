#include "battery_twin/process/cell_design.hpp"

#include <algorithm>
#include <variant>
#include <vector>

namespace battery_twin::process {
namespace {

constexpr std::array<Field<CellDesign>, 17> kFields{{
    {.name = "electrode_length",
     .member = &CellDesign::electrode_length,
     .unit = "m",
     .description = "Length of an electrode, both faces of the foil added",
     .reference = 2.666,
     .hard = between(1e-3, 1000)},
    {.name = "coated_length",
     .member = &CellDesign::coated_length,
     .unit = "m",
     .description = "Web that is coated per batch, one face",
     .reference = 100.0,
     .hard = between(1e-3, 10'000)},
    {.name = "slurry_volume",
     .member = &CellDesign::slurry_volume,
     .unit = "m3",
     .description = "Slurry that is mixed per batch and electrode",
     .reference = 8.4e-3,
     .hard = between(1e-9, 100)},
    {.name = "faces",
     .member = &CellDesign::faces,
     .unit = "1",
     .description = "Coated faces of a foil",
     .reference = 2.0,
     .hard = between(1, 2)},
    {.name = "anode_foil",
     .member = &CellDesign::anode_foil,
     .unit = "m",
     .description = "Thickness of the copper foil",
     .reference = 10e-6,
     .hard = between(1e-9, 0.001)},
    {.name = "cathode_foil",
     .member = &CellDesign::cathode_foil,
     .unit = "m",
     .description = "Thickness of the aluminium foil",
     .reference = 15e-6,
     .hard = between(1e-9, 0.001)},
    {.name = "separator_thickness",
     .member = &CellDesign::separator_thickness,
     .unit = "m",
     .description = "Thickness of the separator",
     .reference = 16e-6,
     .hard = between(1e-9, 0.001)},
    {.name = "separator_porosity",
     .member = &CellDesign::separator_porosity,
     .unit = "1",
     .description = "Porosity of the separator",
     .reference = 0.45,
     .hard = between(0.1, 0.9)},
    {.name = "anode_overhang",
     .member = &CellDesign::anode_overhang,
     .unit = "m",
     .description = "What the anode is wider than the cathode at each edge",
     .reference = 0.75e-3,
     .hard = between(0, 0.01)},
    {.name = "core_diameter",
     .member = &CellDesign::core_diameter,
     .unit = "m",
     .description = "Diameter of the winding mandrel",
     .reference = 0.03,
     .hard = between(1e-6, 1)},
    {.name = "can_diameter",
     .member = &CellDesign::can_diameter,
     .unit = "m",
     .description = "Inner diameter of the can; 0: a pouch",
     .reference = 0.0,
     .hard = between(0, 1)},
    {.name = "free_volume",
     .member = &CellDesign::free_volume,
     .unit = "m3",
     .description = "Volume to be filled beside the pores",
     .reference = 0.0,
     .hard = between(0, 1)},
    {.name = "electrolyte_factor",
     .member = &CellDesign::electrolyte_factor,
     .unit = "1",
     .description = "Electrolyte over the volume to be filled",
     .reference = 1.2,
     .hard = between(0.1, 10)},
    {.name = "tab_resistance",
     .member = &CellDesign::tab_resistance,
     .unit = "Ohm",
     .description = "Resistance of tabs and foils",
     .reference = 8e-3,
     .hard = between(0, 10)},
    {.name = "housing_mass",
     .member = &CellDesign::housing_mass,
     .unit = "kg",
     .description = "Mass of pouch or can and tabs",
     .reference = 6e-3,
     .hard = between(0, 100)},
    {.name = "nominal_capacity",
     .member = &CellDesign::nominal_capacity,
     .unit = "Ah",
     .description = "Capacity that the cell is sold with",
     .reference = 5.0,
     .hard = between(1e-6, 10'000)},
    {.name = "aging_charge",
     .member = &CellDesign::aging_charge,
     .unit = "1",
     .description = "State of charge at which the cell is stored",
     .reference = 0.5,
     .hard = between(0.01, 1)},
}};

CellDesign pouch() {
  CellDesign design{.name = "pouch_5Ah"};
  for (const Field<CellDesign>& field : kFields)
    design.*std::get<double CellDesign::*>(field.member) = *field.reference.anode;
  return design;
}

// The jelly roll of an 18650: 0.70 m of foil on a 2 mm mandrel; can and lid weigh about 11 g, tabs are thin.
CellDesign round_cell() {
  CellDesign design = pouch();
  design.name = "18650_2p6Ah";
  design.electrode_length = 1.40;
  design.core_diameter = 2e-3;
  design.can_diameter = 17.5e-3;
  design.tab_resistance = 20e-3;
  design.housing_mass = 11e-3;
  design.nominal_capacity = 2.6;
  return design;
}

}  // namespace

std::span<const FieldInfo> cell_design_fields() {
  static const std::vector<FieldInfo> fields = [] {
    std::vector<FieldInfo> infos;
    for (const Field<CellDesign>& field : kFields) infos.push_back(field.info());
    return infos;
  }();
  return fields;
}

double& cell_design_value(CellDesign& design, std::size_t field) {
  return design.*std::get<double CellDesign::*>(kFields.at(field).member);
}

std::span<const CellDesign> cell_designs() {
  static const std::array designs{pouch(), round_cell()};
  return designs;
}

}  // namespace battery_twin::process
