#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "mechanistic/formation_kernel.hpp"

// Cells to be formed, what comes of it, and a referee that integrates the same equations by the book.
namespace battery_twin::process {
namespace {  // as the kernel

/// The pouch cell of 5 Ah: 16.020 g of graphite with 3 m²/g, 29.062 g of NMC622. Its charge transfer's 6.551 mΩ are
/// proportional to temperature.
inline constexpr double kGraphiteMass = 16.020e-3;
inline FormationCell<double> pouch(double celsius = 25) {
  return {.anode_capacity = 5.6070,
          .cathode_capacity = 5.8124,
          .sei_area = 48.06,
          .resistance = 11.020e-3 + 6.551e-3 * (celsius + kZeroCelsius) / kRoom,
          .sei_resistance = 4.836e4,
          .anode_resistance = 4e-3};
}

inline FormationProtocol protocol(double current, double celsius = 25) {
  return {.current = current, .duration = 1e7, .temperature = celsius + kZeroCelsius};
}

/// What a formation came to.
struct Outcome {
  double time = 0, charge_in = 0, charge_out = 0, energy_in = 0, energy_out = 0, thickness = 0, x = 0, y = 0;
  double charged_x = 0, charged_y = 0, sei_charge = 0;
  double voltage = 0, current = 0, margin = 0;
  bool finished = false, complete = false;
  int steps = 0;

  double efficiency() const { return charge_in > 0 ? charge_out / charge_in : 0; }
};

inline Outcome outcome_of(const Formation<double>& f) {
  return {.time = f.time(),
          .charge_in = f.charge_in(),
          .charge_out = f.charge_out(),
          .energy_in = f.energy_in(),
          .energy_out = f.energy_out(),
          .thickness = f.sei_thickness(),
          .x = f.anode(),
          .y = f.cathode(),
          .charged_x = f.charged_anode(),
          .charged_y = f.charged_cathode(),
          .sei_charge = f.sei_charge(),
          .voltage = f.voltage(),
          .current = f.current(),
          .margin = f.plating_margin(),
          .finished = f.finished(),
          .complete = f.complete()};
}

inline Outcome stepped(const FormationCell<double>& cell, const FormationProtocol& protocol, double dt = 60) {
  Formation<double> f(cell, protocol);
  int steps = 0;
  for (; !f.finished(); ++steps) f.advance(dt);
  Outcome o = outcome_of(f);
  o.steps = steps;
  return o;
}

inline Outcome leapt(const FormationCell<double>& cell, const FormationProtocol& protocol) {
  Formation<double> f(cell, protocol);
  f.run();
  return outcome_of(f);
}

/// The equations once more, by the book: classical Runge-Kutta in small steps that end at every event.
class Referee {
 public:
  Referee(const FormationCell<double>& cell, const FormationProtocol& protocol) : cell_(cell), p_(protocol) {
    const double r_t = std::exp(38e3 / 8.314462618 * (1 / 298.15 - 1 / p_.temperature));
    k_ = 1e-12 * r_t;
    d_ = 2.0e-21 * r_t;
  }

  Outcome run() {
    State s;
    const double start = open_circuit(s);
    const double tap_limit = std::min(p_.initial_voltage, p_.voltage_limit);
    Outcome o;
    if (start < tap_limit) {
      phase(s, p_.current / 10, false, [&](const State& a) { return voltage(a, p_.current / 10) >= tap_limit; });
    }
    phase(s, p_.current, false, [&](const State& a) { return voltage(a, p_.current) >= p_.voltage_limit || full(a); });
    if (!full(s)) {
      phase(s, 0, true, [&](const State& a) { return held(a) <= p_.current / 5 || full(a); });
    }
    o.charge_in = s.q;
    o.energy_in = s.energy;
    o.charged_x = s.x;
    o.charged_y = s.y;
    phase(s, -p_.current, false, [&](const State& a) { return voltage(a, -p_.current) <= p_.cut_off; });
    o.charge_out = o.charge_in - s.q;
    o.energy_out = o.energy_in - s.energy;
    o.thickness = s.film;
    o.time = s.time;
    o.x = s.x;
    o.y = s.y;
    return o;
  }

 private:
  struct State {
    double x = 0.001, y = 0.99, film = 1e-9, q = 0, energy = 0, time = 0;
  };

  static constexpr double kF = 96485.33212, kCritical = 11e-9;

  static double open_circuit(const State& s) { return nmc_potential(s.y) - graphite_potential(s.x); }
  double resistance(const State& s) const { return cell_.resistance + cell_.sei_resistance * s.film; }
  double voltage(const State& s, double current) const { return open_circuit(s) + current * resistance(s); }
  double held(const State& s) const { return (p_.voltage_limit - open_circuit(s)) / resistance(s); }
  static bool full(const State& s) { return s.x >= 1 || s.y <= 0; }
  double reaction(const State& s) const {
    return std::exp(0.5 * kF * (graphite_potential(s.x) - 0.4) / (8.314462618 * p_.temperature)) / k_;
  }

  State slope(const State& s, double fixed, bool hold) const {
    const double current = hold ? held(s) : fixed;
    const double j = kF * 4541 / (reaction(s) + std::max(0.0, s.film - kCritical) / d_);
    const double sei = j * cell_.sei_area;
    return {.x = (current - sei) / (3600 * cell_.anode_capacity),
            .y = -current / (3600 * cell_.cathode_capacity),
            .film = cell_.sei_area > 0 ? 9.585e-5 * j / (2 * kF) : 0,
            .q = current / 3600,
            .energy = current * voltage(s, current) / 3600,
            .time = 1};
  }

  static State plus(const State& a, const State& d, double h) {
    return {a.x + h * d.x, a.y + h * d.y, a.film + h * d.film, a.q + h * d.q, a.energy + h * d.energy, a.time + h};
  }

  State stepped_by(const State& s, double h, double fixed, bool hold) const {
    const State k1 = slope(s, fixed, hold), k2 = slope(plus(s, k1, h / 2), fixed, hold),
                k3 = slope(plus(s, k2, h / 2), fixed, hold), k4 = slope(plus(s, k3, h), fixed, hold);
    State next = plus(s, k1, h / 6);
    next = plus(next, k2, h / 3);
    next = plus(next, k3, h / 3);
    next = plus(next, k4, h / 6);
    next.time = s.time + h;
    return next;
  }

  template <class End>
  void phase(State& s, double fixed, bool hold, End&& end) const {
    if (end(s)) return;
    for (;;) {
      const double w = reaction(s);
      const double over = w + std::max(0.0, s.film - kCritical) / d_;
      double h = std::min(3.0, 1e-4 * 3600 * cell_.anode_capacity / p_.current);
      if (s.film >= kCritical) h = std::min(h, 0.2 * d_ * over * over / (9.585e-5 / 2 * 4541));
      State next = stepped_by(s, h, fixed, hold);
      const bool crosses = s.film < kCritical && next.film > kCritical;
      const auto late = [&](const State& a) { return end(a) || (crosses && a.film > kCritical); };
      if (!late(next)) {
        s = next;
        continue;
      }
      double low = 0;
      for (int i = 0; i < 50; ++i) {
        const double middle = (low + h) / 2;
        (late(stepped_by(s, middle, fixed, hold)) ? h : low) = middle;
      }
      s = stepped_by(s, h, fixed, hold);
      if (end(s)) return;
    }
  }

  FormationCell<double> cell_;
  FormationProtocol p_;
  double k_, d_;
};

/// Cells of 1 to 60 Ah, out of balance, at up to half their capacity an hour, between 5 and 45 °C.
struct Case {
  FormationCell<double> cell;
  FormationProtocol protocol;
};

inline std::vector<Case> cases(int count) {
  std::mt19937_64 engine(4711);
  const auto between = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(engine() >> 11) * 0x1.0p-53;
  };
  std::vector<Case> made;
  for (int i = 0; i < count; ++i) {
    Case c{.cell = pouch(), .protocol = protocol(1.0, between(5, 45))};
    const double size = std::exp(between(std::log(1.0), std::log(60.0))) / 5;
    c.cell.cathode_capacity *= size;
    c.cell.anode_capacity = 0.875 * c.cell.cathode_capacity * between(0.9, 1.4);  // N/P
    c.cell.sei_area = c.cell.anode_capacity / 0.35 * between(2, 4);
    c.cell.resistance *= between(0.5, 2) / size;
    c.cell.sei_resistance /= size;
    c.cell.anode_resistance = 0.25 * c.cell.resistance;
    c.protocol.current = size * std::exp(between(std::log(0.1), std::log(2.5)));
    c.protocol.voltage_limit = i % 3 == 0 ? between(3.6, 4.4) : 4.2;
    if (i % 4 == 0) c.protocol.initial_voltage = between(2.0, 4.0);
    made.push_back(c);
  }
  return made;
}

inline std::string described(const Case& c) {
  return "Qn " + std::to_string(c.cell.anode_capacity) + " Qp " + std::to_string(c.cell.cathode_capacity) + " a " +
         std::to_string(c.cell.sei_area) + " R " + std::to_string(c.cell.resistance) + " I " +
         std::to_string(c.protocol.current) + " Vmax " + std::to_string(c.protocol.voltage_limit) + " V0 " +
         std::to_string(c.protocol.initial_voltage) + " T " + std::to_string(c.protocol.temperature);
}

inline void expect_agreement(const Outcome& a, const Outcome& b, double charge, double thickness) {
  EXPECT_NEAR(a.charge_in / b.charge_in, 1, charge);
  EXPECT_NEAR(a.efficiency(), b.efficiency(), charge);
  EXPECT_NEAR(a.charge_out / b.charge_out, 1, 2 * charge);
  EXPECT_NEAR(a.thickness / b.thickness, 1, thickness);
  EXPECT_NEAR(a.energy_in / b.energy_in, 1, 5 * charge);
  EXPECT_NEAR(a.energy_out / b.energy_out, 1, 5 * charge);
  EXPECT_NEAR(a.time / b.time, 1, 10 * charge);
  EXPECT_NEAR(a.charged_x, b.charged_x, 2 * charge);
  EXPECT_NEAR(a.charged_y, b.charged_y, 2 * charge);
  EXPECT_NEAR(a.x, b.x, 2 * charge);
  EXPECT_NEAR(a.y, b.y, 2 * charge);
}

inline void expect_balance(const Case& c, const Outcome& o) {
  const double size = 1e-9 * c.cell.cathode_capacity;
  const double net = o.charge_in - o.charge_out;
  EXPECT_NEAR((o.x - kAnodeAsBuilt) * c.cell.anode_capacity + o.sei_charge, net, size);
  EXPECT_NEAR((kCathodeAsBuilt - o.y) * c.cell.cathode_capacity, net, size);
  EXPECT_NEAR((kCathodeAsBuilt - o.charged_y) * c.cell.cathode_capacity, o.charge_in, size);
}

}  // namespace
}  // namespace battery_twin::process
