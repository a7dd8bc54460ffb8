#pragma once

#include "battery_twin/process/formation_cycling.hpp"
#include "formation_kernel.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// Formation: one CC-CV charge and one discharge of the wetted cell with a growing SEI (formation_kernel.hpp), at 25
/// °C.
///
/// - Charge that the electrodes can hold: mass of active material × 350 Ah/kg graphite, 200 Ah/kg NMC622.
/// - Resistance: pores R_ion = [h_a N_a/3 + h_c N_c/3]/(κA) with the MacMullin numbers N = ε^−a and the separator
///   h_s/(κ ε_s^1.5 A); charge transfer RT/(F A)·Σ 1/(a_s h i0) with a_s = 3·.6/5 µm and i0 1.5 A/m² on graphite and
///   3 A/m² on NMC [K]; SEI 2e5 Ω·m (O'Kane et al. 2022) × thickness over A·a_s·h_a; tabs. Dry area conducts nothing.
/// - Growth area of the SEI: 3 m²/g BET [K]. It grows faster where less of the graphite is wet.
template <class L>
class MechanisticFormationCycling {
 public:
  static constexpr double kStep = 60;  // s

  static double steps(const FormationCyclingParameters& parameters, const CellDesign& /*design*/) {
    return steps_of(parameters.formation_duration_s, kStep);
  }

  explicit MechanisticFormationCycling(const Setting<L, FormationCyclingParameters>& setting)
      : p_(setting.parameters),
        nominal_capacity_(setting.design.nominal_capacity),
        cell_(setting.upstream.cell),
        formation_(built(setting), {.current = setting.parameters.charge_current_A,
                                    .voltage_limit = setting.parameters.charge_voltage_limit_V,
                                    .initial_voltage = setting.parameters.initial_voltage,
                                    .duration = setting.parameters.formation_duration_s}) {}

  void step(std::uint32_t /*t*/) { formation_.advance(kStep); }
  void run() { formation_.run(); }
  [[nodiscard]] MaskOf<L> finished() const { return formation_.finished(); }

  void properties(std::span<L> out) const {
    out[0] = formation_.voltage();
    out[1] = formation_.charge_out();
    out[2] = formation_.efficiency();
    out[3] = cell_.wetting;
    out[4] = cell_.electrolyte_volume;
    out[5] = formation_.current();
    out[6] = formation_.charge_in();
    out[7] = formation_.energy_in();
    out[8] = formation_.energy_out();
    out[9] = formation_.sei_thickness();
    out[10] = formation_.sei_charge();
    out[11] = resistance();
    out[12] = anode_capacity_;
    out[13] = cathode_capacity_;
    out[14] = np_ratio();
    out[15] = formation_.plating_margin();
    out[16] = to_number(formation_.finished() & !formation_.complete());
    out[17] = to_number((formation_.plating_margin() < 0.0) | is_full());
    out[18] = to_number(formation_.complete() & (formation_.charge_out() < kLeastCapacity * nominal_capacity_));
    // The cycler's losses both ways, with what it feeds back [K].
    constexpr double kCyclerEfficiency = 0.92;
    out[19] = 3600.0 * (formation_.energy_in() / kCyclerEfficiency - kCyclerEfficiency * formation_.energy_out());
  }

  void hand_on(ProductOf<L>& product) const {
    CellOf<L>& cell = product.cell;
    cell.anode_capacity = anode_capacity_;
    cell.cathode_capacity = cathode_capacity_;
    cell.np_ratio = np_ratio();
    cell.capacity = formation_.charge_out();
    cell.energy = formation_.energy_out();
    cell.sei_efficiency = formation_.efficiency();
    cell.sei_thickness = formation_.sei_thickness();
    cell.sei_charge = formation_.sei_charge();
    cell.resistance = resistance();
    cell.anode_full = formation_.charged_anode();
    cell.cathode_full = formation_.charged_cathode();
    cell.anode_empty = formation_.anode();
    cell.cathode_empty = formation_.cathode();
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    if (!formation_.complete())
      found.push_back("formation did not end within formation_duration_s " + approximately(p_.formation_duration_s) +
                      " s");
    if (formation_.complete() && formation_.charge_out() < kLeastCapacity * nominal_capacity_)
      found.push_back("capacity " + approximately(formation_.charge_out()) + " Ah of a cell of nominally " +
                      approximately(nominal_capacity_) + " Ah");
    if (formation_.charged_cathode() < 1e-6)
      found.push_back("the cathode is empty before charge_voltage_limit_V " + approximately(p_.charge_voltage_limit_V) +
                      " V: a higher limit charges no more");
    if (formation_.plating_margin() < 0)
      found.push_back("the graphite goes down to " + approximately(formation_.plating_margin()) +
                      " V against lithium: lithium may plate");
    else if (is_full())
      found.push_back("the graphite is full before the charge is over: lithium may plate");
    if (np_ratio() < 1.03 || np_ratio() > 1.20)
      found.push_back("anode to cathode capacity " + approximately(np_ratio()) + " is unusual: usually 1.03 to 1.20");
  }

 private:
  static constexpr double kLeastCapacity = 0.95;  // of the nominal one, below it the cell is scrap [K]

  [[nodiscard]] L resistance() const { return base_resistance_ + sei_resistance_ * formation_.sei_thickness(); }
  // There the balance ends the charge; a charger that knows the voltage only goes on, and lithium plates.
  [[nodiscard]] MaskOf<L> is_full() const { return formation_.charged_anode() > 1 - 1e-6; }
  // 175 of the cathode's 200 Ah/kg are used between 2.8 and 4.2 V.
  [[nodiscard]] L np_ratio() const { return anode_capacity_ / max(0.875 * cathode_capacity_, L(1e-12)); }

  [[nodiscard]] FormationCell<L> built(const Setting<L, FormationCyclingParameters>& setting) {
    constexpr double kSurface = 3 * 0.6 / 5e-6;                   // a_s, m²/m³ [K]
    constexpr double kThermal = kGasConstant * kRoom / kFaraday;  // RT/F, V
    constexpr double kBet = 3000;                                 // m²/kg [K]
    constexpr double kSeiResistivity = 2e5;                       // Ω·m
    const CellDesign& design = setting.design;
    const WebOf<L>& anode = setting.upstream.anode;
    const WebOf<L>& cathode = setting.upstream.cathode;
    const CellOf<L>& cell = setting.upstream.cell;

    const L area = cell.area * cell.wetting;
    const auto active = [&](const WebOf<L>& web) {
      return area * web.solid_loading * web.active_mass / max(1.0 - web.solvent_mass, L(1e-12));
    };
    const L graphite = active(anode);
    anode_capacity_ = graphite * kGraphite.specific_capacity;
    cathode_capacity_ = active(cathode) * kNmc622.specific_capacity;

    const L conducting = max(area, L(1e-12));
    const auto pores = [](const WebOf<L>& web, const Materials& material) {
      return web.thickness * pow(clamp(web.porosity, 0.02, 0.98), -material.tortuosity_exponent) *
             (1 / (3 * kElectrolyteConductivity));
    };
    const auto transfer = [](const WebOf<L>& web, double exchange) {
      return kThermal / (kSurface * max(web.thickness, L(1e-9)) * exchange);
    };
    const double separator =
        design.separator_thickness / (kElectrolyteConductivity * std::pow(design.separator_porosity, 1.5));
    const L in_anode = (pores(anode, kGraphite) + transfer(anode, 1.5)) / conducting;
    base_resistance_ =
        in_anode + (pores(cathode, kNmc622) + transfer(cathode, 3.0) + separator) / conducting + design.tab_resistance;
    sei_resistance_ = kSeiResistivity / (conducting * kSurface * max(anode.thickness, L(1e-9)));
    return {.anode_capacity = anode_capacity_,
            .cathode_capacity = cathode_capacity_,
            .sei_area = kBet * graphite,
            .resistance = base_resistance_,
            .sei_resistance = sei_resistance_,
            .anode_resistance = in_anode};
  }

  FormationCyclingParameters p_;
  double nominal_capacity_;
  CellOf<L> cell_;
  L anode_capacity_{}, cathode_capacity_{}, base_resistance_{}, sei_resistance_{};
  Formation<L> formation_;  // last: it is made from the members before
};

}  // namespace
}  // namespace battery_twin::process
