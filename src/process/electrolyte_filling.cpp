#include "battery_twin/process/electrolyte_filling.hpp"

#include <array>
#include <cmath>

#include "mechanistic/electrolyte_filling.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<ElectrolyteFillingParameters>, 3> kFields{{
    {.name = "vacuum_level",
     .member = &ElectrolyteFillingParameters::vacuum_level,
     .unit = "mbar",
     .description = "Absolute pressure held before filling (not used by reference)",
     .reference = 100.0,
     .mechanistic = 20.0,
     .hard = positive_up_to(1e8),
     .usual = {.at_most = 100.0}},
    {.name = "vacuum_filling",
     .member = &ElectrolyteFillingParameters::vacuum_filling,
     .unit = "mbar",
     .description = "Absolute pressure held while filling (not used by reference)",
     .reference = 60.0,
     .mechanistic = 20.0,
     .hard = positive_up_to(1e8),
     .usual = {.at_most = 100.0}},
    {.name = "soaking_time",
     .member = &ElectrolyteFillingParameters::soaking_time,
     .unit = "s",
     .description = "Time the cell soaks",
     .reference = 10.0,
     .mechanistic = 9400.0,
     .hard = {.at_least = 1.0},
     .usual = between(600, 1e6)},
}};

constexpr std::array<Output, 11> kOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness of the wound stack"},
    {.name = "porosity", .unit = "1", .description = "Mean porosity of the two electrodes"},
    {.name = "final_width", .unit = "m", .description = "Mean width of the two electrodes"},
    {.name = "epsilon_width", .unit = "m", .description = "Difference of the electrodes' widths"},
    {.name = "wound_length", .unit = "m", .description = "Length of the roll"},
    {.name = "V_sep", .unit = "m3", .description = "Volume of the separator"},
    {.name = "V_elec", .unit = "m3", .description = "Volume of the electrodes"},
    {.name = "V_max", .unit = "m3", .description = "Electrolyte that fills every pore"},
    {.name = "eta_wetting", .unit = "1", .description = "Share of the pores that is filled"},
    {.name = "V_elec_filling", .unit = "m3", .description = "Electrolyte taken up"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Less than 80 % filled",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
}};

constexpr std::array<Output, 20> kMechanisticOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness of the wound stack"},
    {.name = "porosity", .unit = "1", .description = "Mean porosity of both coatings and the separator"},
    {.name = "final_width", .unit = "m", .description = "Mean width of the two coatings"},
    {.name = "epsilon_width", .unit = "m", .description = "Difference of the coatings' widths"},
    {.name = "wound_length", .unit = "m", .description = "Length of the roll"},
    {.name = "V_sep", .unit = "m3", .description = "Pores of the separator"},
    {.name = "V_elec", .unit = "m3", .description = "Pores of the coatings"},
    {.name = "V_max", .unit = "m3", .description = "Electrolyte that fills every pore and the free volume"},
    {.name = "eta_wetting", .unit = "1", .description = "Share of the pores that is filled"},
    {.name = "V_elec_filling", .unit = "m3", .description = "Electrolyte taken up"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Less than 80 % filled",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "electrolyte_volume", .unit = "m3", .description = "Electrolyte dosed"},
    {.name = "electrolyte_mass", .unit = "kg", .description = "Mass of the electrolyte dosed"},
    {.name = "wetting_rate", .unit = "m/s^0.5", .description = "Way of the wetting front over the root of time"},
    {.name = "time_to_wet", .unit = "s", .description = "Time until the wetting fronts meet"},
    {.name = "trapped_gas", .unit = "1", .description = "Share of the wetted pores that holds gas"},
    {.name = "dry_area",
     .unit = "",
     .description = "Less than 98 % filled: the cell must soak longer",
     .kind = Kind::boolean,
     .verdict = Verdict::rework},
    {.name = "electrolyte_factor", .unit = "1", .description = "Electrolyte dosed over pore volume", .disturbed = true},
    {.name = "wetting_variation",
     .unit = "1",
     .description = "Wetting rate over what is expected of the stack",
     .disturbed = true},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy of the vacuum pump for the cell"},
}};

// The Python server's model: wetting approaches 1 − e⁻³ over the soaking time.
class ReferenceElectrolyteFilling {
 public:
  static double steps(const ElectrolyteFillingParameters& parameters) { return parameters.soaking_time; }

  ReferenceElectrolyteFilling(Line /*line*/, const Product& upstream, const ElectrolyteFillingParameters& parameters,
                              const Noise& /*noise*/)
      : p_(parameters), cell_(upstream.cell) {}

  void step(std::uint32_t t) {
    separator_ = 0.05 * cell_.wound_length;
    electrodes_ = cell_.wound_length * cell_.width * cell_.thickness;
    full_ = cell_.porosity * (electrodes_ + separator_);
    wetting_ = 1 - std::exp(-3 * (t / p_.soaking_time));
    filled_ = wetting_ * full_;
    defect_risk_ = filled_ < 0.8 * full_;
  }

  void properties(std::span<double> out) const {
    const std::array values{cell_.thickness,
                            cell_.porosity,
                            cell_.width,
                            cell_.epsilon_width,
                            cell_.wound_length,
                            separator_,
                            electrodes_,
                            full_,
                            wetting_,
                            filled_,
                            defect_risk_ ? 1.0 : 0.0};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& product) const {
    product.cell.wetting = wetting_;
    product.cell.electrolyte_volume = filled_;
  }

 private:
  ElectrolyteFillingParameters p_;
  Cell cell_;
  double separator_ = 0, electrodes_ = 0, full_ = 0, wetting_ = 0, filled_ = 0;
  bool defect_risk_ = false;
};

}  // namespace

const MachineType& electrolyte_filling() {
  static const MachineType type = [] {
    MachineModel reference = model_of<ElectrolyteFillingParameters, ReferenceElectrolyteFilling, kFields>(kOutputs);
    reference.steps_field = "soaking_time";
    MachineModel mechanistic = mechanistic_model<MechanisticElectrolyteFilling, ElectrolyteFillingParameters, kFields>(
        "electrolyte_filling", kMechanisticOutputs);
    mechanistic.steps_field = "soaking_time";
    MachineType described = describe<ElectrolyteFillingParameters, kFields>(
        "electrolyte_filling", "Fills the pores of the roll with electrolyte", reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
