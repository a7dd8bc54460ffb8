#include "battery_twin/process/coating.hpp"

#include <array>

#include "battery_twin/process/rounding.hpp"
#include "mechanistic/coating.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<CoatingParameters>, 4> kFields{{
    {.name = "coating_speed",
     .member = &CoatingParameters::coating_speed,
     .unit = "m/s",
     .description = "Speed of the foil under the die",
     .reference = 0.05,
     .hard = positive_up_to(10),
     .usual = between(0.01, 1.7)},
    {.name = "gap_height",
     .member = &CoatingParameters::gap_height,
     .unit = "m",
     .description = "Gap between die and foil",
     .reference = 200e-6,
     .mechanistic = 250e-6,
     .hard = positive_up_to(0.01),
     .usual = between(50e-6, 500e-6)},
    {.name = "flow_rate",
     .member = &CoatingParameters::flow_rate,
     .unit = "m3/s",
     .description = "Slurry pumped through the die",
     .reference = 5e-6,
     .mechanistic = Default{3.98e-6, 3.55e-6},
     .hard = {.above = 0.0}},
    {.name = "coating_width",
     .member = &CoatingParameters::coating_width,
     .unit = "m",
     .description = "Width of the coated film",
     .reference = 0.5,
     .hard = positive_up_to(10),
     .usual = {.at_most = 3.0}},
}};

constexpr std::array<Output, 5> kOutputs{{
    {.name = "solid_content", .unit = "1", .description = "Solids by volume in the wet film"},
    {.name = "viscosity", .unit = "Pa*s", .description = "Viscosity of the slurry"},
    {.name = "wet_thickness", .unit = "m", .description = "Thickness of the wet film"},
    {.name = "dry_thickness", .unit = "m", .description = "Thickness of the film once dry"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Shear rate too high for the slurry",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
}};

constexpr std::array<Output, 2> kSpecifics{{
    {.name = "shear_rate", .unit = "1/s", .description = "Speed over gap"},
    {.name = "uniformity_std", .unit = "1", .description = "Standard deviation of the film's uniformity"},
}};

// The Python server's model: a premetered film, h = Q/(v·W).
class ReferenceCoating {
 public:
  static double steps(const CoatingParameters& /*parameters*/) { return 20; }

  ReferenceCoating(Line line, const Product& upstream, const CoatingParameters& parameters, const Noise& /*noise*/)
      : p_(parameters), line_(line), raw_viscosity_(upstream.web(line).viscosity) {
    const Web& slurry = upstream.web(line);
    const double solids = slurry.am_volume + slurry.ca_volume + slurry.pvdf_volume;
    solid_content_ = solids / (solids + slurry.solvent_volume);
  }

  void step(std::uint32_t /*t*/) {
    wet_thickness_ = p_.flow_rate / (p_.coating_speed * p_.coating_width);
    dry_thickness_ = wet_thickness_ * solid_content_;
    defect_risk_ = shear_rate() > 100 * raw_viscosity_;
  }

  void properties(std::span<double> out) const {
    out[0] = solid_content_;
    out[1] = round4_correctly(raw_viscosity_);
    out[2] = round4_correctly(wet_thickness_);
    out[3] = round4_correctly(dry_thickness_);
    out[4] = defect_risk_ ? 1 : 0;
  }

  void specifics(std::span<double> out) const {
    out[0] = shear_rate();
    out[1] = 0.01 * shear_rate() / 500;
  }

  void hand_on(Product& product) const {
    Web& web = product.web(line_);
    web.wet_thickness = wet_thickness_;
    web.solid_content = solid_content_;
  }

 private:
  [[nodiscard]] double shear_rate() const { return p_.coating_speed / p_.gap_height; }

  CoatingParameters p_;
  Line line_;
  double raw_viscosity_;
  double solid_content_ = 0;
  double wet_thickness_ = 0, dry_thickness_ = 0;
  bool defect_risk_ = false;
};

constexpr std::array<Output, 21> kMechanisticOutputs{{
    {.name = "solid_content", .unit = "1", .description = "Solids by mass in the wet film"},
    {.name = "viscosity", .unit = "Pa*s", .description = "Viscosity of the slurry at 100 1/s"},
    {.name = "wet_thickness", .unit = "m", .description = "Thickness of the wet film"},
    {.name = "dry_thickness", .unit = "m", .description = "Thickness that the film will have once dry"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Outside of the coating window",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "solid_loading", .unit = "kg/m2", .description = "Dry mass per area"},
    {.name = "solvent_loading", .unit = "kg/m2", .description = "Solvent per area"},
    {.name = "gap_ratio", .unit = "1", .description = "Wet film over gap"},
    {.name = "least_wet_thickness", .unit = "m", .description = "Thinnest film that is stable"},
    {.name = "capillary_number", .unit = "1", .description = "Viscous over surface forces"},
    {.name = "bead_pressure", .unit = "Pa", .description = "Pressure over the lip"},
    {.name = "thickness_variation", .unit = "1", .description = "Relative standard deviation of the film's thickness"},
    {.name = "edge_elevation", .unit = "1", .description = "How much higher the film's edge stands"},
    {.name = "defect_density", .unit = "1/m2", .description = "Coating defects"},
    {.name = "coated_length", .unit = "m", .description = "Web coated so far"},
    {.name = "flow_rate", .unit = "m3/s", .description = "Flow rate that the pump really gave", .disturbed = true},
    {.name = "coating_speed", .unit = "m/s", .description = "Speed that the web really had", .disturbed = true},
    {.name = "broken_bead",
     .unit = "",
     .description = "No continuous film",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = "weeping",
     .unit = "",
     .description = "Slurry comes out of the die",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "air_entrained",
     .unit = "",
     .description = "The web drags air into the film",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy the machine used on the batch so far"},
}};

void unusual_parameters(const Values& values, const CellDesign& /*design*/, std::vector<std::string>& found) {
  const auto p = to_parameters<CoatingParameters>(kFields, values);
  const double wet = p.flow_rate / (p.coating_speed * p.coating_width);
  if (wet < 30e-6 || wet > 400e-6)
    found.push_back("flow_rate " + approximately(p.flow_rate) + " m3/s makes a wet film of " + approximately(wet) +
                    " m: usually between 3e-05 and 0.0004 m");
}

}  // namespace

const MachineType& coating() {
  static const MachineType type = [] {
    MachineModel reference = model_of<CoatingParameters, ReferenceCoating, kFields>(kOutputs);
    reference.specifics = kSpecifics;
    MachineModel mechanistic =
        mechanistic_model<MechanisticCoating, CoatingParameters, kFields>("coating", kMechanisticOutputs);
    mechanistic.specifics = kSpecifics;
    mechanistic.steps_field = "coating_speed";
    mechanistic.remarks = unusual_parameters;
    mechanistic.per_batch = true;
    MachineType described = describe<CoatingParameters, kFields>(
        "coating", "Coats the slurry onto the foil through a slot die", reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
