#include "battery_twin/process/formation_cycling.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "mechanistic/formation_cycling.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<FormationCyclingParameters>, 4> kFields{{
    {.name = "charge_current_A",
     .member = &FormationCyclingParameters::charge_current_A,
     .unit = "A",
     .description = "Charge current",
     .reference = 0.05,
     .mechanistic = 1.0,
     .hard = positive_up_to(1e3)},
    {.name = "charge_voltage_limit_V",
     .member = &FormationCyclingParameters::charge_voltage_limit_V,
     .unit = "V",
     .description = "Highest voltage; mechanistic: there it is held until the current has fallen",
     .reference = 4.2,
     .hard = positive_up_to(10),
     .usual = between(3.6, 4.4)},
    {.name = "initial_voltage",
     .member = &FormationCyclingParameters::initial_voltage,
     .unit = "V",
     .description = "Voltage before the first charge; mechanistic: up to it at a tenth of the current",
     .reference = 1.0,
     .hard = positive_up_to(10)},
    {.name = "formation_duration_s",
     .member = &FormationCyclingParameters::formation_duration_s,
     .unit = "s",
     .description = "Longest duration of formation",
     .reference = 200.0,
     .mechanistic = 43'200.0,
     .hard = {.above = 0.0}},
}};

constexpr std::array<Output, 5> kOutputs{{
    {.name = "Voltage_V", .unit = "V", .description = "Cell voltage"},
    {.name = "Capacity_Ah", .unit = "Ah", .description = "Capacity formed so far"},
    {.name = "sei_efficiency", .unit = "1", .description = "Progress of the SEI"},
    {.name = "Eta wetting", .unit = "1", .description = "Share of the pores that is filled"},
    {.name = "Volume_electrolyte", .unit = "m3", .description = "Electrolyte in the cell"},
}};

// The Python server's model: a logistic in time for the SEI, a voltage that rises with charge over capacity.
class ReferenceFormationCycling {
 public:
  static double steps(const FormationCyclingParameters& parameters) { return parameters.formation_duration_s + 1; }

  ReferenceFormationCycling(Line /*line*/, const Product& upstream, const FormationCyclingParameters& parameters,
                            const Noise& /*noise*/)
      : p_(parameters), wetting_(upstream.cell.wetting), electrolyte_(upstream.cell.electrolyte_volume) {}

  [[nodiscard]] std::optional<std::string> stop_reason() const {
    if (voltage_ < p_.charge_voltage_limit_V) return std::nullopt;
    return "the voltage reached its limit of " + to_text(p_.charge_voltage_limit_V) + " V";
  }

  void step(std::uint32_t t) {
    constexpr double kTheoreticalCapacity = 2.0;  // Ah
    sei_ = 1 / (1 + std::exp(-0.05 * (static_cast<double>(t) - 300)));
    capacity_ = kTheoreticalCapacity * sei_ * wetting_;
    voltage_ = std::min(p_.initial_voltage + p_.charge_current_A * t / (capacity_ + 1e-6), p_.charge_voltage_limit_V);
  }

  void properties(std::span<double> out) const {
    const std::array values{voltage_, capacity_, sei_, wetting_, electrolyte_};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& product) const {
    product.cell.sei_efficiency = sei_;
    product.cell.capacity = capacity_;
  }

 private:
  FormationCyclingParameters p_;
  double wetting_, electrolyte_;
  double voltage_ = 0, capacity_ = 0, sei_ = 0;
};

constexpr std::array<Output, 20> kMechanisticOutputs{{
    {.name = "Voltage_V", .unit = "V", .description = "Cell voltage"},
    {.name = "Capacity_Ah", .unit = "Ah", .description = "Charge taken out in the first discharge so far"},
    {.name = "sei_efficiency", .unit = "1", .description = "First-cycle efficiency, charge out over charge in"},
    {.name = "Eta wetting", .unit = "1", .description = "Share of the pores that is filled"},
    {.name = "Volume_electrolyte", .unit = "m3", .description = "Electrolyte in the cell"},
    {.name = "Current_A", .unit = "A", .description = "Current, positive while charging"},
    {.name = "charge_in_Ah", .unit = "Ah", .description = "Charge put in so far"},
    {.name = "energy_in_Wh", .unit = "Wh", .description = "Energy put in so far"},
    {.name = "energy_out_Wh", .unit = "Wh", .description = "Energy taken out so far"},
    {.name = "sei_thickness", .unit = "m", .description = "Thickness of the SEI"},
    {.name = "sei_charge_Ah", .unit = "Ah", .description = "Lithium bound in the SEI"},
    {.name = "internal_resistance", .unit = "Ohm", .description = "Resistance with the SEI"},
    {.name = "anode_capacity_Ah", .unit = "Ah", .description = "What the graphite can hold"},
    {.name = "cathode_capacity_Ah",
     .unit = "Ah",
     .description = "What the cathode can hold, on the scale of its stoichiometry"},
    {.name = "np_ratio", .unit = "1", .description = "Anode over cathode capacity in use"},
    {.name = "plating_margin", .unit = "V", .description = "Lowest potential of the graphite against lithium"},
    {.name = "incomplete",
     .unit = "",
     .description = "The duration ended before the discharge did",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = "plating_risk",
     .unit = "",
     .description = "Lithium may have plated",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "low_capacity",
     .unit = "",
     .description = "Less than 95 % of the nominal capacity",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy the machine used on the cell so far"},
}};

// Nominal capacity in and out at the current, and a tenth for the constant voltage.
void unusual_parameters(const Values& values, const CellDesign& design, std::vector<std::string>& found) {
  const auto p = to_parameters<FormationCyclingParameters>(kFields, values);
  const double needed = 2.1 * design.nominal_capacity / p.charge_current_A * 3600;
  if (p.formation_duration_s < needed)
    found.push_back("formation_duration_s " + approximately(p.formation_duration_s) + " s is short: at " +
                    approximately(p.charge_current_A) + " A a charge and a discharge of " +
                    approximately(design.nominal_capacity) + " Ah take about " + approximately(needed) + " s");
  if (p.charge_current_A < design.nominal_capacity / 50 || p.charge_current_A > design.nominal_capacity / 2)
    found.push_back("charge_current_A " + approximately(p.charge_current_A) + " A is unusual for this cell: usually " +
                    approximately(design.nominal_capacity / 50) + " to " + approximately(design.nominal_capacity / 2) +
                    " A");
}

}  // namespace

const MachineType& formation_cycling() {
  static const MachineType type = [] {
    MachineModel reference = model_of<FormationCyclingParameters, ReferenceFormationCycling, kFields>(kOutputs);
    reference.steps_field = "formation_duration_s";
    MachineModel mechanistic = mechanistic_model<MechanisticFormationCycling, FormationCyclingParameters, kFields>(
        "formation_cycling", kMechanisticOutputs);
    mechanistic.steps_field = "formation_duration_s";
    mechanistic.remarks = unusual_parameters;
    MachineType described = describe<FormationCyclingParameters, kFields>(
        "formation_cycling", "Charges the cell for the first time", reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
