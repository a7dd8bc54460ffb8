#include "battery_twin/process/aging.hpp"

#include <array>
#include <cmath>

#include "mechanistic/aging.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<AgingParameters>, 3> kFields{{
    {.name = "k_leak",
     .member = &AgingParameters::k_leak,
     .unit = "1/s",
     .description = "Rate of self-discharge; mechanistic: beside the modelled one",
     .reference = 1e-8,
     .mechanistic = 1e-10,
     .hard = {.above = 0.0}},
    {.name = "temperature",
     .member = &AgingParameters::temperature,
     .unit = "K",
     .description = "Temperature of the store (not used by reference)",
     .reference = 298.15,
     .hard = between(200, 600),
     .usual = between(288.15, 318.15),
     .hint = "temperatures are in kelvin: degrees Celsius plus 273.15"},
    {.name = "aging_time_days",
     .member = &AgingParameters::aging_time_days,
     .unit = "d",
     .description = "Time in the store",
     .reference = 10.0,
     .hard = {.at_least = 1.0 / 24},
     .usual = between(3, 30)},
}};

constexpr std::array<Output, 5> kOutputs{{
    {.name = "SOC", .unit = "1", .description = "State of charge"},
    {.name = "Initial_SOC", .unit = "1", .description = "State of charge at the start"},
    {.name = "Final_OCV_V", .unit = "V", .description = "Open-circuit voltage"},
    {.name = "Leakage_Current_A", .unit = "A", .description = "Leakage current"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Always true in reference",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
}};

// The Python server's model. Its hours meet a rate per second and its defect flag is always true; both are kept.
class ReferenceAging {
 public:
  static double steps(const AgingParameters& parameters) { return 24 * parameters.aging_time_days; }

  ReferenceAging(Line /*line*/, const Product& upstream, const AgingParameters& parameters, const Noise& /*noise*/)
      : p_(parameters), initial_soc_(upstream.cell.sei_efficiency) {}

  void step(std::uint32_t t) { step_ = t; }

  void properties(std::span<double> out) const {
    const double soc = step_ ? initial_soc_ * std::exp(-p_.k_leak * *step_) : initial_soc_;
    const std::array values{soc, initial_soc_, step_ ? 3.0 + 1.2 * soc : 0.0, step_ ? p_.k_leak * 1e-3 : 0.0,
                            step_ ? 1.0 : 0.0};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& /*product*/) const {}

 private:
  AgingParameters p_;
  double initial_soc_;
  std::optional<std::uint32_t> step_;  // done last
};

constexpr std::array<Output, 13> kMechanisticOutputs{{
    {.name = "SOC", .unit = "1", .description = "State of charge"},
    {.name = "Initial_SOC", .unit = "1", .description = "State of charge at the start"},
    {.name = "Final_OCV_V", .unit = "V", .description = "Open-circuit voltage"},
    {.name = "Leakage_Current_A", .unit = "A", .description = "Self-discharge as a current"},
    {.name = "defect_risk",
     .unit = "",
     .description = "Self-discharge above half of the limit",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "self_discharge_mV_per_day", .unit = "mV/day", .description = "Fall of the voltage"},
    {.name = "k_value_mV_per_h", .unit = "mV/h", .description = "Fall of the voltage"},
    {.name = "capacity_Ah", .unit = "Ah", .description = "Capacity after calendar aging"},
    {.name = "internal_resistance", .unit = "Ohm", .description = "Resistance after calendar aging"},
    {.name = "capacity_loss", .unit = "1", .description = "Share of the capacity lost by calendar aging"},
    {.name = "micro_short",
     .unit = "",
     .description = "An undetected defect or a burr leaks",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "self_discharge_high",
     .unit = "",
     .description = "The voltage falls by more than 2 mV a day",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy the machine used on the cell so far"},
}};

}  // namespace

const MachineType& aging() {
  static const MachineType type = [] {
    MachineModel reference = model_of<AgingParameters, ReferenceAging, kFields>(kOutputs);
    reference.steps_field = "aging_time_days";
    MachineModel mechanistic =
        mechanistic_model<MechanisticAging, AgingParameters, kFields>("aging", kMechanisticOutputs);
    mechanistic.steps_field = "aging_time_days";
    MachineType described =
        describe<AgingParameters, kFields>("aging", "Stores the charged cell", reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
