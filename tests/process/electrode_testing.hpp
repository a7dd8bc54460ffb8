#pragma once

#include "mechanistic_testing.hpp"

// Machines of the electrode lines, each behind what stands before it.
namespace battery_twin::process::testing {

inline constexpr std::array kElectrodes{Line::anode, Line::cathode};

inline Machine mixer(Line line) { return {.type = mixing(), .line = line}; }
inline Machine mixer(Line line, double active, double carbon, double binder, double solvent) {
  return mixer(line).with("AM", active).with("CA", carbon).with("PVDF", binder).with("solvent", solvent);
}
inline Machine coater(Line line) { return {.type = coating(), .line = line, .upstream = electrodes(mixing())}; }
inline Machine dryer(Line line) { return {.type = drying(), .line = line, .upstream = electrodes(coating())}; }
inline Machine calender(Line line) { return {.type = calendaring(), .line = line, .upstream = electrodes(drying())}; }

}  // namespace battery_twin::process::testing
