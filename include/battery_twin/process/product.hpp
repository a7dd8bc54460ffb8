#pragma once

#include "battery_twin/process/line.hpp"

namespace battery_twin::process {

/// One electrode on its way down its line. Every machine reads what the one before handed on and writes what it
/// changed; values are the unrounded state of the last step run. Lengths in m unless said.
struct Web {
  double am_volume = 0;       ///< active material in the slurry, L
  double ca_volume = 0;       ///< conductive additive, L
  double pvdf_volume = 0;     ///< binder, L
  double solvent_volume = 0;  ///< L
  double viscosity = 0;       ///< of the slurry, Pa·s
  double wet_thickness = 0;   ///< of the coated film
  double solid_content = 0;   ///< solids by volume in the wet film, 0–1
  double dry_thickness = 0;   ///< of the dried film
  double porosity = 0;        ///< after calendering, 0–1
  double width = 0;           ///< after slitting
  double epsilon_width = 0;   ///< deviation from the target width
  double burr_factor = 0;     ///< dimensionless
};

/// The cell from winding on.
struct Cell {
  double thickness = 0;           ///< of the wound stack, m
  double porosity = 0;            ///< mean of the two electrodes, 0–1
  double width = 0;               ///< m
  double epsilon_width = 0;       ///< difference of the electrodes' widths, m
  double wound_length = 0;        ///< m
  double wetting = 0;             ///< share of the pores that is filled, 0–1
  double electrolyte_volume = 0;  ///< m³
  double sei_efficiency = 0;      ///< 0–1
  double capacity = 0;            ///< Ah
};

/// All that a batch is at a point of its way through the plant.
struct Product {
  Web anode;
  Web cathode;
  Cell cell;

  [[nodiscard]] const Web& web(Line line) const { return line == Line::cathode ? cathode : anode; }
  [[nodiscard]] Web& web(Line line) { return line == Line::cathode ? cathode : anode; }
};

}  // namespace battery_twin::process
