#include "battery_twin/process/mixing.hpp"

#include <array>
#include <cmath>

#include "battery_twin/process/rounding.hpp"
#include "mechanistic/mixing.hpp"

namespace battery_twin::process {
namespace {

constexpr Range kRatio{.above = 0.0};

constexpr std::array<Field<MixingParameters>, 4> kFields{{
    {.name = "AM",
     .member = &MixingParameters::am,
     .unit = "1",
     .description = "Active material, fraction of the slurry: by mass in mechanistic, by volume in reference",
     .reference = {0.495, 0.513},
     .mechanistic = Default{0.475, 0.630},
     .hard = kRatio,
     .alias = "AM_ratio"},
    {.name = "CA",
     .member = &MixingParameters::ca,
     .unit = "1",
     .description = "Conductive additive, fraction of the slurry: by mass in mechanistic, by volume in reference",
     .reference = {0.045, 0.039},
     .mechanistic = Default{0.010, 0.0195},
     .hard = kRatio,
     .alias = "CA_ratio"},
    {.name = "PVDF",
     .member = &MixingParameters::pvdf,
     .unit = "1",
     .description = "Binder, fraction of the slurry: by mass in mechanistic, by volume in reference",
     .reference = {0.05, 0.098},
     .mechanistic = Default{0.015, 0.0195},
     .hard = kRatio,
     .alias = "PVDF_ratio"},
    {.name = "solvent",
     .member = &MixingParameters::solvent,
     .unit = "1",
     .description =
         "Solvent (anode: water, cathode: NMP), fraction of the slurry: by mass in mechanistic, by volume in reference",
     .reference = {0.41, 0.35},
     .mechanistic = Default{0.5, 0.331},
     .hard = kRatio,
     .alias = "solvent_ratio"},
}};

constexpr double kSumTolerance = 1e-6 + 1e-12;  // what rounding adds must not refuse a sum on the border

void check_sum(const Values& values, std::vector<Violation>& found) {
  if (values.size() < kFields.size()) return;
  double sum = 0;
  for (const auto& value : values) {
    if (!value || !std::isfinite(*value)) return;
    sum += *value;
  }
  if (std::abs(sum - 1.0) <= kSumTolerance) return;
  found.push_back({.field = {},
                   .type = "value_error",
                   .message = "Value error, the ratios AM, CA, PVDF and solvent must sum to 1, found " + to_text(sum)});
}

constexpr std::array<Output, 8> kOutputs{{
    {.name = "AM_volume", .unit = "L", .description = "Active material in the tank"},
    {.name = "CA_volume", .unit = "L", .description = "Conductive additive in the tank"},
    {.name = "PVDF_volume", .unit = "L", .description = "Binder in the tank"},
    {.name = "H2O_volume", .unit = "L", .description = "Solvent in the tank", .cathode_name = "NMP_volume"},
    {.name = "viscosity", .unit = "Pa*s", .description = "Viscosity at the slurry's temperature"},
    {.name = "density", .unit = "g/cm3", .description = "Density at the slurry's temperature"},
    {.name = "yield_stress", .unit = "Pa", .description = "Yield stress at the slurry's temperature"},
    {.name = "total_volume", .unit = "L", .description = "Volume at the slurry's temperature"},
}};

// The Python server's model: Krieger & Dougherty (1959) viscosity with an intrinsic viscosity of 3, densities in g/cm³,
// a yield stress that is a weighted sum of masses. Order of operations is the Python server's; what is only shown is
// worked out when somebody looks.
class ReferenceMixing {
 public:
  static constexpr std::uint32_t kPvdfSteps = 80;
  static constexpr std::uint32_t kCaSteps = 80;
  static constexpr std::uint32_t kAmSteps = 100;

  static double steps(const MixingParameters& /*parameters*/) { return 1 + kPvdfSteps + kCaSteps + kAmSteps; }

  ReferenceMixing(Line line, const Product& /*upstream*/, const MixingParameters& parameters, const Noise& noise)
      : constants_(line == Line::cathode ? kCathode : kAnode),
        line_(line),
        noise_(noise),
        am_target_(parameters.am * kTank),
        ca_target_(parameters.ca * kTank),
        pvdf_target_(parameters.pvdf * kTank),
        solvent_target_(parameters.solvent * kTank),
        k_viscosity_(noise.uniform(0, kViscosityDraw, 0.1, 0.3)),
        k_yield_(noise.uniform(0, kYieldDraw, 0.05, 0.15)),
        expansion_(noise.uniform(0, kExpansionDraw, 0.0005, 0.0015)) {}

  void step(std::uint32_t t) {
    if (t == 0) {
      solvent_ = solvent_target_;
    } else if (t <= kPvdfSteps) {
      add(pvdf_, pvdf_target_, kPvdfSteps);
    } else if (t <= kPvdfSteps + kCaSteps) {
      add(ca_, ca_target_, kCaSteps);
    } else {
      add(am_, am_target_, kAmSteps);
    }
    step_ = t;
  }

  void properties(std::span<double> out) const {
    if (!step_) {
      std::ranges::fill(out.first(kOutputs.size()), 0.0);
      return;
    }
    const double warmer = noise_.uniform(*step_, kTemperatureDraw, 24.0, 26.0) - kNominalTemperature;
    const double total = am_ + ca_ + pvdf_ + solvent_;
    const Constants& c = constants_;
    const double density =
        (am_ * c.density[0] + ca_ * c.density[1] + pvdf_ * c.density[2] + solvent_ * c.density[3]) / total;
    const double yield_stress = c.yield[0] * am_ * c.density[0] + c.yield[1] * pvdf_ * c.density[2] +
                                c.yield[2] * ca_ * c.density[1] + c.yield[3] * solvent_ * c.density[3];
    const std::array values{am_,
                            ca_,
                            pvdf_,
                            solvent_,
                            round4_scaled(raw_viscosity() * std::exp(-k_viscosity_ * -warmer)),
                            round4_correctly(density) * (1 + expansion_ * warmer),
                            round4_scaled(yield_stress * std::exp(-k_yield_ * -warmer)),
                            total * (1 + expansion_ * warmer)};
    std::copy(values.begin(), values.end(), out.begin());
  }

  void hand_on(Product& product) const {
    Web& web = product.web(line_);
    web.am_volume = am_;
    web.ca_volume = ca_;
    web.pvdf_volume = pvdf_;
    web.solvent_volume = solvent_;
    web.viscosity = raw_viscosity();
  }

 private:
  struct Constants {
    std::array<double, 4> density;  // AM, CA, PVDF, solvent, g/cm³
    std::array<double, 4> yield;    // weights of AM, PVDF, CA, solvent
  };
  static constexpr Constants kAnode{{2.26, 1.8, 1.17, 1.0}, {0.85, 2.2, 0.3, -0.4}};
  static constexpr Constants kCathode{{2.11, 1.8, 1.78, 1.03}, {0.9, 2.5, 0.3, -0.5}};
  static constexpr double kTank = 200;               // L
  static constexpr double kMaxFraction = 0.63;       // maximum packing
  static constexpr double kNominalTemperature = 25;  // °C
  enum Draw : std::uint32_t { kViscosityDraw, kYieldDraw, kExpansionDraw, kTemperatureDraw };

  [[nodiscard]] double raw_viscosity() const {
    const double solids = am_ + ca_ + pvdf_;
    double fraction = solids / (solids + solvent_);
    if (fraction >= kMaxFraction) fraction = kMaxFraction - 0.001;
    return std::pow(1 - fraction / kMaxFraction, -3 * kMaxFraction) * 0.017;
  }

  static void add(double& volume, double target, std::uint32_t portions) {
    if (volume < target) volume += target / portions;
  }

  Constants constants_;
  Line line_;
  Noise noise_;
  double am_target_, ca_target_, pvdf_target_, solvent_target_;
  double k_viscosity_, k_yield_, expansion_;
  double am_ = 0, ca_ = 0, pvdf_ = 0, solvent_ = 0;
  std::optional<std::uint32_t> step_;  // done last
};

constexpr std::array<Output, 19> kMechanisticOutputs{{
    {.name = "AM_volume", .unit = "m3", .description = "Active material in the tank"},
    {.name = "CA_volume", .unit = "m3", .description = "Conductive additive in the tank"},
    {.name = "PVDF_volume", .unit = "m3", .description = "Binder in the tank"},
    {.name = "H2O_volume", .unit = "m3", .description = "Solvent in the tank", .cathode_name = "NMP_volume"},
    {.name = "viscosity", .unit = "Pa*s", .description = "Viscosity at a shear rate of 100 1/s, as measured"},
    {.name = "density", .unit = "kg/m3", .description = "Density"},
    {.name = "yield_stress", .unit = "Pa", .description = "Yield stress"},
    {.name = "total_volume", .unit = "m3", .description = "Slurry in the tank"},
    {.name = "solid_content", .unit = "1", .description = "Solids by mass"},
    {.name = "packing", .unit = "1", .description = "Volume fraction of active material and carbon"},
    {.name = "agglomerates", .unit = "1", .description = "Share of the carbon that is not dispersed"},
    {.name = "temperature", .unit = "K", .description = "Temperature of the slurry"},
    {.name = "mixing_work", .unit = "J/m3", .description = "Work put into the slurry"},
    {.name = "AM", .unit = "1", .description = "Active material really dosed, mass fraction", .disturbed = true},
    {.name = "CA", .unit = "1", .description = "Conductive additive really dosed, mass fraction", .disturbed = true},
    {.name = "PVDF", .unit = "1", .description = "Binder really dosed, mass fraction", .disturbed = true},
    {.name = "solvent", .unit = "1", .description = "Solvent really dosed, mass fraction", .disturbed = true},
    {.name = "not_coatable",
     .unit = "",
     .description = "Too viscous for a slot die",
     .kind = Kind::boolean,
     .verdict = Verdict::scrap},
    {.name = kMachineEnergy, .unit = "J", .description = "Energy the machine used on the batch so far"},
}};

void unusual_parameters(const Values& values, const CellDesign& /*design*/, std::vector<std::string>& found) {
  const double active = values[0].value_or(0), carbon = values[1].value_or(0), binder = values[2].value_or(0);
  const double solids = active + carbon + binder;
  const auto percent = [](double share) { return to_text(std::round(share * 1e4) / 100) + " %"; };
  if (solids < 0.40 || solids > 0.75)
    found.push_back("solids " + percent(solids) + " by mass are unusual: usually between 40 and 75 %" +
                    (solids > 0.75 ? ", more is damp powder" : ""));
  if (solids > 0 && (binder < 0.01 * solids || binder > 0.06 * solids))
    found.push_back("binder " + percent(binder / solids) + " of the solids is unusual: usually between 1 and 6 %");
  if (carbon > 0.06 * solids)
    found.push_back("conductive additive " + percent(carbon / solids) +
                    " of the solids is unusual: usually at most 6 %");
}

}  // namespace

const MachineType& mixing() {
  static const MachineType type = [] {
    MachineModel reference = model_of<MixingParameters, ReferenceMixing, kFields>(kOutputs);
    MachineModel mechanistic =
        mechanistic_model<MechanisticMixing, MixingParameters, kFields>("mixing", kMechanisticOutputs);
    mechanistic.remarks = unusual_parameters;
    mechanistic.per_batch = true;
    MachineType described = describe<MixingParameters, kFields>(
        "mixing", "Mixes active material, carbon, binder and solvent into slurry", reference, mechanistic);
    described.nested = "material_ratios";
    described.check_whole = check_sum;
    described.whole_rule = "AM, CA, PVDF and solvent sum to 1 within 1e-6";
    return described;
  }();
  return type;
}

}  // namespace battery_twin::process
