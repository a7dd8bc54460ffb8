#include "battery_twin/process/inspection.hpp"

#include <array>
#include <cmath>

#include "mechanistic/inspection.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<InspectionParameters>, 4> kFields{{
    {.name = "epsilon_width_max",
     .member = &InspectionParameters::epsilon_width_max,
     .unit = "m",
     .description = "Largest deviation of the width that passes",
     .reference = 0.1,
     .mechanistic = 0.2e-3,
     .hard = positive_up_to(10),
     .usual = {.at_most = 1e-3}},
    {.name = "epsilon_thickness_max",
     .member = &InspectionParameters::epsilon_thickness_max,
     .unit = "m",
     .description = "Largest deviation of the thickness that passes",
     .reference = 1e-5,
     .mechanistic = 2.5e-6,
     .hard = positive_up_to(0.01),
     .usual = {.at_most = 5e-6}},
    {.name = "B_max",
     .member = &InspectionParameters::b_max,
     .unit = "1",
     .description = "Largest burr factor that passes; mechanistic: burr height over 5 µm",
     .reference = 2.0,
     .hard = {.above = 0.0}},
    {.name = "D_surface_max",
     .member = &InspectionParameters::d_surface_max,
     .unit = "1",
     .description = "Most surface defects that pass; mechanistic: on one electrode",
     .reference = 3.0,
     .mechanistic = 0.5,
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

constexpr std::array<Output, 22> kMechanisticOutputs{{
    {.name = "final_width", .unit = "m", .description = "Width as measured"},
    {.name = "final_thickness", .unit = "m", .description = "Thickness of the coating as measured"},
    {.name = "epsilon_width", .unit = "m", .description = "Measured deviation from the target width"},
    {.name = "burr_factor", .unit = "1", .description = "Measured burr over 5 µm"},
    {.name = "porosity", .unit = "1", .description = "Porosity of the coating"},
    {.name = "epsilon_thickness", .unit = "m", .description = "Measured deviation from the calender's target"},
    {.name = "D_detected",
     .unit = "1",
     .description = "Surface defects found, false alarms too",
     .kind = Kind::integer},
    {.name = "Pass_width",
     .unit = "",
     .description = "Measured width within its tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Pass_thickness",
     .unit = "",
     .description = "Measured thickness within its tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Pass_burr",
     .unit = "",
     .description = "Measured burr within its tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Pass_surface",
     .unit = "",
     .description = "Defects found within their tolerance",
     .kind = Kind::boolean,
     .verdict = Verdict::test},
    {.name = "Overall", .unit = "", .description = "All four passed", .kind = Kind::boolean, .verdict = Verdict::test},
    {.name = "true_width", .unit = "m", .description = "Width as it is"},
    {.name = "true_thickness", .unit = "m", .description = "Thickness of the coating as it is"},
    {.name = "true_burr_factor", .unit = "1", .description = "Burr as it is over 5 µm"},
    {.name = "loading_measured", .unit = "kg/m2", .description = "Measured solids per area of one face"},
    {.name = "true_loading", .unit = "kg/m2", .description = "Solids per area as they are"},
    {.name = "true_defects", .unit = "1", .description = "Surface defects that there are", .kind = Kind::integer},
    {.name = "escapes", .unit = "1", .description = "Surface defects that were not seen", .kind = Kind::integer},
    {.name = "false_alarms", .unit = "1", .description = "Dirt that was taken for a defect", .kind = Kind::integer},
    {.name = "detection_probability", .unit = "1", .description = "Mean probability that a defect is seen"},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy of lamps, cameras and computers for the web"},
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

// Limits that no electrode of the mechanistic plant ever crosses.
void remark_tests_without_effect(const Values& values, const CellDesign& design, std::vector<std::string>& found) {
  constexpr double kWidest = 1e-3, kThickest = 5e-6;  // m
  constexpr double kMostDefects = 10;                 // 1/m²
  constexpr double kWidth = 0.058;                    // m, of a usual strip: the slitting's parameter is not known here
  const auto p = to_parameters<InspectionParameters>(kFields, values);
  const auto cannot_fail = [&](std::string_view name, double value, std::string_view unit) {
    found.push_back(std::string(name) + " " + to_text(value) + std::string(unit) + ": this test cannot fail");
  };
  if (p.epsilon_width_max > kWidest) cannot_fail("epsilon_width_max", p.epsilon_width_max, " m");
  if (p.epsilon_thickness_max > kThickest) cannot_fail("epsilon_thickness_max", p.epsilon_thickness_max, " m");
  if (p.d_surface_max > kMostDefects * kWidth * design.electrode_length)
    found.push_back("D_surface_max " + to_text(p.d_surface_max) + ": electrodes with more than " +
                    to_text(kMostDefects) + " defects per m2 pass");
}

}  // namespace

const MachineType& inspection() {
  static const MachineType type = [] {
    MachineModel reference = model_of<InspectionParameters, ReferenceInspection, kFields>(kOutputs);
    MachineModel mechanistic =
        mechanistic_model<MechanisticInspection, InspectionParameters, kFields>("inspection", kMechanisticOutputs);
    mechanistic.remarks = remark_tests_without_effect;
    MachineType described = describe<InspectionParameters, kFields>(
        "inspection", "Tests width, thickness, burr and surface of the electrode", reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
