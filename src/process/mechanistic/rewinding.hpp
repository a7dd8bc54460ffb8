#pragma once

#include <limits>
#include <numbers>

#include "battery_twin/process/rewinding.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// Diameter of a roll, m: D² = D_c² + 4Lδ/π, an Archimedean spiral of `length` metres of thickness δ on a core.
template <class L>
[[nodiscard]] L roll_diameter(double core, double length, const L& thickness) {
  return sqrt(core * core + 4 / std::numbers::pi * length * thickness);
}

/// Length that fits into a can, m: the same the other way round.
[[maybe_unused]] inline double length_that_fits(double can, double core, double thickness) {
  return (can * can - core * core) * std::numbers::pi / (4 * thickness);
}

/// Pressure between the layers at `radius`, Pa: p = ∫ σ(s)/s ds from there to the outer radius for a winding stress
/// σ = σ0·(r_c/s)^n, that is σ0/n·[(r_c/r)^n − (r_c/R)^n], or σ0·ln(R/r) for n = 0. Isotropic roll on a core as stiff
/// as itself; Hakiel (TAPPI J. 70, 1987) has the roll that is softer across than along.
template <class L>
[[nodiscard]] L radial_pressure(const L& core_stress, double taper, const L& core, const L& radius, const L& outer) {
  const L layers = max(log(outer / radius), L(0.0));
  const L built = taper < 1e-12 ? layers : -expm1(-taper * layers) / taper;
  return core_stress * pow(core / radius, taper) * built;
}

/// Water that the electrodes take up in `time` seconds at a relative humidity of 0–1: 100 + 4000·RH·t/(t + 1 h) ppm
/// [K].
[[maybe_unused]] inline double moisture_uptake(double humidity, double time) {
  return (100 + 4000 * humidity * time / (time + 3600)) * 1e-6;
}

/// Winding of anode, separator, cathode, separator: both foils, their coatings on one face or two, and two separators
/// are δ thick, the web's tension is σ = τ/(wδ), falling as the roll grows, τ = τ0·(D_c/D)^n. `roll_diameter` and
/// `radial_pressure` say how large and how hard the roll is: too soft and it telescopes, too hard and the core is
/// crushed [K]. The anode must overlap the cathode at both edges, or lithium plates there: the slit width is that of
/// the facing coating, the anode's strip has the design's overhang more at each edge, and webs wander by 0.15 mm [K].
template <class L>
class MechanisticRewinding {
 public:
  static constexpr double kStep = 1;                 // s
  static constexpr double kHandling = 1800;          // s in the dry room before and after winding [K]
  static constexpr double kSoftestRoll = 2e3;        // Pa at mid radius [K]
  static constexpr double kHighestStress = 3e6;      // Pa [K]
  static constexpr double kWidestOverhang = 1.5e-3;  // m
  static constexpr double kMoist = 0.1;              // relative humidity
  static constexpr double kPower = 2e3;              // W of the drives [K]

  static double steps(const RewindingParameters& parameters, const CellDesign& design) {
    return steps_of(design.electrode_length / design.faces / parameters.rewinding_speed, kStep);
  }

  explicit MechanisticRewinding(const Setting<L, RewindingParameters>& setting)
      : p_(setting.parameters),
        foil_length_(setting.design.electrode_length / setting.design.faces),
        core_diameter_(setting.design.core_diameter),
        can_diameter_(setting.design.can_diameter),
        steps_(steps(setting.parameters, setting.design)) {
    const CellDesign& design = setting.design;
    const auto [tension, unused] = setting.draws.batch_normals(0);
    const auto [wander, unused_too] = setting.draws.cell_normals(0);
    const WebOf<L>& anode = setting.upstream.anode;
    const WebOf<L>& cathode = setting.upstream.cathode;
    const double separator = design.separator_thickness;
    const L coatings = max(anode.thickness + cathode.thickness, L(1e-9));
    thickness_ = design.faces * coatings + (design.anode_foil + design.cathode_foil + 2 * separator);
    porosity_ = (anode.porosity * anode.thickness + cathode.porosity * cathode.thickness +
                 design.separator_porosity * separator) /
                (coatings + separator);
    width_ = max(0.5 * (anode.width + cathode.width), L(1e-6));
    epsilon_width_ = abs(anode.width - cathode.width);
    overhang_ = design.anode_overhang + 0.5 * (anode.width - cathode.width) + 0.15e-3 * wander;
    area_ = max(cathode.width - 2.0 * max(-overhang_, L(0.0)), L(0.0)) * design.electrode_length;
    core_tension_ = p_.initial_tension * max(1.0 + 0.01 * tension, L(0.01));
    stress_ = core_tension_ / (width_ * thickness_);
    wind(0);
  }

  void step(std::uint32_t t) { wind(t + 1 < steps_ ? (t + 1.0) * kStep * p_.rewinding_speed : foil_length_); }
  void run() { wind(foil_length_); }

  void properties(std::span<L> out) const {
    out[0] = thickness_;
    out[1] = porosity_;
    out[2] = width_;
    out[3] = epsilon_width_;
    out[4] = L(length_);
    out[5] = diameter_;
    out[6] = core_tension_ * pow(core_diameter_ / diameter_, p_.tapering_steps);
    out[7] = hardness_;
    out[8] = core_pressure_;
    out[9] = stress_;
    out[10] = overhang_;
    out[11] = area_;
    out[12] = L(moisture());
    out[13] = to_number(is_soft());
    out[14] = to_number(stress_ > kHighestStress);
    out[15] = to_number(overhang_ < 0.0);
    out[16] = to_number(overhang_ > kWidestOverhang);
    out[17] = to_number(is_too_thick());
    out[18] = L(humidity() > kMoist ? 1.0 : 0.0);
    out[19] = core_tension_;
    out[20] = kPower * length_ / p_.rewinding_speed + length_ * core_tension_;
  }

  void hand_on(ProductOf<L>& product) const {
    CellOf<L>& cell = product.cell;
    cell.thickness = thickness_;
    cell.porosity = porosity_;
    cell.width = width_;
    cell.epsilon_width = epsilon_width_;
    cell.wound_length = L(length_);
    cell.area = area_;
    cell.overhang = overhang_;
    cell.moisture = L(moisture());
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    if (is_soft())
      found.push_back("the roll's pressure of " + approximately(hardness_) + " Pa is below " +
                      approximately(kSoftestRoll) + " Pa: it may telescope");
    if (stress_ > kHighestStress)
      found.push_back("the tension is " + approximately(stress_) + " Pa in the web: more than " +
                      approximately(kHighestStress) + " Pa crush the core");
    if (overhang_ < 0)
      found.push_back("the cathode reaches " + approximately(-overhang_) +
                      " m beyond the anode: lithium will plate there");
    if (overhang_ > kWidestOverhang)
      found.push_back("the anode reaches " + approximately(overhang_) + " m beyond the cathode: more than " +
                      approximately(kWidestOverhang) + " m");
    if (is_too_thick())
      found.push_back("the roll of " + approximately(diameter_) + " m does not fit a can of " +
                      approximately(can_diameter_) + " m");
    if (humidity() > kMoist)
      found.push_back("at " + approximately(p_.environment_humidity) + " %RH the electrodes take up " +
                      approximately(moisture() * 1e6) + " ppm of water");
  }

 private:
  // What stands on the mandrel after `length` metres.
  void wind(double length) {
    length_ = length;
    diameter_ = roll_diameter(core_diameter_, length, thickness_);
    const L core = core_diameter_ / 2;
    const L outer = max(diameter_ / 2.0, core);
    hardness_ = radial_pressure(stress_, p_.tapering_steps, core, L(0.5 * (core + outer)), outer);
    core_pressure_ = radial_pressure(stress_, p_.tapering_steps, core, core, outer);
  }

  [[nodiscard]] double humidity() const { return p_.environment_humidity / 100; }
  [[nodiscard]] double moisture() const {
    return moisture_uptake(humidity(), length_ / p_.rewinding_speed + kHandling);
  }
  [[nodiscard]] MaskOf<L> is_soft() const { return hardness_ < (length_ > 0 ? kSoftestRoll : 0.0); }
  [[nodiscard]] MaskOf<L> is_too_thick() const {
    return diameter_ > (can_diameter_ > 0 ? can_diameter_ : std::numeric_limits<double>::max());
  }

  RewindingParameters p_;
  double foil_length_, core_diameter_, can_diameter_;
  double steps_;
  L thickness_{}, porosity_{}, width_{}, epsilon_width_{}, overhang_{}, area_{};
  L core_tension_{}, stress_{}, diameter_{}, hardness_{}, core_pressure_{};
  double length_ = 0;
};

}  // namespace
}  // namespace battery_twin::process
