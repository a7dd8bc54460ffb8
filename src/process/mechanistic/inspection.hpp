#pragma once

#include "battery_twin/process/inspection.hpp"
#include "model.hpp"
#include "slitting.hpp"

namespace battery_twin::process {
namespace {

/// Probability that a camera sees a defect of a size, m: logistic in the size's logarithm, half of those of 80 µm [K].
[[maybe_unused]] inline double detection_probability(double size) {
  return 1 / (1 + std::exp(-std::log(size / 80e-6) / 0.3));
}

/// The same, the mean over all defects: sizes are lognormal, median 100 µm, σ of the logarithm 0.5 [K]. A sum over the
/// normal distribution with a step of ¼ σ, whose error for so smooth a function is below 1e-6.
[[maybe_unused]] inline double mean_detection_probability() {
  static const double mean = [] {
    double weighted = 0, weights = 0;
    for (int i = -32; i <= 32; ++i) {
      const double z = i / 4.0;
      const double weight = std::exp(-z * z / 2);
      weighted += weight * detection_probability(100e-6 * std::exp(0.5 * z));
      weights += weight;
    }
    return weighted / weights;
  }();
  return mean;
}

/// Inspection. A strip of area A has Poisson(λA) defects, λ from coating. Each is seen with a probability
/// that depends on its size (probability of detection as in non-destructive testing; defect classes: Schoo et al.,
/// Batteries 9, 2023, 111); by thinning, the seen and the missed ones are independent Poisson numbers. Dirt gives 0.002
/// false alarms a metre. Gauges scatter: width 20 µm, thickness 0.5 µm, loading 0.3 %, burr 5 %. All tests are of what
/// is measured, not of what is true: good strips are lost and bad ones pass. Numbers [K]. More than 30 defects of a
/// kind count as about 30.
template <class L>
class MechanisticInspection {
 public:
  static constexpr double kSteps = 10;
  static constexpr double kFalseAlarms = 0.002;    // 1/m
  static constexpr double kMostDefects = 30;       // mean number on a strip
  static constexpr double kPower = 500;            // W of lamps, cameras and computers [K]
  static constexpr double kInspectionSpeed = 0.5;  // m/s [K]

  static double steps(const InspectionParameters& /*parameters*/, const CellDesign& /*design*/) { return kSteps; }

  explicit MechanisticInspection(const Setting<L, InspectionParameters>& setting)
      : p_(setting.parameters),
        line_(setting.line),
        web_length_(setting.design.coated_length),
        strip_length_(setting.design.electrode_length),
        web_(setting.web()) {
    const auto [width, thickness] = setting.draws.cell_normals(0);
    const auto [loading, burr] = setting.draws.cell_normals(1);
    width_ = web_.width + 20e-6 * width;
    epsilon_width_ = web_.epsilon_width + 20e-6 * width;
    thickness_ = web_.thickness + 0.5e-6 * thickness;
    epsilon_thickness_ = web_.thickness - web_.target_thickness + 0.5e-6 * thickness;
    loading_ = web_.solid_loading * (1.0 + 0.003 * loading);
    burr_factor_ = web_.burr_height / kBurrUnit * max(1.0 + 0.05 * burr, L(0.0));
    const L defects = max(web_.defect_density * web_.width * strip_length_, L(0.0));
    const double seen = mean_detection_probability();
    detected_ = setting.draws.cell_poisson(2, min(defects * seen, L(kMostDefects)));
    escapes_ = setting.draws.cell_poisson(3, min(defects * (1 - seen), L(kMostDefects)));
    false_alarms_ = setting.draws.cell_poisson(4, L(std::min(kFalseAlarms * strip_length_, kMostDefects)));
  }

  void step(std::uint32_t t) { share_ = std::min((t + 1.0) / kSteps, 1.0); }
  void run() { share_ = 1; }

  void properties(std::span<L> out) const {
    const auto width = abs(epsilon_width_) <= p_.epsilon_width_max;
    const auto thickness = abs(epsilon_thickness_) <= p_.epsilon_thickness_max;
    const auto burr = burr_factor_ <= p_.b_max;
    const auto surface = found() <= p_.d_surface_max;
    out[0] = width_;
    out[1] = thickness_;
    out[2] = epsilon_width_;
    out[3] = burr_factor_;
    out[4] = web_.porosity;
    out[5] = epsilon_thickness_;
    out[6] = found();
    out[7] = to_number(width);
    out[8] = to_number(thickness);
    out[9] = to_number(burr);
    out[10] = to_number(surface);
    out[11] = to_number(width & thickness & burr & surface);
    out[12] = web_.width;
    out[13] = web_.thickness;
    out[14] = web_.burr_height / kBurrUnit;
    out[15] = loading_;
    out[16] = web_.solid_loading;
    out[17] = so_far(detected_ + escapes_);
    out[18] = so_far(escapes_);
    out[19] = so_far(false_alarms_);
    out[20] = L(mean_detection_probability());
    out[21] = L(kPower * share_ * web_length_ / kInspectionSpeed);
  }

  void hand_on(ProductOf<L>& product) const { product.web(line_).escapes = escapes_; }

  void remarks(std::vector<std::string>& found_remarks) const requires std::same_as<L, double> {
    if (!(abs(epsilon_width_) <= p_.epsilon_width_max))
      found_remarks.push_back("the width deviates by " + approximately(epsilon_width_) + " m: more than " +
                              approximately(p_.epsilon_width_max) + " m");
    if (!(abs(epsilon_thickness_) <= p_.epsilon_thickness_max))
      found_remarks.push_back("the thickness deviates by " + approximately(epsilon_thickness_) + " m: more than " +
                              approximately(p_.epsilon_thickness_max) + " m");
    if (!(burr_factor_ <= p_.b_max))
      found_remarks.push_back("the burr factor is " + approximately(burr_factor_) + ": more than " +
                              approximately(p_.b_max));
    if (!(found() <= p_.d_surface_max))
      found_remarks.push_back(approximately(found()) + " defects were found: more than " +
                              approximately(p_.d_surface_max));
    if (escapes_ > 0) found_remarks.push_back(approximately(escapes_) + " defects were not seen");
  }

 private:
  // Counts grow with the share of the strip that has been inspected.
  [[nodiscard]] L so_far(const L& count) const { return floor(count * share_ + 1e-9); }
  [[nodiscard]] L found() const { return so_far(detected_ + false_alarms_); }

  InspectionParameters p_;
  Line line_;
  double web_length_, strip_length_;
  WebOf<L> web_;
  L width_{}, epsilon_width_{}, thickness_{}, epsilon_thickness_{}, loading_{}, burr_factor_{};
  L detected_{}, escapes_{}, false_alarms_{};
  double share_ = 0;
};

}  // namespace
}  // namespace battery_twin::process
