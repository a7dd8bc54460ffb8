#pragma once

#include "battery_twin/process/electrolyte_filling.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// Share of the pores that is filled after `time` seconds: two fronts run from the open edges to the middle, each
/// `distance` away, as K√t (Washburn, Phys. Rev. 17, 1921, 273); what is behind them holds trapped gas.
template <class L>
[[nodiscard]] L wetted_share(const L& rate, double time, const L& distance, const L& trapped) {
  return min(rate * std::sqrt(time) / distance, L(1.0)) * (1.0 - trapped);
}

/// Seconds until the fronts meet.
template <class L>
[[nodiscard]] L time_to_wet(const L& rate, const L& distance) {
  return distance / rate * (distance / rate);
}

/// How K changes with viscosity, √(1/μ), relative to 25 °C: Arrhenius' law with 15 kJ/mol [K].
[[maybe_unused]] inline double wetting_at(double temperature) {
  return std::exp(-15e3 / (2 * kGasConstant) * (1 / temperature - 1 / kRoom));
}

/// Filling with electrolyte. The pores of both coatings and the separator, V_p = A·(ε_a h_a + ε_c h_c + ε_s h_s), and
/// the free volume get a dose of the design's factor times V_p, ±0.5 %. Wetting follows `wetted_share` over half the
/// width; K goes with the mean porosity's cube, up to 0.55, ±10 % from cell to cell; gas in the way slows it,
/// K·√(1 − p/2p_atm) with the pressure p while filling (vacuum against ambient: Weydanz et al., J. Power Sources 380,
/// 2018, 126), and 0.1·p/p_atm of the pores stay gas with the pressure p before filling, dissolving in 12 h [K]. K for
/// graphite electrodes: Sheng et al. (Front. Energy Res. 2, 2014, 56) and Wu et al. (J. Appl. Electrochem. 34, 2004).
/// 0.30 mm/√s at a porosity of 0.40, as these suggest, would leave half of a 58 mm wide cell of porosity 0.32 dry after
/// 9400 s; K is calibrated to 0.43 mm/√s at 0.322, so that such a cell is wet with three standard deviations to spare
/// [K].
template <class L>
class MechanisticElectrolyteFilling {
 public:
  static constexpr double kStep = 60;               // s
  static constexpr double kRate = 0.43e-3;          // m/√s at the next, in vacuum [K]
  static constexpr double kRatePorosity = 0.322;    // [K]
  static constexpr double kHighestPorosity = 0.55;  // above, pores are too wide to pull harder [K]
  static constexpr double kGasTime = 12 * 3600;     // s [K]
  static constexpr double kPascalPerMbar = 100;
  static constexpr double kElectrolyteTemperature = kRoom;  // K
  static constexpr double kWet = 0.98;

  static double steps(const ElectrolyteFillingParameters& parameters, const CellDesign& /*design*/) {
    return steps_of(parameters.soaking_time, kStep);
  }

  explicit MechanisticElectrolyteFilling(const Setting<L, ElectrolyteFillingParameters>& setting)
      : p_(setting.parameters), cell_(setting.upstream.cell), steps_(steps(setting.parameters, setting.design)) {
    const CellDesign& design = setting.design;
    const auto [dose, rate] = setting.draws.cell_normals(0);
    const WebOf<L>& anode = setting.upstream.anode;
    const WebOf<L>& cathode = setting.upstream.cathode;
    separator_ = cell_.area * (design.separator_porosity * design.separator_thickness);
    electrodes_ = cell_.area * (anode.porosity * anode.thickness + cathode.porosity * cathode.thickness);
    volume_ = separator_ + electrodes_ + design.free_volume;
    dose_factor_ = design.electrolyte_factor * (1.0 + 0.005 * dose);
    distance_ = max(0.5 * cell_.width, L(1e-6));
    const L porosity = clamp(cell_.porosity, L(0.02), L(kHighestPorosity)) / kRatePorosity;
    // Beyond twice the atmosphere's pressure the law has no meaning: little is left of K.
    const double vacuum = std::sqrt(std::max(1 - 0.5 * pressure(p_.vacuum_filling), 0.02));
    rate_variation_ = max(1.0 + 0.1 * rate, L(0.1));
    rate_ = kRate * vacuum * wetting_at(kElectrolyteTemperature) * (porosity * porosity * porosity) * rate_variation_;
    soak(0);
  }

  void step(std::uint32_t t) { soak(t + 1 < steps_ ? (t + 1.0) * kStep : p_.soaking_time); }
  void run() { soak(p_.soaking_time); }

  void properties(std::span<L> out) const {
    out[0] = cell_.thickness;
    out[1] = cell_.porosity;
    out[2] = cell_.width;
    out[3] = cell_.epsilon_width;
    out[4] = cell_.wound_length;
    out[5] = separator_;
    out[6] = electrodes_;
    out[7] = volume_;
    out[8] = wetting_;
    out[9] = wetting_ * volume_;
    out[10] = to_number(wetting_ < 0.8);
    out[11] = dose_factor_ * volume_;
    out[12] = kElectrolyteDensity * dose_factor_ * volume_;
    out[13] = rate_;
    out[14] = time_to_wet(rate_, distance_);
    out[15] = L(trapped_);
    out[16] = to_number(wetting_ < kWet);
    out[17] = dose_factor_;
    out[18] = rate_variation_;
    out[19] = L(energy());
  }

  void hand_on(ProductOf<L>& product) const {
    product.cell.wetting = wetting_;
    product.cell.electrolyte_volume = dose_factor_ * volume_;
    product.cell.electrolyte_mass = kElectrolyteDensity * dose_factor_ * volume_;
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    const double needed = time_to_wet(rate_, distance_);
    if (p_.soaking_time < needed)
      found.push_back("soaking for " + approximately(p_.soaking_time) + " s is shorter than the " +
                      approximately(needed) + " s that wetting takes: formation must wait");
    if (dose_factor_ < 1)
      found.push_back("the dose of " + approximately(dose_factor_ * volume_) + " m3 is less than the pores' " +
                      approximately(volume_) + " m3");
    if (wetting_ < kWet)
      found.push_back("only " + approximately(wetting_) + " of the pores are filled: less than " + approximately(kWet));
  }

 private:
  // Relative to the atmosphere's.
  [[nodiscard]] static double pressure(double mbar) { return mbar * kPascalPerMbar / kAtmosphere; }

  void soak(double time) {
    time_ = time;
    trapped_ = std::min(0.1 * pressure(p_.vacuum_level), 0.9) * std::exp(-time / kGasTime);
    wetting_ = min(wetted_share(rate_, time, distance_, L(trapped_)), dose_factor_);
  }

  // A litre of chamber per cell, emptied to the lower pressure by a pump that is 10 % efficient, isothermally, and half
  // a watt that holds it [K]; J
  [[nodiscard]] double energy() const {
    const double lowest = std::min(pressure(std::min(p_.vacuum_level, p_.vacuum_filling)), 1.0);
    return kAtmosphere * 1e-3 / 0.1 * -log(lowest) + 0.5 * time_;
  }

  ElectrolyteFillingParameters p_;
  CellOf<L> cell_;
  double steps_;
  L separator_{}, electrodes_{}, volume_{}, dose_factor_{}, distance_{};
  L rate_variation_{}, rate_{}, wetting_{};
  double time_ = 0, trapped_ = 0;
};

}  // namespace
}  // namespace battery_twin::process
