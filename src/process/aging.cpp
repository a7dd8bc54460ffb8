#include "battery_twin/process/aging.hpp"

#include <array>
#include <cmath>

namespace battery_twin::process {
namespace {

constexpr std::array<Field<AgingParameters>, 3> kFields{{
    {.name = "k_leak",
     .member = &AgingParameters::k_leak,
     .unit = "1/s",
     .description = "Rate of self-discharge",
     .reference = 1e-8,
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
      : p_(parameters), initial_soc_(upstream.cell.sei_efficiency), soc_(initial_soc_) {}

  void step(std::uint32_t t) {
    soc_ = initial_soc_ * std::exp(-p_.k_leak * t);
    ocv_ = 3.0 + 1.2 * soc_;
    leakage_ = p_.k_leak * 1e-3;
    defect_risk_ = true;
  }

  void properties(std::span<double> out) const {
    const std::array values{soc_, initial_soc_, ocv_, leakage_, defect_risk_ ? 1.0 : 0.0};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& /*product*/) const {}

 private:
  AgingParameters p_;
  double initial_soc_, soc_;
  double ocv_ = 0, leakage_ = 0;
  bool defect_risk_ = false;
};

}  // namespace

const MachineType& aging() {
  static const MachineType type = [] {
    MachineModel reference = model_of<AgingParameters, ReferenceAging, kFields>(kOutputs);
    reference.steps_field = "aging_time_days";
    MachineType described = describe<AgingParameters, kFields>("aging", "Stores the charged cell", reference);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
