#include "battery_twin/process/slitting.hpp"

#include <array>
#include <cmath>

#include "mechanistic/slitting.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<SlittingParameters>, 4> kFields{{
    {.name = "blade_sharpness",
     .member = &SlittingParameters::blade_sharpness,
     .unit = "1",
     .description = "Sharpness relative to a new blade",
     .reference = 1.0,
     .hard = {.above = 0.0},
     .usual = between(0.3, 2)},
    {.name = "slitting_speed",
     .member = &SlittingParameters::slitting_speed,
     .unit = "m/s",
     .description = "Speed of the web through the knives",
     .reference = 0.1,
     .hard = positive_up_to(10),
     .usual = {.at_most = 2.0}},
    {.name = "target_width",
     .member = &SlittingParameters::target_width,
     .unit = "m",
     .description = "Width to cut to",
     .reference = 0.5,
     .mechanistic = 0.058,
     .hard = positive_up_to(10)},
    {.name = "slitting_tension",
     .member = &SlittingParameters::slitting_tension,
     .unit = "N",
     .description = "Tension of the web",
     .reference = 50.0,
     .hard = positive_up_to(1e5)},
}};

constexpr std::array<Output, 5> kOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness of the electrode"},
    {.name = "width_final", .unit = "m", .description = "Width after the cut"},
    {.name = "epsilon_width", .unit = "m", .description = "Deviation from the target width"},
    {.name = "burr_factor", .unit = "1", .description = "Burr at the cut edge"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Width or burr out of bounds",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
}};

constexpr std::array<Output, 12> kMechanisticOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness of the calendered coating"},
    {.name = "width_final", .unit = "m", .description = "Width after the cut", .disturbed = true},
    {.name = "epsilon_width", .unit = "m", .description = "Deviation from the target width"},
    {.name = "burr_factor", .unit = "1", .description = "Burr at the cut edge over 5 µm"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Burr above 10 µm or width off by more than 0.2 mm",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "burr_height", .unit = "m", .description = "Height of the burr at the cut edge"},
    {.name = "blade_sharpness_effective", .unit = "1", .description = "Sharpness of the blade as it has worn"},
    {.name = "strips", .unit = "1", .description = "Electrodes cut so far", .kind = Kind::integer},
    {.name = "trim_scrap", .unit = "1", .description = "Share of the web's width beside the lanes"},
    {.name = "no_strip",
     .unit = "",
     .description = "The web is too small for a single electrode",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = "burr_through",
     .unit = "",
     .description = "Burr above 80 % of the separator's thickness",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy of knives and winders for the web"},
}};

// The Python server's model: a width redrawn every step, a burr that grows with speed and tension.
class ReferenceSlitting {
 public:
  static double steps(const SlittingParameters& /*parameters*/) { return 30; }

  ReferenceSlitting(Line line, const Product& upstream, const SlittingParameters& parameters, const Noise& noise)
      : p_(parameters), line_(line), noise_(noise), thickness_(upstream.web(line).dry_thickness) {}

  void step(std::uint32_t t) {
    step_ = t;
    burr_factor_ = 1 / p_.blade_sharpness * (p_.slitting_speed / 1) * (p_.slitting_tension / 100);
  }

  void properties(std::span<double> out) const {
    const bool defect_risk = std::abs(epsilon_width()) > 0.1 || burr_factor_ > 2;
    const std::array values{thickness_, width(), epsilon_width(), burr_factor_, defect_risk ? 1.0 : 0.0};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& product) const {
    Web& web = product.web(line_);
    web.width = width();
    web.epsilon_width = epsilon_width();
    web.burr_factor = burr_factor_;
  }

 private:
  // Drawn anew in every step; only the one that is looked at is worked out.
  [[nodiscard]] double width() const { return step_ ? noise_.normal(*step_, 0, p_.target_width, 0.05) : 0; }
  [[nodiscard]] double epsilon_width() const { return step_ ? width() - p_.target_width : 0; }

  SlittingParameters p_;
  Line line_;
  Noise noise_;
  double thickness_;
  double burr_factor_ = 0;
  std::optional<std::uint32_t> step_;  // done last
};

}  // namespace

const MachineType& slitting() {
  static const MachineType type = [] {
    MachineModel reference = model_of<SlittingParameters, ReferenceSlitting, kFields>(kOutputs);
    MachineModel mechanistic =
        mechanistic_model<MechanisticSlitting, SlittingParameters, kFields>("slitting", kMechanisticOutputs);
    mechanistic.steps_field = "slitting_speed";
    MachineType described = describe<SlittingParameters, kFields>("slitting", "Cuts the web to the electrode's width",
                                                                  reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
