#pragma once

#include <cstddef>
#include <type_traits>

#include "battery_twin/process/block.hpp"
#include "battery_twin/process/line.hpp"

namespace battery_twin::process {

/// One electrode on its way down its line. Every machine reads what the one before handed on and writes what it
/// changed; values are the unrounded state of the last step run. SI units unless said. Each model set uses the part
/// that it knows. L is double, or a type that holds several cells side by side; every member is an L.
template <class L>
struct WebOf {
  // Both model sets.
  L viscosity{};      ///< of the slurry, Pa·s; mechanistic: at 100 1/s
  L wet_thickness{};  ///< of the coated film, m
  L solid_content{};  ///< solids in the wet film, 0–1: by volume in reference, by mass in mechanistic
  L dry_thickness{};  ///< of the dried film, m
  L porosity{};       ///< of the coating, 0–1; reference: after calendering only
  L width{};          ///< after slitting, m
  L epsilon_width{};  ///< deviation from the target width, m

  // Reference only: mixing writes the volumes, which coating reads, slitting the burr factor for inspection.
  L am_volume{};       ///< active material in the slurry, L
  L ca_volume{};       ///< conductive additive, L
  L pvdf_volume{};     ///< binder, L
  L solvent_volume{};  ///< L
  L burr_factor{};     ///< dimensionless

  // Mechanistic: the slurry. Mixing writes all of it, coating reads the flow (yield stress, consistency,
  // agglomerates); the mass fractions are read as far down as formation.
  L density{};        ///< of the slurry, kg/m³
  L active_mass{};    ///< mass fraction of the slurry, 0–1
  L binder_mass{};    ///< mass fraction
  L solvent_mass{};   ///< mass fraction
  L solid_density{};  ///< of the solids without pores, kg/m³
  L yield_stress{};   ///< Pa
  L consistency{};    ///< Herschel–Bulkley K, Pa·s^n
  L agglomerates{};   ///< carbon that is not yet dispersed, 0–1

  // Mechanistic: the web. From coating on, each machine writes anew what it changes; see the members where not.
  L length{};             ///< coated, m
  L coated_width{};       ///< m
  L solid_loading{};      ///< dry mass per area of one face, kg/m²
  L solvent_loading{};    ///< solvent left, kg/m²
  L loading_deviation{};  ///< relative standard deviation of the loading from cell to cell; by coating, for calendering
  L thickness{};          ///< of one face's coating, m
  L defect_density{};     ///< coating defects, 1/m²
  L burr_height{};        ///< m
  L strips{};             ///< electrodes cut from the web; by slitting, for `Population`
  L escapes{};            ///< defects that inspection did not see; aging makes short circuits of them
  L target_thickness{};   ///< of the calendered coating, m; by calendering, for inspection
};

/// The cell from winding on.
template <class L>
struct CellOf {
  // Both model sets. Rewinding writes the stack, filling the electrolyte, formation the charge.
  L thickness{};           ///< of the wound stack, m
  L porosity{};            ///< mean over the stack, 0–1; reference: of the two electrodes
  L width{};               ///< m
  L epsilon_width{};       ///< difference of the electrodes' widths, m
  L wound_length{};        ///< m
  L wetting{};             ///< share of the pores that is filled, 0–1
  L electrolyte_volume{};  ///< m³
  L sei_efficiency{};      ///< 0–1; mechanistic: efficiency of the first cycle
  L capacity{};            ///< Ah; mechanistic: first discharge

  // Mechanistic. Formation writes the electrodes' state; aging reads it and writes capacity, energy and resistance
  // anew.
  L area{};                  ///< faces that meet each other, m²
  L moisture{};              ///< water taken up, mass fraction; by rewinding, for aging
  L overhang{};              ///< of the anode over the cathode at the worse edge, m
  L anode_capacity{};        ///< of all the graphite, Ah
  L cathode_capacity{};      ///< of all the active material, Ah, on the scale of its stoichiometry
  L sei_thickness{};         ///< m
  L sei_charge{};            ///< lithium bound in the SEI, Ah
  L anode_full{};            ///< stoichiometry of the graphite at the end of charging
  L anode_empty{};           ///< after the discharge
  L cathode_full{};          ///< stoichiometry of the cathode at the end of charging
  L cathode_empty{};         ///< after the discharge
  L resistance{};            ///< Ohm
  L energy{};                ///< of the first discharge, Wh
  L self_discharge{};        ///< V/s
  L electrolyte_mass{};      ///< kg; aging computes it anew from electrolyte_volume and reads no earlier one
  L mass{};                  ///< kg
  L np_ratio{};              ///< anode over cathode capacity
  L open_circuit_voltage{};  ///< V, at the end of aging
};

/// All that a batch is at a point of its way through the plant.
template <class L>
struct ProductOf {
  WebOf<L> anode;
  WebOf<L> cathode;
  CellOf<L> cell;

  [[nodiscard]] const WebOf<L>& web(Line line) const { return line == Line::cathode ? cathode : anode; }
  [[nodiscard]] WebOf<L>& web(Line line) { return line == Line::cathode ? cathode : anode; }
};

using Web = WebOf<double>;
using Cell = CellOf<double>;
using Product = ProductOf<double>;
using ProductBlock = ProductOf<CellPack>;

/// One cell out of a block.
[[nodiscard]] Product cell_of(const ProductBlock& block, std::size_t lane);
void set_cell(ProductBlock& block, std::size_t lane, const Product& product);

}  // namespace battery_twin::process
