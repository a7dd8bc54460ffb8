#include "battery_twin/process/inspection.hpp"

#include <array>
#include <cmath>

namespace battery_twin::process {
namespace {

constexpr std::array<Field<InspectionParameters>, 4> kFields{{
    {.name = "epsilon_width_max",
     .member = &InspectionParameters::epsilon_width_max,
     .unit = "m",
     .description = "Largest deviation of the width that passes",
     .reference = 0.1,
     .hard = positive_up_to(10),
     .usual = {.at_most = 1e-3}},
    {.name = "epsilon_thickness_max",
     .member = &InspectionParameters::epsilon_thickness_max,
     .unit = "m",
     .description = "Largest deviation of the thickness that passes",
     .reference = 1e-5,
     .hard = positive_up_to(0.01),
     .usual = {.at_most = 5e-6}},
    {.name = "B_max",
     .member = &InspectionParameters::b_max,
     .unit = "1",
     .description = "Largest burr factor that passes",
     .reference = 2.0,
     .hard = {.above = 0.0}},
    {.name = "D_surface_max",
     .member = &InspectionParameters::d_surface_max,
     .unit = "1",
     .description = "Most surface defects that pass",
     .reference = 3.0,
     .hard = {.above = 0.0}},
}};

constexpr std::array<Output, 12> kOutputs{{
    {.name = "final_width", .unit = "m", .description = "Width of the electrode"},
    {.name = "final_thickness", .unit = "m", .description = "Thickness of the electrode"},
    {.name = "epsilon_width", .unit = "m", .description = "Deviation from the target width"},
    {.name = "burr_factor", .unit = "1", .description = "Burr at the cut edge"},
    {.name = "porosity", .unit = "1", .description = "Porosity of the electrode"},
    {.name = "epsilon_thickness", .unit = "m", .description = "Deviation of the thickness"},
    {.name = "D_detected", .unit = "1", .description = "Surface defects found", .kind = Kind::integer},
    {.name = "Pass_width",
     .unit = "",
     .description = "Width within its tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Pass_thickness",
     .unit = "",
     .description = "Thickness within its tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Pass_burr",
     .unit = "",
     .description = "Burr within its tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Pass_surface",
     .unit = "",
     .description = "Surface within its tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Overall", .unit = "", .description = "All four passed", .kind = Kind::boolean, .verdict = Verdict::test},
}};

// The Python server's model: tests that are drawn anew every step and act on nothing.
class ReferenceInspection {
 public:
  static double steps(const InspectionParameters& /*parameters*/) { return 10; }

  ReferenceInspection(Line line, const Product& upstream, const InspectionParameters& parameters, const Noise& noise)
      : p_(parameters), noise_(noise), web_(upstream.web(line)) {}

  void step(std::uint32_t t) {
    epsilon_thickness_ = web_.dry_thickness * 1e-6 * noise_.uniform(t, 0, -1.0, 1.0);
    defects_ = noise_.integer(t, 1, 0, 2);
    pass_width_ = std::abs(web_.epsilon_width) <= p_.epsilon_width_max;
    pass_thickness_ = std::abs(epsilon_thickness_) <= p_.epsilon_thickness_max;
    pass_burr_ = web_.burr_factor <= p_.b_max;
    pass_surface_ = defects_ <= p_.d_surface_max;
  }

  void properties(std::span<double> out) const {
    const auto flag = [](bool value) { return value ? 1.0 : 0.0; };
    const std::array values{web_.width,
                            web_.dry_thickness,
                            web_.epsilon_width,
                            web_.burr_factor,
                            web_.porosity,
                            epsilon_thickness_,
                            static_cast<double>(defects_),
                            flag(pass_width_),
                            flag(pass_thickness_),
                            flag(pass_burr_),
                            flag(pass_surface_),
                            flag(pass_width_ && pass_thickness_ && pass_burr_ && pass_surface_)};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& /*product*/) const {}

 private:
  InspectionParameters p_;
  Noise noise_;
  Web web_;
  double epsilon_thickness_ = 0;
  int defects_ = 0;
  bool pass_width_ = false, pass_thickness_ = false, pass_burr_ = false, pass_surface_ = false;
};

}  // namespace

const MachineType& inspection() {
  static const MachineType type = [] {
    MachineModel reference = model_of<InspectionParameters, ReferenceInspection, kFields>(kOutputs);
    MachineType described = describe<InspectionParameters, kFields>(
        "inspection", "Tests width, thickness, burr and surface of the electrode", reference);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
