#pragma once

#include "battery_twin/process/coating.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// Slot-die coating, premetered: h = Q/(v·W).
///
/// - Low-flow limit (Ruschak, Chem. Eng. Sci. 31, 1976, 1057; Higgins & Scriven, Chem. Eng. Sci. 35, 1980, 673;
/// Carvalho &
///   Kheshgi, AIChE J. 46, 2000, 1907): h_min = G/(1 + 2(.65/Ca)^(2/3)), levelled off at .6 G for high capillary
///   numbers [K].
/// - Ca = η_app·v/σ with η_app = (τ_y + Kγ̇^.75)/γ̇ at γ̇ = v/G; σ .040 N/m NMP, .060 water with surfactant [K].
/// - Pressure in the bead by lubrication (Higgins & Scriven 1980): Δp = 12η_app·v·L_d/G²·(h/G − ½), die lip L_d 1 mm
/// [K].
/// - Variation: flow .08 % and speed .05 % from batch to batch [K]; from cell to cell a little over a fifth of CV_h =
/// √(CV_Q² + CV_v² +
/// (.5 %)²), which
///   a strip averages [K].
/// - Defects per area: .02 + .2 A, and 2 more outside of the window [K].
template <class L>
class MechanisticCoating {
 public:
  static constexpr double kStep = 20;  // s
  static constexpr double kFlowVariation = 0.8e-3;
  static constexpr double kSpeedVariation = 0.5e-3;
  static constexpr double kProfile = 5e-3;
  static constexpr double kStripAverage = 0.22;

  static double steps(const CoatingParameters& parameters, const CellDesign& design) {
    return steps_of(design.coated_length / parameters.coating_speed, kStep);
  }

  explicit MechanisticCoating(const Setting<L, CoatingParameters>& setting)
      : p_(setting.parameters),
        line_(setting.line),
        slurry_(setting.web()),
        whole_length_(setting.design.coated_length),
        steps_(steps(setting.parameters, setting.design)) {
    // Any size above 0 is valid: the limits keep the film a number.
    p_.coating_speed = std::max(p_.coating_speed, 1e-9);
    p_.gap_height = std::max(p_.gap_height, 1e-9);
    p_.flow_rate = std::clamp(p_.flow_rate, 1e-18, 1e3);
    p_.coating_width = std::max(p_.coating_width, 1e-6);
    const auto [flow, speed] = setting.draws.batch_normals(0);
    flow_ = p_.flow_rate * max(1.0 + kFlowVariation * flow, L(0.5));
    speed_ = p_.coating_speed * max(1.0 + kSpeedVariation * speed, L(0.5));
  }

  void step(std::uint32_t t) {
    if (t == 0) coat();
    const double done = (t + 1) * kStep * p_.coating_speed;
    length_ = t + 1 < steps_ ? done : whole_length_;
  }

  void run() {
    coat();
    length_ = whole_length_;
  }

  void properties(std::span<L> out) const {
    const L solids = 1.0 - slurry_.solvent_mass;
    out[0] = solids;
    out[1] = slurry_.viscosity;
    out[2] = wet_thickness_;
    out[3] = solid_loading() / (slurry_.solid_density * (1.0 - materials(line_).dry_porosity));
    out[4] = to_number(outside_);
    out[5] = solid_loading();
    out[6] = wet_thickness_ * slurry_.density * slurry_.solvent_mass;
    out[7] = wet_thickness_ / p_.gap_height;
    out[8] = least_thickness_;
    out[9] = capillary_number_;
    out[10] = pressure_;
    out[11] = L(std::sqrt(kFlowVariation * kFlowVariation + kSpeedVariation * kSpeedVariation + kProfile * kProfile));
    out[12] = edge_elevation();
    out[13] = defect_density();
    out[14] = L(length_);
    out[15] = flow_;
    out[16] = speed_;
    out[17] = to_number(broken_);
    out[18] = to_number(weeping_);
    out[19] = to_number(entraining_);
    // Pump, web drive of 500 W [K]
    out[20] = length_ / speed_ * (max(pressure_, L(0.0)) * flow_ + 500.0);
  }

  void specifics(std::span<L> out) const {
    out[0] = L(shear_rate());
    out[1] = kProfile;
  }

  void hand_on(ProductOf<L>& product) const {
    WebOf<L>& web = product.web(line_);
    web.wet_thickness = wet_thickness_;
    web.solid_loading = solid_loading();
    web.solvent_loading = wet_thickness_ * slurry_.density * slurry_.solvent_mass;
    web.solid_content = 1.0 - slurry_.solvent_mass;
    web.loading_deviation = L(kStripAverage * std::sqrt(kFlowVariation * kFlowVariation +
                                                        kSpeedVariation * kSpeedVariation + kProfile * kProfile));
    web.defect_density = defect_density();
    web.length = L(whole_length_);
    web.coated_width = L(p_.coating_width);
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    const std::string ratio =
        "wet film " + approximately(wet_thickness_) + " m in a gap of " + approximately(p_.gap_height) + " m";
    if (broken_ && wet_thickness_ < least_thickness_)
      found.push_back(ratio + " is thinner than the least stable film of " + approximately(least_thickness_) +
                      " m: the bead breaks");
    else if (weeping_)
      found.push_back(ratio + ": above 0.95 of the gap the die weeps");
    else if (wet_thickness_ < 0.5 * p_.gap_height)
      found.push_back(ratio + " is below half of the gap");
    if (entraining_)
      found.push_back("coating_speed " + approximately(p_.coating_speed) + " m/s is above the " +
                      approximately(surface_tension() / apparent_viscosity_) + " m/s at which air is entrained");
  }

 private:
  [[nodiscard]] double shear_rate() const { return p_.coating_speed / p_.gap_height; }
  [[nodiscard]] double surface_tension() const { return line_ == Line::cathode ? 0.040 : 0.060; }
  [[nodiscard]] L solid_loading() const { return wet_thickness_ * slurry_.density * (1.0 - slurry_.solvent_mass); }
  [[nodiscard]] L defect_density() const { return 0.02 + 0.2 * slurry_.agglomerates + 2.0 * to_number(outside_); }

  // The edge stands higher where the film fills more of the gap (Schmitt, thesis, KIT 2016), 5 to 20 % over 5 mm [K].
  [[nodiscard]] L edge_elevation() const { return clamp(0.05 + 0.15 * wet_thickness_ / p_.gap_height, 0.05, 0.20); }

  void coat() {
    constexpr double kLip = 1e-3;  // m
    const double gap = p_.gap_height;
    wet_thickness_ = flow_ / (speed_ * p_.coating_width);
    const double rate = shear_rate();
    apparent_viscosity_ = slurry_.yield_stress / rate + slurry_.consistency * std::pow(rate, -0.25);
    capillary_number_ = apparent_viscosity_ * speed_ / surface_tension();
    least_thickness_ = gap * min(1.0 / (1.0 + 2.0 * pow(0.65 / max(capillary_number_, L(1e-12)), 2.0 / 3)), L(0.6));
    pressure_ = 12.0 * apparent_viscosity_ * speed_ * kLip / (gap * gap) * (wet_thickness_ / gap - 0.5);
    weeping_ = wet_thickness_ > 0.95 * gap;
    broken_ = (wet_thickness_ < least_thickness_) | (wet_thickness_ > 1.2 * gap);
    entraining_ = speed_ > surface_tension() / apparent_viscosity_;
    outside_ = broken_ | weeping_;
  }

  CoatingParameters p_;
  Line line_;
  WebOf<L> slurry_;
  double whole_length_;
  L flow_{}, speed_{};
  L wet_thickness_{}, least_thickness_{}, capillary_number_{}, apparent_viscosity_{}, pressure_{};
  MaskOf<L> broken_{}, weeping_{}, entraining_{}, outside_{};
  double steps_;
  double length_ = 0;
};

}  // namespace
}  // namespace battery_twin::process
