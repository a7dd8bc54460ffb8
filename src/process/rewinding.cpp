#include "battery_twin/process/rewinding.hpp"

#include <array>
#include <cmath>
#include <numbers>

#include "mechanistic/rewinding.hpp"

namespace battery_twin::process {
namespace {

constexpr std::array<Field<RewindingParameters>, 4> kFields{{
    {.name = "rewinding_speed",
     .member = &RewindingParameters::rewinding_speed,
     .unit = "m/s",
     .description = "Speed of winding",
     .reference = 0.5,
     .hard = positive_up_to(10)},
    {.name = "initial_tension",
     .member = &RewindingParameters::initial_tension,
     .unit = "N",
     .description = "Tension of the web at the core",
     .reference = 100.0,
     .mechanistic = 20.0,
     .hard = positive_up_to(1e5)},
    {.name = "tapering_steps",
     .member = &RewindingParameters::tapering_steps,
     .unit = "1",
     .description = "Exponent with which the tension falls as the roll grows",
     .reference = 0.3,
     .hard = {.at_least = 0.0},
     .usual = {.at_most = 1.0}},
    {.name = "environment_humidity",
     .member = &RewindingParameters::environment_humidity,
     .unit = "%RH",
     .description = "Relative humidity of the room (not used by reference)",
     .reference = 30.0,
     .mechanistic = 0.5,
     .hard = between(0, 100),
     .usual = {.at_most = 1.0}},
}};

constexpr std::array<Output, 8> kOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness of anode, cathode and separator together"},
    {.name = "porosity", .unit = "1", .description = "Mean porosity of the two electrodes"},
    {.name = "final_width", .unit = "m", .description = "Mean width of the two electrodes"},
    {.name = "epsilon_width", .unit = "m", .description = "Difference of the electrodes' widths"},
    {.name = "wound_length", .unit = "m", .description = "Length wound so far"},
    {.name = "roll_diameter", .unit = "m", .description = "Diameter of the roll"},
    {.name = "web_tension", .unit = "N", .description = "Tension of the web"},
    {.name = "roll_hardness", .unit = "N/m", .description = "Tension over thickness"},
}};

constexpr std::array<Output, 21> kMechanisticOutputs{{
    {.name = "final_thickness", .unit = "m", .description = "Thickness of foils, coatings and two separators"},
    {.name = "porosity", .unit = "1", .description = "Mean porosity of both coatings and the separator"},
    {.name = "final_width", .unit = "m", .description = "Mean width of the two coatings"},
    {.name = "epsilon_width", .unit = "m", .description = "Difference of the coatings' widths"},
    {.name = "wound_length", .unit = "m", .description = "Length wound so far"},
    {.name = "roll_diameter", .unit = "m", .description = "Diameter of the roll"},
    {.name = "web_tension", .unit = "N", .description = "Tension of the web as it is now"},
    {.name = "roll_hardness", .unit = "Pa", .description = "Pressure between the layers at mid radius"},
    {.name = "core_pressure", .unit = "Pa", .description = "Pressure between the layers at the core"},
    {.name = "winding_stress", .unit = "Pa", .description = "Tension over the web's cross-section at the core"},
    {.name = "overhang", .unit = "m", .description = "Anode over cathode at an edge"},
    {.name = "active_area", .unit = "m2", .description = "Faces that meet each other"},
    {.name = "moisture", .unit = "1", .description = "Water taken up, mass fraction"},
    {.name = "telescoping",
     .unit = "",
     .description = "Below 2 kPa at mid radius: the roll may shift sideways",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "crushed_core",
     .unit = "",
     .description = "Above 3 MPa in the web: wrinkles and a crushed core",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "anode_too_narrow",
     .unit = "",
     .description = "The cathode reaches beyond the anode: lithium plating",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = "anode_too_wide",
     .unit = "",
     .description = "The anode reaches more than 1.5 mm beyond the cathode",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = "does_not_fit",
     .unit = "",
     .description = "The roll is wider than the can",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = "moist",
     .unit = "",
     .description = "Wound at more than 10 % relative humidity",
     .kind = Kind::boolean,
     .verdict = Verdict::risk},
    {.name = "initial_tension", .unit = "N", .description = "Tension at the core, as it really was", .disturbed = true},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy of the drives for the cell"},
}};

// The Python server's model: an Archimedean roll on a 0.2 m core with a tapered tension.
class ReferenceRewinding {
 public:
  static double steps(const RewindingParameters& /*parameters*/) { return 24; }

  ReferenceRewinding(Line /*line*/, const Product& upstream, const RewindingParameters& parameters,
                     const Noise& /*noise*/)
      : p_(parameters) {
    const Web& anode = upstream.anode;
    const Web& cathode = upstream.cathode;
    thickness_ = (anode.dry_thickness + cathode.dry_thickness) + 20e-6;
    porosity_ = (anode.porosity + cathode.porosity) / 2;
    width_ = (anode.width + cathode.width) / 2;
    epsilon_width_ = std::abs(anode.width - cathode.width);
  }

  void step(std::uint32_t /*t*/) {
    length_ += p_.rewinding_speed;
    diameter_ = std::sqrt(kCore * kCore + 4 * length_ * thickness_ / std::numbers::pi);
    tension_ = p_.initial_tension * std::pow(kCore / diameter_, p_.tapering_steps);
    hardness_ = tension_ / thickness_;
  }

  void properties(std::span<double> out) const {
    const std::array values{thickness_, porosity_, width_, epsilon_width_, length_, diameter_, tension_, hardness_};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& product) const {
    Cell& cell = product.cell;
    cell.thickness = thickness_;
    cell.porosity = porosity_;
    cell.width = width_;
    cell.epsilon_width = epsilon_width_;
    cell.wound_length = length_;
  }

 private:
  static constexpr double kCore = 0.2;  // m

  RewindingParameters p_;
  double thickness_ = 0, porosity_ = 0, width_ = 0, epsilon_width_ = 0;
  double length_ = 0, diameter_ = 0, tension_ = 0, hardness_ = 0;
};

}  // namespace

const MachineType& rewinding() {
  static const MachineType type = [] {
    MachineModel reference = model_of<RewindingParameters, ReferenceRewinding, kFields>(kOutputs);
    MachineModel mechanistic =
        mechanistic_model<MechanisticRewinding, RewindingParameters, kFields>("rewinding", kMechanisticOutputs);
    mechanistic.steps_field = "rewinding_speed";
    MachineType described = describe<RewindingParameters, kFields>(
        "rewinding", "Winds anode, separator and cathode into a roll", reference, mechanistic);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
