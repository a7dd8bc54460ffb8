#pragma once

#include "battery_twin/process/line.hpp"

namespace battery_twin::process {

// Constants that several mechanistic models share. SI units. [K]: textbook or practitioner's value, to be recalibrated
// against a real line; the others are from the source named.

inline constexpr double kGasConstant = 8.314462618;        ///< J/(mol K), CODATA 2018
inline constexpr double kFaraday = 96485.33212;            ///< C/mol, CODATA 2018
inline constexpr double kZeroCelsius = 273.15;             ///< K
inline constexpr double kRoom = 298.15;                    ///< K
inline constexpr double kAtmosphere = 101325;              ///< Pa
inline constexpr double kCopperDensity = 8960;             ///< kg/m³
inline constexpr double kAluminiumDensity = 2700;          ///< kg/m³
inline constexpr double kSeparatorDensity = 950;           ///< polyolefin without pores, kg/m³ [K]
inline constexpr double kElectrolyteDensity = 1200;        ///< kg/m³, 1 M LiPF6 in carbonates [K]
inline constexpr double kElectrolyteConductivity = 0.949;  ///< S/m at 1 M, 25 °C (Nyman, Behm & Lindbergh 2008)

/// What differs between graphite in water and NMC622 in NMP.
struct Materials {
  double active_density;       ///< kg/m³
  double carbon_density;       ///< kg/m³
  double binder_density;       ///< kg/m³
  double solvent_density;      ///< kg/m³
  double solvent_molar_mass;   ///< kg/mol
  double specific_capacity;    ///< Ah/kg of active material, on the scale of its stoichiometry
  double tortuosity_exponent;  ///< MacMullin number = porosity^−exponent (Bruggeman form)
  double least_porosity;       ///< that calendering can reach [K]
  double dry_porosity;         ///< of the dried coating [K]
};

/// Graphite with CMC/SBR in water (density of the binder as in the Python plant) and NMC622 with PVDF in NMP. Densities
/// are those of data sheets, the exponents after MacMullin numbers from impedance of such electrodes [K]; 350 and
/// 200 Ah/kg belong to the open-circuit potentials of Mohtat et al. (2020).
inline constexpr Materials kGraphite{2260, 1900, 1170, 997, 0.018015, 350, 2.0, 0.20, 0.52};
inline constexpr Materials kNmc622{4750, 1900, 1770, 1028, 0.09913, 200, 1.6, 0.18, 0.48};

[[nodiscard]] constexpr const Materials& materials(Line line) { return line == Line::cathode ? kNmc622 : kGraphite; }

}  // namespace battery_twin::process
