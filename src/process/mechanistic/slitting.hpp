#pragma once

#include "battery_twin/process/slitting.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// Burr that stands for a burr factor of 1, m.
inline constexpr double kBurrUnit = 5e-6;

/// Height of the burr at a cut edge, m: b = 4 µm·S⁻¹·(t/10 µm)^½·(v/1 m/s)^0.2·(τ/100 N)^0.3 [K]. The signs follow
/// practice: blunt blades, thick foils, speed and tension raise it.
[[maybe_unused]] inline double burr_height(double sharpness, double foil, double speed, double tension) {
  return 4e-6 / sharpness * std::sqrt(foil / 10e-6) * std::pow(speed, 0.2) * std::pow(tension / 100, 0.3);
}

/// Slitting. Each lane is w = w* + knife offset (0.05 mm, shared by a batch) + 0.05 mm from cell to cell wide; a web of
/// width W gives ⌊W/w*⌋ lanes, and the rest is trim. The blade wears with the length that it has cut, S/(1 + L/20 km);
/// the burr is `burr_height` with 20 % (lognormal) from cell to cell. A burr near the separator's thickness is a short
/// circuit: above 0.8 of it the strip is scrap. All numbers [K]; what raises a burr is from the industry's guides.
template <class L>
class MechanisticSlitting {
 public:
  static constexpr double kStep = 20;                // s
  static constexpr double kBladeLife = 20e3;         // m that halve the sharpness [K]
  static constexpr double kBurrWarning = 10e-6;      // m
  static constexpr double kWidthWarning = 0.2e-3;    // m
  static constexpr double kSeparatorShare = 0.8;     // of the separator's thickness that a burr may reach
  static constexpr double kHighestWebStress = 20e6;  // Pa in the foil

  static double steps(const SlittingParameters& parameters, const CellDesign& design) {
    return steps_of(design.coated_length / parameters.slitting_speed, kStep);
  }

  explicit MechanisticSlitting(const Setting<L, SlittingParameters>& setting)
      : p_(setting.parameters),
        line_(setting.line),
        coated_length_(setting.design.coated_length),
        electrode_length_(setting.design.electrode_length),
        separator_(setting.design.separator_thickness),
        foil_(setting.is_anode() ? setting.design.anode_foil : setting.design.cathode_foil),
        steps_(steps(setting.parameters, setting.design)) {
    const auto [knife, unused] = setting.draws.batch_normals(0);
    const auto [width, burr] = setting.draws.cell_normals(0);
    coated_width_ = max(setting.web().coated_width, L(1e-6));
    thickness_ = setting.web().thickness;
    lanes_ = floor(min(coated_width_ / p_.target_width + 1e-9, L(1e9)));
    trim_ = clamp(1.0 - lanes_ * p_.target_width / coated_width_, L(0.0), L(1.0));
    width_ = max(min(L(p_.target_width), coated_width_) + 0.05e-3 * knife + 0.05e-3 * width, L(1e-6));
    burr_scatter_ = exp(0.2 * burr);
    cut(0);
  }

  void step(std::uint32_t t) { cut(t + 1 < steps_ ? (t + 1.0) * kStep * p_.slitting_speed : coated_length_); }
  void run() { cut(coated_length_); }

  void properties(std::span<L> out) const {
    out[0] = thickness_;
    out[1] = width_;
    out[2] = width_ - p_.target_width;
    out[3] = burr_ / kBurrUnit;
    out[4] = to_number((burr_ > kBurrWarning) | (abs(width_ - p_.target_width) > kWidthWarning));
    out[5] = burr_;
    out[6] = L(sharpness_);
    out[7] = strips(length_);
    out[8] = trim_;
    out[9] = to_number(strips(coated_length_) < 1.0);
    out[10] = to_number(burr_ > kSeparatorShare * separator_);
    out[11] = L(energy());
  }

  void hand_on(ProductOf<L>& product) const {
    WebOf<L>& web = product.web(line_);
    web.width = width_;
    web.epsilon_width = width_ - p_.target_width;
    web.burr_height = burr_;
    web.strips = strips(coated_length_);
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    if (lanes_ < 1)
      found.push_back("the web of " + approximately(coated_width_) + " m is too narrow for a strip of " +
                      approximately(p_.target_width) + " m");
    else if (strips(coated_length_) < 1)
      found.push_back("the web of " + approximately(coated_length_) + " m is too short for an electrode of " +
                      approximately(electrode_length_) + " m");
    const double stress = p_.slitting_tension / (coated_width_ * foil_);
    if (stress > kHighestWebStress)
      found.push_back("the tension of " + approximately(p_.slitting_tension) + " N is " + approximately(stress) +
                      " Pa in the foil: more than " + approximately(kHighestWebStress) + " Pa");
    if (burr_ > kSeparatorShare * separator_)
      found.push_back("the burr of " + approximately(burr_) + " m pierces the separator of " +
                      approximately(separator_) + " m");
    else if (burr_ > kBurrWarning)
      found.push_back("the burr of " + approximately(burr_) + " m is higher than " + approximately(kBurrWarning) +
                      " m");
  }

 private:
  // What the first `length` metres of the web are after the knives.
  void cut(double length) {
    length_ = length;
    // Any sharpness above 0 is valid: the limits keep the burr a number.
    sharpness_ = std::clamp(p_.blade_sharpness, 1e-6, 1e6) / (1 + length / kBladeLife);
    burr_ = burr_height(sharpness_, foil_, p_.slitting_speed, p_.slitting_tension) * burr_scatter_;
  }

  [[nodiscard]] L strips(double length) const { return lanes_ * std::floor(length / electrode_length_ + 1e-9); }

  // Knives and winders, 1.5 kW [K], and the web's pull against the brake; J
  [[nodiscard]] double energy() const { return length_ * (1.5e3 / p_.slitting_speed + p_.slitting_tension); }

  SlittingParameters p_;
  Line line_;
  double coated_length_, electrode_length_, separator_, foil_;
  double steps_;
  L coated_width_{}, thickness_{}, lanes_{}, trim_{}, width_{}, burr_scatter_{}, burr_{};
  double length_ = 0, sharpness_ = 0;
};

}  // namespace
}  // namespace battery_twin::process
