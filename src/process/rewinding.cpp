#include "battery_twin/process/rewinding.hpp"

#include <array>
#include <cmath>
#include <numbers>

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
    MachineType described = describe<RewindingParameters, kFields>(
        "rewinding", "Winds anode, separator and cathode into a roll", reference);
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
