#pragma once

#include "battery_twin/process/mixing.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// Mixing: the binder dissolves, carbon agglomerates break up by the work put in, the slurry warms.
///
/// - Viscosity at 100 1/s: medium × (1 − φ_e/φ_m)^−1.8, Krieger & Dougherty (Trans. Soc. Rheol. 3, 1959, 137) with
///   agglomerates that bind medium, φ_e = φ(1 + .15A). φ counts active material and carbon; the binder thickens the
///   medium (Sung et al., Materials 13, 2020, 4544), η_m = η_0[1 + c/.005 + (c/c₂)^2.5]·exp[E/R(1/T − 1/298.15 K)] [K].
/// - Yield stress 20φ³/(φ_m(φ_m − φ))·(1 + A) Pa; Herschel–Bulkley index .75 [K].
/// - Agglomerates: dA/dt = −(A − .02)P/5e6 J/m³ with the power density P = η·γ̇², so the order of addition counts
///   (Makino et al., Rheol. Acta 2024) [K].
/// - Heat: ρ c_p dT/dt = P − U(T − T_jacket) [K].
///
/// Per kilogram of slurry; solvent at t = 0, then binder, carbon and active material at constant rates.
template <class L>
class MechanisticMixing {
 public:
  static constexpr double kStep = 30;                                      // s
  static constexpr std::array<double, 4> kStageEnds{0, 2400, 4800, 7800};  // s: solvent, binder, carbon, active
  static constexpr double kShearRate = 100;                                // 1/s
  static constexpr double kMostPower = 1e5;                                // W/m³ before the motor stalls [K]
  static constexpr double kMostViscosity = 100;                            // Pa·s that a die can be fed [K]

  static double steps(const MixingParameters& /*parameters*/, const CellDesign& /*design*/) {
    return 1 + kStageEnds.back() / kStep;
  }

  explicit MechanisticMixing(const Setting<L, MixingParameters>& setting)
      : line_(setting.line), materials_(materials(setting.line)), volume_(setting.design.slurry_volume) {
    const MixingParameters& p = setting.parameters;
    const auto [active, carbon] = setting.draws.batch_normals(0);
    const auto [binder, solvent] = setting.draws.batch_normals(1);
    const auto [jacket, viscometer] = setting.draws.batch_normals(2);
    // Each component is dosed with a coefficient of variation of 0.2 %.
    const auto dosed = [](double fraction, const L& draw) { return fraction * max(1.0 + 0.002 * draw, L(0.5)); };
    target_ = {dosed(p.solvent, solvent), dosed(p.pvdf, binder), dosed(p.ca, carbon), dosed(p.am, active)};
    const L total = target_[kSolvent] + target_[kBinder] + target_[kCarbon] + target_[kActive];
    // A trace of each at least, so that nothing underflows.
    for (L& mass : target_) mass = max(mass / total, L(1e-12));
    jacket_ = kRoom + 0.5 * jacket;
    temperature_ = jacket_;
    shown_viscosity_ = 1.0 + 0.03 * viscometer;
    slurry_density_ = 1.0 / volume_of(target_);
    look();
  }

  void step(std::uint32_t t) {
    if (t == 0)
      begin();
    else
      advance(kStep);
  }

  void run() {
    begin();
    constexpr int kParts = 2;  // per stage: good to 2e-4 in A
    for (std::size_t stage = 1; stage < kStageEnds.size(); ++stage) {
      for (int part = 0; part < kParts; ++part) advance((kStageEnds[stage] - kStageEnds[stage - 1]) / kParts);
    }
  }

  void properties(std::span<L> out) const {
    const L scale = volume_ * slurry_density_;  // kg of slurry when all is in
    out[0] = scale * mass_[kActive] / materials_.active_density;
    out[1] = scale * mass_[kCarbon] / materials_.carbon_density;
    out[2] = scale * mass_[kBinder] / materials_.binder_density;
    out[3] = scale * mass_[kSolvent] / materials_.solvent_density;
    out[4] = viscosity_ * shown_viscosity_;
    out[5] = density_;
    out[6] = yield_stress_;
    out[7] = scale * volume_of(mass_);
    out[8] = solids();
    out[9] = packing_;
    out[10] = agglomerates();
    out[11] = temperature_;
    out[12] = work_;
    out[13] = target_[kActive];
    out[14] = target_[kCarbon];
    out[15] = target_[kBinder];
    out[16] = target_[kSolvent];
    out[17] = to_number(done() & (viscosity_ > kMostViscosity));
    out[18] = volume_ * work_;
  }

  void hand_on(ProductOf<L>& product) const {
    WebOf<L>& web = product.web(line_);
    web.viscosity = viscosity_;
    web.solid_content = solids();
    web.density = density_;
    web.active_mass = target_[kActive];
    web.binder_mass = target_[kBinder];
    web.solvent_mass = target_[kSolvent];
    // From the solids themselves, which may be almost nothing; that much active material keeps it a number.
    constexpr double kTrace = 1e-30;
    web.solid_density = (target_[kActive] + target_[kCarbon] + target_[kBinder] + kTrace) /
                        (target_[kActive] / materials_.active_density + target_[kCarbon] / materials_.carbon_density +
                         target_[kBinder] / materials_.binder_density + kTrace / materials_.active_density);
    web.yield_stress = yield_stress_;
    web.consistency = viscosity_ * std::pow(kShearRate, 0.25);
    web.agglomerates = agglomerates();
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    if (packing_ * (1 + 0.15 * agglomerates()) > kMostPacking * kDensest)
      found.push_back("solids fill " + approximately(packing_) + " of the volume: the equations end at " +
                      approximately(kMostPacking * kDensest) + ", the viscosity is that of the end");
    if (work_ > 0.5 * kMostPower * time_ || temperature_ >= boiling_point())
      found.push_back("the paste takes all of the mixer's power and gets " + approximately(temperature_) + " K hot");

    if (viscosity_ > kMostViscosity)
      found.push_back("viscosity " + approximately(viscosity_) + " Pa*s at 100 1/s: a die can be fed with at most " +
                      approximately(kMostViscosity) + " Pa*s, this is damp powder");
    else if (viscosity_ > 10)
      found.push_back("viscosity " + approximately(viscosity_) + " Pa*s at 100 1/s is high: usually 0.1 to 10 Pa*s");
  }

 private:
  enum Component : std::size_t { kSolvent, kBinder, kCarbon, kActive };
  using Masses = std::array<L, 4>;  // per kg of finished slurry

  // What the equations of motion need at one moment.
  struct Rates {
    L agglomerates;  // of ln(A − .02), 1/s
    L temperature;   // K/s
    L work;          // W/m³
  };

  [[nodiscard]] L volume_of(const Masses& mass) const {
    return mass[kActive] / materials_.active_density + mass[kCarbon] / materials_.carbon_density +
           mass[kBinder] / materials_.binder_density + mass[kSolvent] / materials_.solvent_density;
  }

  [[nodiscard]] L solids() const {
    const L dry = mass_[kBinder] + mass_[kCarbon] + mass_[kActive];
    return dry / (dry + max(mass_[kSolvent], L(1e-12)));
  }

  [[nodiscard]] L agglomerates() const { return kLeastAgglomerates + exp(log_agglomerates_); }
  [[nodiscard]] bool done() const { return time_ >= kStageEnds.back() - 1e-6; }

  // What is in the tank after `time` seconds.
  [[nodiscard]] Masses fed(double time) const {
    Masses mass{};
    mass[kSolvent] = target_[kSolvent];
    for (std::size_t stage = 1; stage < kStageEnds.size(); ++stage) {
      const double share = (time - kStageEnds[stage - 1]) / (kStageEnds[stage] - kStageEnds[stage - 1]);
      mass[stage] = target_[stage] * std::clamp(share, 0.0, 1.0);
    }
    return mass;
  }

  [[nodiscard]] static L packing(const Masses& mass, const L& volume, const Materials& materials) {
    return (mass[kActive] / materials.active_density + mass[kCarbon] / materials.carbon_density) / volume;
  }

  [[nodiscard]] L viscosity_at(const Masses& mass, const L& packed, const L& agglomerated, const L& temperature) const {
    // CMC is the soluble third of the anode's binder; SBR is a dispersion.
    const double soluble = line_ == Line::cathode ? 1.0 : 1.0 / 3;
    const double thick = line_ == Line::cathode ? 0.008 : 0.0015;
    const double solvent = line_ == Line::cathode ? 1.65e-3 : 0.89e-3;  // Pa·s at 25 °C
    const L dissolved = soluble * mass[kBinder] / (soluble * mass[kBinder] + mass[kSolvent]);
    const L relative = dissolved / thick;
    const L medium = solvent * (1.0 + dissolved / 0.005 + relative * relative * sqrt(relative)) *
                     exp(16e3 / kGasConstant * (1.0 / temperature - 1 / kRoom));
    const L effective = min(packed * (1.0 + 0.15 * agglomerated), L(kMostPacking * kDensest));
    return medium * pow(1.0 - effective / kDensest, -1.8);
  }

  [[nodiscard]] Rates rates(double time, const L& log_agglomerates, const L& temperature) const {
    const Masses mass = fed(time);
    const L volume = volume_of(mass);
    const L total = mass[kSolvent] + mass[kBinder] + mass[kCarbon] + mass[kActive];
    const L viscosity =
        viscosity_at(mass, packing(mass, volume, materials_), kLeastAgglomerates + exp(log_agglomerates), temperature);
    const L power = min(viscosity * (kShearRate * kShearRate), L(kMostPower));
    const bool disperses = time >= kStageEnds[1];  // from when carbon is fed
    return {.agglomerates = disperses ? -power / kBreakUp : L(0.0),
            .temperature = (power - kCooling * (temperature - jacket_)) / (total / volume * kHeatCapacity),
            .work = power};
  }

  void begin() {
    time_ = 0;
    look();
  }

  // One classical Runge–Kutta step. Steps end at the stages' ends, where the rates have a corner.
  void advance(double dt) {
    const double half = dt / 2;
    // A hair inside the step, so that the corner at its start counts to this stage.
    const Rates k1 = rates(time_ + 1e-9 * dt, log_agglomerates_, temperature_);
    const Rates k2 =
        rates(time_ + half, log_agglomerates_ + half * k1.agglomerates, limited(temperature_ + half * k1.temperature));
    const Rates k3 =
        rates(time_ + half, log_agglomerates_ + half * k2.agglomerates, limited(temperature_ + half * k2.temperature));
    const Rates k4 = rates(time_ + (1 - 1e-9) * dt, log_agglomerates_ + dt * k3.agglomerates,
                           limited(temperature_ + dt * k3.temperature));
    const auto mean = [](const L& a, const L& b, const L& c, const L& d) { return (a + 2.0 * (b + c) + d) / 6.0; };
    log_agglomerates_ += dt * mean(k1.agglomerates, k2.agglomerates, k3.agglomerates, k4.agglomerates);
    temperature_ = limited(temperature_ + dt * mean(k1.temperature, k2.temperature, k3.temperature, k4.temperature));
    work_ += dt * mean(k1.work, k2.work, k3.work, k4.work);
    time_ += dt;
    look();
  }

  [[nodiscard]] double boiling_point() const { return line_ == Line::cathode ? 475 : 373; }

  // A stiff paste would boil its solvent: there the temperature ends.
  [[nodiscard]] L limited(const L& temperature) const { return clamp(temperature, 250.0, boiling_point()); }

  void look() {
    mass_ = fed(time_);
    const L volume = volume_of(mass_);
    packing_ = packing(mass_, volume, materials_);
    density_ = (mass_[kSolvent] + mass_[kBinder] + mass_[kCarbon] + mass_[kActive]) / volume;
    viscosity_ = viscosity_at(mass_, packing_, agglomerates(), temperature_);
    const L phi = min(packing_, L(kMostPacking * kDensest));
    yield_stress_ = 20.0 * phi * phi * phi / (kDensest * (kDensest - phi)) * (1.0 + agglomerates());
  }

  static constexpr double kDensest = 0.60;            // φ_m
  static constexpr double kMostPacking = 0.98;        // of φ_m: there the equations have a pole
  static constexpr double kLeastAgglomerates = 0.02;  // A that no mixer reaches below
  static constexpr double kBreakUp = 5e6;             // J/m³
  static constexpr double kCooling = 300;             // U, W/(m³ K)
  static constexpr double kHeatCapacity = 2250;       // J/(kg K)

  Line line_;
  Materials materials_;
  double volume_;
  Masses target_{}, mass_{};
  L jacket_{}, temperature_{}, shown_viscosity_{}, slurry_density_{};
  double time_ = 0;
  L log_agglomerates_{std::log(1 - kLeastAgglomerates)};
  L work_{};  // J/m³
  L packing_{}, density_{}, viscosity_{}, yield_stress_{};
};

}  // namespace
}  // namespace battery_twin::process
