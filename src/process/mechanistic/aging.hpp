#pragma once

#include "battery_twin/process/aging.hpp"
#include "materials.hpp"
#include "model.hpp"
#include "open_circuit.hpp"

namespace battery_twin::process {
namespace {

/// Aging: the cell rests at a state of charge and loses some.
///
/// - Self-discharge: i0·Q·exp[38.5 kJ/mol/R·(1/298.15 K − 1/T)]·(1 + 1.33(SOC − .2)/.8) with i0 1.8 µA/Ah, after
///   measurements of Zilberman (2019) [K]; water above 100 ppm adds a share per 1000 ppm [K]; k_leak·SOC.
/// - Micro-short: a resistance, lognormal, 95 % of them between 1 kΩ and 1 MΩ, in a cell with probability
///   1 − exp(−.01 per undetected defect − .05 per burr above 10 µm) [K].
/// - OCV from the stoichiometries between the discharged and the charged state of formation, linear in SOC.
/// - Calendar aging: Schmalstieg, Käbitz, Ecker & Sauer (J. Power Sources 257, 2014, 325): capacity 1 − α t^.75,
/// resistance
///   1 + α_R t^.75, t in days.
template <class L>
class MechanisticAging {
 public:
  static constexpr double kStep = 3600;    // s
  static constexpr double kDay = 86'400;   // s
  static constexpr double kReject = 2e-3;  // V per day, as the industry's limit [K]

  static double steps(const AgingParameters& parameters, const CellDesign& /*design*/) {
    return steps_of(parameters.aging_time_days * kDay, kStep);
  }

  explicit MechanisticAging(const Setting<L, AgingParameters>& setting)
      : p_(setting.parameters),
        cell_(setting.upstream.cell),
        duration_(setting.parameters.aging_time_days * kDay),
        charge_(setting.design.aging_charge),
        initial_charge_(setting.design.aging_charge) {
    const WebOf<L>& anode = setting.upstream.anode;
    const WebOf<L>& cathode = setting.upstream.cathode;
    constexpr double kBurrLimit = 10e-6;  // m
    const L burrs = to_number(anode.burr_height > kBurrLimit) + to_number(cathode.burr_height > kBurrLimit);
    const L probability = 1.0 - exp(-0.01 * (anode.escapes + cathode.escapes) - 0.05 * burrs);
    // The nominal cell has no short: its draw is ½.
    shorted_ = setting.draws.cell_uniform(0) < probability;
    const auto [spread, unused] = setting.draws.cell_normals(1);
    short_resistance_ = exp(std::log(std::sqrt(1e3 * 1e6)) + 0.25 * std::log(1e6 / 1e3) * spread);

    const CellDesign& design = setting.design;
    const L face = cell_.area;
    electrolyte_mass_ = cell_.electrolyte_volume * kElectrolyteDensity;
    mass_ = face * (anode.solid_loading + cathode.solid_loading) +
            face / design.faces * (design.anode_foil * kCopperDensity + design.cathode_foil * kAluminiumDensity) +
            face * design.separator_thickness * (1 - design.separator_porosity) * kSeparatorDensity +
            electrolyte_mass_ + design.housing_mass;
    look();
  }

  void step(std::uint32_t /*t*/) { advance(std::min(kStep, duration_ - time_)); }

  void run() {
    // Only a short makes the voltage matter; then some steps do.
    const double parts = std::clamp(std::ceil(p_.aging_time_days / 2), 4.0, 64.0);
    for (int i = 0; i < static_cast<int>(parts); ++i) advance(duration_ / parts);
  }

  void properties(std::span<L> out) const {
    const L per_day = voltage_loss() * kDay;
    out[0] = charge_;
    out[1] = L(initial_charge_);
    out[2] = ocv_ + 5e-3 * std::exp(-time_ / kDay);
    out[3] = leak_;
    out[4] = to_number(per_day > 0.5 * kReject);
    out[5] = 1e3 * per_day;
    out[6] = 1e3 * per_day / 24.0;
    out[7] = capacity();
    out[8] = resistance();
    out[9] = capacity_loss();
    out[10] = to_number(shorted_);
    out[11] = to_number(per_day > kReject);
    out[12] = L(0.05 * time_);  // the store's climate, 50 mW per cell [K]
  }

  void hand_on(ProductOf<L>& product) const {
    CellOf<L>& cell = product.cell;
    cell.capacity = capacity();
    cell.energy = cell_.energy * (1.0 - capacity_loss());
    cell.resistance = resistance();
    cell.self_discharge = voltage_loss();
    cell.open_circuit_voltage = ocv_;
    cell.electrolyte_mass = electrolyte_mass_;
    cell.mass = mass_;
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    if (voltage_loss() * kDay > kReject)
      found.push_back("the voltage falls by " + approximately(1e3 * kDay * voltage_loss()) + " mV a day: more than " +
                      approximately(1e3 * kReject) + " mV is rejected");
  }

 private:
  // dSOC/dt = −(a + b·SOC) without the short, 1/s.
  struct Rates {
    L constant, proportional;
  };
  [[nodiscard]] Rates rates() const {
    constexpr double kCurrent = 1.8e-6;  // A/Ah
    const L wet = 1.0 + max(cell_.moisture - 100e-6, L(0.0)) / 1e-3;
    const L scale = kCurrent / 3600 * std::exp(38.5e3 / kGasConstant * (1 / kRoom - 1 / p_.temperature)) * wet;
    return {.constant = scale * (1 - 1.33 * 0.2 / 0.8), .proportional = scale * (1.33 / 0.8) + p_.k_leak};
  }

  [[nodiscard]] L short_rate(const L& voltage) const {
    return select(shorted_ & (cell_.capacity > 1e-9),
                  voltage / short_resistance_ / (3600.0 * max(cell_.capacity, L(1e-9))), L(0.0));
  }

  // Exact for constant rates; the short by the voltage at the middle of the step.
  void advance(double dt) {
    if (dt <= 0) return;
    const L middle = after(dt / 2, short_rate(ocv_));
    charge_ = after(dt, short_rate(ocv_at(middle).value));
    time_ += dt;
    look();
  }

  [[nodiscard]] L after(double dt, const L& shorted) const {
    const Rates r = rates();
    const L z = r.proportional * dt;
    // (1 − e^−z)/z without cancellation
    const L mean = select(z < 1e-3, 1.0 - z / 2.0 * (1.0 - z / 3.0), (1.0 - exp(-z)) / max(z, L(1e-300)));
    return max(charge_ * exp(-z) - (r.constant + shorted) * dt * mean, L(0.0));
  }

  struct Potential {
    L value;  // V
    L slope;  // V per unit of SOC
  };
  [[nodiscard]] Potential ocv_at(const L& charge) const {
    const L anode = cell_.anode_empty + charge * (cell_.anode_full - cell_.anode_empty);
    const L cathode = cell_.cathode_empty + charge * (cell_.cathode_full - cell_.cathode_empty);
    const auto graphite = open_circuit_tables().graphite(anode);
    const auto nmc = open_circuit_tables().nmc(cathode);
    return {.value = nmc.value - graphite.value,
            .slope = nmc.derivative * (cell_.cathode_full - cell_.cathode_empty) -
                     graphite.derivative * (cell_.anode_full - cell_.anode_empty)};
  }

  // V/s
  [[nodiscard]] L voltage_loss() const {
    const Rates r = rates();
    return slope_ * select(charge_ > 0.0, r.constant + r.proportional * charge_ + short_rate(ocv_), L(0.0));
  }

  [[nodiscard]] L aged(double per_volt, double offset, double factor, double temperature) const {
    return max((per_volt * ocv_ - offset) * factor, L(0.0)) * std::exp(-temperature / p_.temperature) *
           std::pow(time_ / kDay, 0.75);
  }
  [[nodiscard]] L capacity_loss() const { return min(aged(7.543, 23.75, 1e6, 6976), L(1.0)); }
  [[nodiscard]] L capacity() const { return cell_.capacity * (1.0 - capacity_loss()); }
  [[nodiscard]] L resistance() const { return cell_.resistance * (1.0 + min(aged(5.270, 16.32, 1e5, 5986), L(1e3))); }

  void look() {
    const Potential potential = ocv_at(charge_);
    ocv_ = potential.value;
    slope_ = potential.slope;
    const Rates r = rates();
    leak_ = (r.constant + r.proportional * charge_ + short_rate(ocv_)) * 3600.0 * cell_.capacity;
  }

  AgingParameters p_;
  CellOf<L> cell_;
  double duration_;
  double time_ = 0;
  L charge_;
  double initial_charge_;
  MaskOf<L> shorted_{};
  L short_resistance_{}, electrolyte_mass_{}, mass_{};
  L ocv_{}, slope_{}, leak_{};
};

}  // namespace
}  // namespace battery_twin::process
