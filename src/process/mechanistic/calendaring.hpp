#pragma once

#include "battery_twin/process/calendaring.hpp"
#include "materials.hpp"
#include "model.hpp"

namespace battery_twin::process {
namespace {

/// Calendering after Meyer, Bockholt, Haselrieder & Kwade (J. Mater. Process. Technol. 249, 2017, 172): the porosity
/// falls exponentially with the line load q, ε = ε_min + (ε0 − ε_min)·exp(−q/γ). The gap sets the thickness, with some
/// spring-back, until the hydraulics cannot press harder; the solids are conserved, M_s = ρ_s(1 − ε)h.
template <class L>
class MechanisticCalendaring {
 public:
  static constexpr double kStep = 20;               // s
  static constexpr double kCylinderDiameter = 0.2;  // m, of the two hydraulic cylinders [K]
  static constexpr double kCouplingLength = 0.08;   // porosity over which the contact resistance falls by e [K]

  static double steps(const CalendaringParameters& parameters, const CellDesign& design) {
    return steps_of(design.coated_length / parameters.roll_speed, kStep);
  }

  explicit MechanisticCalendaring(const Setting<L, CalendaringParameters>& setting)
      : p_(setting.parameters),
        anode_(setting.is_anode()),
        line_(setting.line),
        least_porosity_(materials(setting.line).least_porosity),
        solid_density_(setting.web().solid_density),
        coated_length_(setting.design.coated_length),
        steps_(steps(setting.parameters, setting.design)) {
    p_.roll_speed = std::max(p_.roll_speed, 1e-9);  // any above 0 is valid
    const auto [gap_of_batch, unused] = setting.draws.batch_normals(0);
    const auto [gap_of_cell, loading] = setting.draws.cell_normals(0);
    gap_ = max(L(p_.roll_gap) + 0.5e-6 * gap_of_batch + 0.3e-6 * gap_of_cell, L(1e-9));
    local_ = max(1.0 + setting.web().loading_deviation * loading, L(0.01));
    loading_ = setting.web().solid_loading * local_;
    coated_width_ = setting.web().coated_width;
    incoming_porosity_ = clamp(setting.web().porosity, 0.02, 0.98);
    if (p_.dry_thickness) incoming_porosity_ = clamp(1.0 - loading_ / (solid_density_ * *p_.dry_thickness), 0.02, 0.98);
    if (p_.initial_porosity) incoming_porosity_ = L(*p_.initial_porosity);
    incoming_thickness_ = loading_ / (solid_density_ * (1.0 - incoming_porosity_));
    thickness_ = incoming_thickness_;
    porosity_ = incoming_porosity_;
  }

  void step(std::uint32_t t) {
    if (t == 0) press();
    const double done = (t + 1) * kStep * p_.roll_speed;
    length_ = t + 1 < steps_ ? done : coated_length_;
  }

  void run() {
    press();
    length_ = coated_length_;
  }

  void properties(std::span<L> out) const {
    out[0] = thickness_;
    out[1] = porosity_;
    out[2] = to_number(porosity_ < least_porosity_ + 0.03);
    out[3] = (1.0 - porosity_) * solid_density_;
    out[4] = line_load_;
    out[5] = highest_load();
    out[6] = pow(porosity_, -materials(line_).tortuosity_exponent);
    out[7] = exp((porosity_ - incoming_porosity_) / kCouplingLength);
    out[8] = loading_;
    out[9] = local_;
    out[10] = gap_;
    out[11] = to_number(limited_);
    out[12] = to_number(gap_ >= incoming_thickness_);
    out[13] = energy();
  }

  void hand_on(ProductOf<L>& product) const {
    WebOf<L>& web = product.web(line_);
    web.solid_loading = loading_;
    web.thickness = thickness_;
    web.target_thickness = L(p_.roll_gap * (1 + spring_back()));
    web.porosity = porosity_;
  }

  void remarks(std::vector<std::string>& found) const requires std::same_as<L, double> {
    if (p_.dry_thickness && !p_.initial_porosity && (incoming_porosity_ <= 0.02 || incoming_porosity_ >= 0.98))
      found.push_back("dry_thickness " + approximately(*p_.dry_thickness) +
                      " m does not go with the solids of the film: its porosity is taken as " +
                      approximately(incoming_porosity_));
    if (p_.initial_porosity && p_.dry_thickness)
      found.push_back("dry_thickness " + approximately(*p_.dry_thickness) + " m is not used: it follows from " +
                      "initial_porosity and the solids, " + approximately(incoming_thickness_) + " m");
    if (gap_ >= incoming_thickness_)
      found.push_back("the roll gap " + approximately(gap_) + " m is wider than the film, " +
                      approximately(incoming_thickness_) + " m: nothing is pressed");
    else if (limited_)
      found.push_back("the rolls give at most " + approximately(line_load_) + " N/m: the film stays at " +
                      approximately(thickness_) + " m");
    if (porosity_ < least_porosity_ + 0.03)
      found.push_back("porosity " + approximately(porosity_) +
                      (porosity_ < least_porosity_ ? " is below the least one of " : " is close to the least one of ") +
                      approximately(least_porosity_) + ": particles crack");
  }

 private:
  // Elastic recovery behind the rolls, share of the gap [K].
  [[nodiscard]] double spring_back() const { return anode_ ? 0.06 : 0.04; }

  // Resistance to compaction γ, N/m: softer binder when warm, stiffer above 5 m/min [K].
  [[nodiscard]] double resistance() const {
    constexpr double kSpeedLimit = 0.083;  // m/s
    const double at_room = anode_ ? 120e3 : 350e3;
    const double warm = std::max(1 - 0.004 * (p_.temperature - kRoom), 0.05);
    const double fast = 1 + 0.05 * std::log(std::max(p_.roll_speed / kSpeedLimit, 1.0));
    return at_room * warm * fast;
  }

  // N/m
  [[nodiscard]] L highest_load() const {
    return 2 * std::numbers::pi / 4 * kCylinderDiameter * kCylinderDiameter * p_.roll_pressure /
           max(coated_width_, L(1e-6));
  }

  void press() {
    const double gamma = resistance();
    const L span = incoming_porosity_ - least_porosity_;
    const L reachable = min(gap_ * (1 + spring_back()), incoming_thickness_);
    const L wanted = 1.0 - loading_ / (solid_density_ * reachable);
    const auto pressed = (gap_ < incoming_thickness_) & (span > 0.0);
    const auto possible = wanted > least_porosity_;
    // Where the gap asks for less than the least porosity no load is enough: the force decides.
    const L needed = -gamma * log(clamp((wanted - least_porosity_) / max(span, L(1e-9)), 1e-300, 1.0));
    const L most = highest_load();
    limited_ = pressed & ((needed > most) | !possible);
    const L forced = least_porosity_ + span * exp(-most / gamma);
    porosity_ = select(pressed, select(limited_, min(forced, incoming_porosity_), wanted), incoming_porosity_);
    line_load_ = select(pressed, select(limited_, most, needed), L(0.0));
    thickness_ = loading_ / (solid_density_ * (1.0 - porosity_));
  }

  // Work of compression, the load over the arc of contact √(R·Δh), and rolls that are kept warm, 2 kW [K]; J
  [[nodiscard]] L energy() const {
    constexpr double kRollRadius = 0.3;  // m [K]
    const L reduction = max(incoming_thickness_ - thickness_, L(0.0));
    return length_ * (coated_width_ * line_load_ * sqrt(reduction / kRollRadius) + 2e3 / p_.roll_speed);
  }

  CalendaringParameters p_;
  bool anode_;
  Line line_;
  double least_porosity_;
  L solid_density_;
  double coated_length_;
  L gap_{}, local_{}, loading_{}, coated_width_{};
  L incoming_porosity_{}, incoming_thickness_{};
  L thickness_{}, porosity_{}, line_load_{};
  MaskOf<L> limited_{};
  double steps_;
  double length_ = 0;
};

}  // namespace
}  // namespace battery_twin::process
