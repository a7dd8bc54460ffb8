#include "battery_twin/process/drying.hpp"

#include <algorithm>
#include <array>

#include "mechanistic/drying.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<DryingParameters>, 3> kFields{{
    {.name = "web_speed",
     .member = &DryingParameters::web_speed,
     .unit = "m/s",
     .description = "Speed of the web through the 10 m dryer",
     .reference = 0.05,
     .hard = positive_up_to(10)},
    {.name = "wet_thickness",
     .member = &DryingParameters::wet_thickness,
     .unit = "m",
     .description = "Thickness of the incoming wet film; null: as coated",
     .reference = {},
     .hard = positive_up_to(0.01)},
    {.name = "solid_content",
     .member = &DryingParameters::solid_content,
     .unit = "1",
     .description = "Solids in the incoming film, by mass (reference: by volume); null: as coated",
     .reference = {},
     .hard = open_unit_interval()},
}};

constexpr std::array<Output, 7> kOutputs{{
    {.name = "wet_thickness", .unit = "m", .description = "Thickness of the incoming wet film"},
    {.name = "dry_thickness", .unit = "m", .description = "Thickness of the dry film"},
    {.name = "M_solvent", .unit = "kg/m2", .description = "Solvent left in the film"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Solvent leaves too fast",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "solid_content", .unit = "1", .description = "Solids by volume in the incoming film"},
    {.name = "temperature", .unit = "degC", .description = "Air temperature"},
    {.name = "evaporation_rate", .unit = "kg/s", .description = "Solvent leaving the film"},
}};

// The Python server's model: a constant evaporation rate. Its refill is kept: a film that has run dry starts the next
// step with all its solvent again.
class ReferenceDrying {
 public:
  static double steps(const DryingParameters& parameters) { return 10 / parameters.web_speed; }

  ReferenceDrying(Line line, const Product& upstream, const DryingParameters& parameters, const Noise& /*noise*/)
      : line_(line),
        wet_thickness_(parameters.wet_thickness.value_or(upstream.web(line).wet_thickness)),
        solid_content_(parameters.solid_content.value_or(upstream.web(line).solid_content)) {}

  void step(std::uint32_t /*t*/) {
    temperature_ = 80.0;
    dry_thickness_ = wet_thickness_ * solid_content_;
    constexpr double kAirSpeed = 1, kWidth = 0.5, kHumidity = 80;
    constexpr double kArea = 0.5;  // m²
    const double transfer = 0.001 * (kAirSpeed / (kWidth * kHumidity));
    evaporation_rate_ = transfer * kArea * (1 - kHumidity / 100);
    if (solvent_ == 0) solvent_ = wet_thickness_ * (1 - solid_content_) * 1500;
    solvent_ = std::max(solvent_ - evaporation_rate_ / kArea, 0.0);
    defect_risk_ = evaporation_rate_ / kArea > 0.004;
  }

  void properties(std::span<double> out) const {
    const std::array values{wet_thickness_, dry_thickness_, solvent_,         defect_risk_ ? 1.0 : 0.0,
                            solid_content_, temperature_,   evaporation_rate_};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& product) const { product.web(line_).dry_thickness = dry_thickness_; }

 private:
  Line line_;
  double wet_thickness_, solid_content_;
  double dry_thickness_ = 0, solvent_ = 0, temperature_ = 0, evaporation_rate_ = 0;
  bool defect_risk_ = false;
};

constexpr std::array<Output, 16> kMechanisticOutputs{{
    {.name = "wet_thickness", .unit = "m", .description = "Thickness of the wet film"},
    {.name = "dry_thickness", .unit = "m", .description = "Thickness of the film now"},
    {.name = "M_solvent", .unit = "kg/m2", .description = "Solvent left"},
    {.name = "defect_risk",
     .unit = "",
     .description = "The film cracks",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "solid_content", .unit = "1", .description = "Solids by mass"},
    {.name = "temperature", .unit = "K", .description = "Temperature of the film while it is wet"},
    {.name = "evaporation_rate", .unit = "kg/(m2*s)", .description = "Solvent that leaves"},
    {.name = "residual_solvent", .unit = "1", .description = "Share of the solvent that is left"},
    {.name = "time_to_dry", .unit = "s", .description = "Time the film needs in this air"},
    {.name = "solid_loading", .unit = "kg/m2", .description = "Dry mass per area"},
    {.name = "porosity", .unit = "1", .description = "Porosity of the dried film"},
    {.name = "adhesion", .unit = "N/m", .description = "Adhesion of the coating on the foil"},
    {.name = "binder_gradient", .unit = "1", .description = "Binder carried to the surface"},
    {.name = "not_dry",
     .unit = "",
     .description = "More than 1 % of the solvent is left",
     .kind = Kind::boolean,
     .verdict = Verdict::rework},
    {.name = "wet_web",
     .unit = "",
     .description = "More than 5 % of the solvent is left",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy the machine used on the batch so far"},
}};

}  // namespace

const MachineType& drying() {
  static const MachineType type = [] {
    MachineModel reference = model_of<DryingParameters, ReferenceDrying, kFields>(kOutputs);
    reference.steps_field = "web_speed";
    MachineModel mechanistic =
        mechanistic_model<MechanisticDrying, DryingParameters, kFields>("drying", kMechanisticOutputs);
    mechanistic.steps_field = "web_speed";
    mechanistic.per_batch = true;
    MachineType described = describe<DryingParameters, kFields>("drying", "Dries the wet film in a convection dryer",
                                                                reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
