#include "battery_twin/process/calendaring.hpp"

#include <array>
#include <cmath>

#include "mechanistic/calendaring.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<CalendaringParameters>, 6> kFields{{
    {.name = "roll_gap",
     .member = &CalendaringParameters::roll_gap,
     .unit = "m",
     .description = "Gap between the rolls",
     .reference = 100e-6,
     .mechanistic = Default{70.1e-6, 61.4e-6},
     .hard = positive_up_to(0.01)},
    {.name = "roll_pressure",
     .member = &CalendaringParameters::roll_pressure,
     .unit = "Pa",
     .description = "Hydraulic pressure on the rolls",
     .reference = 5e6,
     .hard = positive_up_to(1e10),
     .usual = between(1e5, 1e8)},
    {.name = "temperature",
     .member = &CalendaringParameters::temperature,
     .unit = "K",
     .description = "Roll temperature (not used by reference)",
     .reference = 353.15,
     .hard = between(200, 600),
     .usual = between(293.15, 393.15),
     .hint = "temperatures are in kelvin: degrees Celsius plus 273.15"},
    {.name = "roll_speed",
     .member = &CalendaringParameters::roll_speed,
     .unit = "m/s",
     .description = "Surface speed of the rolls (not used by reference)",
     .reference = 0.1,
     .mechanistic = 0.08,
     .hard = positive_up_to(10)},
    {.name = "dry_thickness",
     .member = &CalendaringParameters::dry_thickness,
     .unit = "m",
     .description = "Thickness of the incoming film; null: as dried (shown, never used by reference)",
     .reference = 1e-4,
     .mechanistic = Default{},
     .hard = positive_up_to(0.01)},
    {.name = "initial_porosity",
     .member = &CalendaringParameters::initial_porosity,
     .unit = "1",
     .description = "Porosity of the incoming film; null: as dried, 0.4 in reference",
     .reference = 0.4,
     .mechanistic = Default{},
     .hard = open_unit_interval(),
     .usual = between(0.35, 0.6)},
}};

constexpr double kDefaultPorosity = 0.4;

constexpr std::array<Output, 3> kOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness behind the rolls"},
    {.name = "porosity", .unit = "1", .description = "Porosity behind the rolls"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Pressure too high for the film",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
}};

// The Python server's model: thickness = gap, porosity falls exponentially with strain. The dried thickness, not the
// calendered one, is what the Python server hands on.
class ReferenceCalendaring {
 public:
  static double steps(const CalendaringParameters& /*parameters*/) { return 60; }

  ReferenceCalendaring(Line line, const Product& upstream, const CalendaringParameters& parameters,
                       const Noise& /*noise*/)
      : p_(parameters), line_(line), incoming_(upstream.web(line).dry_thickness) {}

  void step(std::uint32_t /*t*/) {
    const double strain = (incoming_ - p_.roll_gap) / incoming_;
    const double stress = 5e8 * strain;
    porosity_ = p_.initial_porosity.value_or(kDefaultPorosity) * std::exp(-3 * strain);
    thickness_ = p_.roll_gap;
    defect_risk_ = p_.roll_pressure > 2 * stress;
  }

  void properties(std::span<double> out) const {
    out[0] = thickness_;
    out[1] = porosity_;
    out[2] = defect_risk_ ? 1 : 0;
  }

  void hand_on(Product& product) const { product.web(line_).porosity = porosity_; }

 private:
  CalendaringParameters p_;
  Line line_;
  double incoming_;
  double thickness_ = 0, porosity_ = 0;
  bool defect_risk_ = false;
};

constexpr std::array<Output, 14> kMechanisticOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness behind the rolls"},
    {.name = "porosity", .unit = "1", .description = "Porosity behind the rolls"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Pressed so far that particles crack",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "density", .unit = "kg/m3", .description = "Density of the coating"},
    {.name = "line_load", .unit = "N/m", .description = "Force over width"},
    {.name = "highest_load", .unit = "N/m", .description = "What the hydraulics can give"},
    {.name = "macmullin_number",
     .unit = "1",
     .description = "Resistance of the electrolyte in the pores over that of the electrolyte"},
    {.name = "contact_resistance", .unit = "1", .description = "Relative to the dried film"},
    {.name = "solid_loading", .unit = "kg/m2", .description = "Dry mass per area"},
    {.name = "local_loading", .unit = "1", .description = "Dry mass per area over the web's mean", .disturbed = true},
    {.name = "roll_gap", .unit = "m", .description = "Gap that the rolls really had", .disturbed = true},
    {.name = "force_limited",
     .unit = "",
     .description = "The rolls cannot press to the gap",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "not_pressed",
     .unit = "",
     .description = "The gap is wider than the film",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy the machine used on the batch so far"},
}};

}  // namespace

const MachineType& calendaring() {
  static const MachineType type = [] {
    MachineModel reference = model_of<CalendaringParameters, ReferenceCalendaring, kFields>(kOutputs);
    MachineModel mechanistic =
        mechanistic_model<MechanisticCalendaring, CalendaringParameters, kFields>("calendaring", kMechanisticOutputs);
    mechanistic.steps_field = "roll_speed";
    MachineType described = describe<CalendaringParameters, kFields>(
        "calendaring", "Presses the film between two rolls", reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
