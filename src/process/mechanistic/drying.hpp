#pragma once

#include "battery_twin/process/drying.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// The air that dries and what it takes. SI units.
struct DryerAir {
  double temperature = 373.15;  ///< K
  double heat_transfer = 50;    ///< α at each face, W/(m² K)
  double vapour_pressure = 0;   ///< of the solvent in the air, Pa
};

/// Pressure of saturated solvent vapour, Pa. Water: Antoine's equation with the constants of Dortmund Data Bank;
/// NMP: Clausius–Clapeyron through its boiling point of 475.15 K with 50.5 kJ/mol (36 Pa at 20 °C).
[[maybe_unused]] double saturation_pressure(Line line, double temperature) {
  if (line == Line::cathode) return kAtmosphere * std::exp(-50.5e3 / kGasConstant * (1 / temperature - 1 / 475.15));
  return 133.322368 * std::pow(10, 8.07131 - 1730.63 / (233.426 + temperature - kZeroCelsius));
}

/// Heat that a kilogram of solvent takes to evaporate, J/kg.
[[maybe_unused]] double heat_of_evaporation(Line line) { return line == Line::cathode ? 0.53e6 : 2.35e6; }

struct Evaporation {
  double rate;              ///< kg/(m² s)
  double film_temperature;  ///< K
};

/// Evaporation of a wet film with α = 50 W/(m² K) at each face [K]: Stefan's flux j = β(M p/RT_m)·ln[(p − p_∞)/(p −
/// p_sat(T_f))] with β from Lewis' analogy, β = α/(ρ c_p Le^(2/3)), and the film as warm as the heat balance 2α(T_a −
/// T_f) = j·ΔH makes it.
[[maybe_unused]] Evaporation evaporation(Line line, const DryerAir& air) {
  constexpr double kHeatCapacity = 1007;  // of air, J/(kg K)
  constexpr double kMolarMass = 0.02896;  // of air, kg/mol
  const double lewis = line == Line::cathode ? 2.9 : 0.87;
  // The mean temperature cancels between β's air density and the gas law.
  const double scale =
      air.heat_transfer * materials(line).solvent_molar_mass / (kMolarMass * kHeatCapacity * std::cbrt(lewis * lewis));
  const auto flux = [&](double film) {
    const double partial = std::min(saturation_pressure(line, film), 0.999 * kAtmosphere);
    return scale * std::log((kAtmosphere - air.vapour_pressure) / (kAtmosphere - partial));
  };
  double low = 200, high = air.temperature;
  for (int i = 0; i < 60; ++i) {
    const double film = (low + high) / 2;
    const bool too_warm = flux(film) * heat_of_evaporation(line) > 2 * air.heat_transfer * (air.temperature - film);
    (too_warm ? high : low) = film;
  }
  return {.rate = std::max(flux(low), 0.0), .film_temperature = low};
}

/// Convective drying. While the surface is wet the solvent leaves at the constant rate j; below X_c = .3 X0 the rate
/// falls with what is left, dX/dt = −j·X/X_c (Susarla, Ahmed & Dees, J. Power Sources 378, 2018, 660: most of the
/// solvent leaves in less than half of the time). The film shrinks until its solids touch, then the pores empty. Fast
/// drying carries binder to the surface: adhesion F0(w_b/.03)·exp(−j/j_b) (after Jaiser et al., KIT) [K].
template <class L>
class MechanisticDrying {
 public:
  static constexpr double kStep = 1;     // s
  static constexpr double kLength = 10;  // of the dryer, m

  static double steps(const DryingParameters& parameters, const CellDesign& /*design*/) {
    return steps_of(kLength / parameters.web_speed, kStep);
  }

  explicit MechanisticDrying(const Setting<L, DryingParameters>& setting)
      : p_(setting.parameters),
        line_(setting.line),
        evaporation_(of_line(setting.line)),
        residence_(kLength / setting.parameters.web_speed) {
    const WebOf<L>& web = setting.web();
    solids_ = p_.solid_content ? L(*p_.solid_content) : web.solid_content;
    wet_thickness_ = p_.wet_thickness ? L(*p_.wet_thickness) : web.wet_thickness;
    if (p_.wet_thickness || p_.solid_content) {
      loading_ = wet_thickness_ * web.density * solids_;
      coated_solvent_ = wet_thickness_ * web.density * (1.0 - solids_);
    } else {
      loading_ = web.solid_loading;
      coated_solvent_ = web.solvent_loading;
    }
    solvent_ = coated_solvent_;
    solid_density_ = web.solid_density;
    binder_ = web.binder_mass / max(1.0 - web.solvent_mass, L(1e-12));
    area_ = web.length * web.coated_width;
  }

  void step(std::uint32_t /*t*/) { advance(std::min(kStep, residence_ - time_)); }
  void run() { advance(residence_ - time_); }

  void properties(std::span<L> out) const {
    out[0] = wet_thickness_;
    out[1] = thickness();
    out[2] = solvent_;
    out[3] = to_number(cracks());
    out[4] = loading_ / max(loading_ + solvent_, L(1e-12));
    out[5] = L(evaporation_.film_temperature);
    out[6] = rate();
    out[7] = residual();
    out[8] = time_to_dry();
    out[9] = loading_;
    out[10] = porosity();
    out[11] = adhesion();
    out[12] = binder_gradient();
    out[13] = to_number((residual() > 0.01) & (residual() <= 0.05));
    out[14] = to_number(residual() > 0.05);
    out[15] = energy();
  }

  void hand_on(ProductOf<L>& product) const {
    WebOf<L>& web = product.web(line_);
    web.solid_loading = loading_;
    web.solvent_loading = solvent_;
    web.dry_thickness = thickness();
    web.thickness = thickness();
    web.porosity = porosity();
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    if (residual() > 0.01)
      found.push_back(approximately(std::round(1000 * residual()) / 10) + " % of the solvent is left after " +
                      approximately(residence_) + " s in the dryer: the film needs " +
                      approximately(std::ceil(time_to_dry())) + " s");
    if (cracks())
      found.push_back("dry film " + approximately(thickness()) + " m is thicker than the " +
                      approximately(crack_thickness()) + " m at which films crack");
  }

 private:
  static constexpr double kFalling = 0.3;  // share of the solvent at which the rate begins to fall

  // The air is the same for every batch.
  static const Evaporation& of_line(Line line) {
    static const Evaporation water = evaporation(Line::anode, {});
    static const Evaporation nmp = evaporation(Line::cathode, {});
    return line == Line::cathode ? nmp : water;
  }

  // Closed form over `dt` seconds.
  void advance(double dt) {
    if (dt <= 0) return;
    const double rate = evaporation_.rate;
    const L corner = kFalling * coated_solvent_;
    const L constant_time = clamp((solvent_ - corner) / rate, 0.0, dt);
    const L after_constant = solvent_ - rate * constant_time;
    solvent_ = min(solvent_, after_constant * exp(-rate * (dt - constant_time) / max(corner, L(1e-300))));
    time_ += dt;
  }

  [[nodiscard]] L residual() const { return solvent_ / max(coated_solvent_, L(1e-300)); }
  [[nodiscard]] L rate() const { return evaporation_.rate * min(residual() / kFalling, L(1.0)); }
  // A film that has less solvent than the dried one has pores does not swell: its pores are where the solvent was.
  [[nodiscard]] L dried_thickness() const {
    const L packed = loading_ / (solid_density_ * (1.0 - materials(line_).dry_porosity));
    return min(packed, loading_ / solid_density_ + coated_solvent_ / materials(line_).solvent_density);
  }
  [[nodiscard]] L porosity() const {
    return clamp(1.0 - loading_ / (solid_density_ * max(dried_thickness(), L(1e-300))), 0.0, 1.0);
  }
  [[nodiscard]] L thickness() const {
    return max(dried_thickness(), loading_ / solid_density_ + solvent_ / materials(line_).solvent_density);
  }
  [[nodiscard]] L time_to_dry() const {
    constexpr double kDry = 1e-3;  // share of the solvent
    return coated_solvent_ / evaporation_.rate * (1 - kFalling + kFalling * std::log(kFalling / kDry));
  }
  // Critical cracking thickness [K].
  [[nodiscard]] double crack_thickness() const { return line_ == Line::cathode ? 250e-6 : 150e-6; }
  [[nodiscard]] MaskOf<L> cracks() const { return dried_thickness() > crack_thickness(); }
  [[nodiscard]] L adhesion() const {
    constexpr double kAdhesion = 20;      // N/m at 3 % binder, dried slowly [K]
    constexpr double kBinderRate = 2e-3;  // kg/(m² s) [K]
    return kAdhesion * binder_ / 0.03 * std::exp(-evaporation_.rate / kBinderRate);
  }
  // Péclet number of the binder against the falling surface, Pe/(1 + Pe).
  [[nodiscard]] L binder_gradient() const {
    constexpr double kDiffusion = 1e-10;  // m²/s [K]
    const L peclet = evaporation_.rate / materials(line_).solvent_density * wet_thickness_ / kDiffusion;
    return peclet / (1.0 + peclet);
  }
  // Heat of evaporation and of the air: with NMP a quarter of the lower explosive limit (45 g/m³) must not be passed,
  // with water the air leaves half saturated [K]. Per batch, J.
  [[nodiscard]] L energy() const {
    constexpr double kAirHeat = 1.2 * 1007 * 75;                                // J/m³ from 25 to 100 °C
    const double air = line_ == Line::cathode ? 1 / (0.25 * 0.045) : 1 / 0.15;  // m³ per kg of solvent
    return area_ * (coated_solvent_ - solvent_) * (heat_of_evaporation(line_) + air * kAirHeat);
  }

  DryingParameters p_;
  Line line_;
  Evaporation evaporation_;
  double residence_;
  double time_ = 0;
  L solids_{}, wet_thickness_{}, loading_{}, coated_solvent_{}, solvent_{};
  L solid_density_{}, binder_{}, area_{};
};

}  // namespace
}  // namespace battery_twin::process
