#pragma once

#include <array>
#include <cmath>

#include "../lanes.hpp"
#include "materials.hpp"
#include "open_circuit.hpp"

/// Formation: the lithium balance of a cell during its first charge and discharge, with the SEI (solid-electrolyte
/// interphase) that grows on the graphite and keeps lithium for good. SI units; charges in Ah, energies in Wh.
///
///   stoichiometries   x = x₀ + (q − s)/Qₙ of the graphite, y = y₀ − q/Qₚ of the NMC;   q charge, s lithium in the SEI
///   voltage           V = U_p(y) − U_n(x) + I·R,   R = R₀ + ρ·L                          (Mohtat et al. 2020)
///   SEI               dL/dt = β / (w + max(0, L − L_c)/D),   s = 2F·a·(L − L₀)/V̄
///                     w = 1/k · exp[½F(U_n − 0.4 V)/(R_g T)],   β = V̄·c_EC/2             (Yang et al. 2017, with L_c)
///
/// The reaction (w) limits the growth of a thin film, the solvent's diffusion through all beyond L_c that of a thick
/// one.
namespace battery_twin::process {
namespace {

/// What formation needs to know of the built cell.
template <class L>
struct FormationCell {
  L anode_capacity{};    ///< Qₙ of the wetted graphite, Ah
  L cathode_capacity{};  ///< Qₚ of the wetted NMC, Ah
  L sei_area{};          ///< on which the SEI grows: BET surface of the wetted graphite, m²
  L resistance{};        ///< without the SEI, Ω
  L sei_resistance{};    ///< of the SEI, by its thickness, Ω/m
  L anode_resistance{};  ///< the part of `resistance` that lies between the graphite and the electrolyte, Ω
};

/// How the cell is formed: a tap charge at a tenth of the current up to the initial voltage, where the cell is below
/// it; constant current up to the limit; constant voltage until the current is a fifth; discharge to the cut-off.
struct FormationProtocol {
  double current = 1.0;          ///< A
  double voltage_limit = 4.2;    ///< V
  double initial_voltage = 1.0;  ///< V
  double duration = 43'200;      ///< s
  double temperature = kRoom;    ///< K
  double cut_off = 2.8;          ///< V
};

inline constexpr double kTapShare = 0.1;     // of the current, for the tap charge [K]
inline constexpr double kCutOffShare = 0.2;  // of the current, at which constant voltage ends [K]
inline constexpr double kAnodeAsBuilt = 0.001, kCathodeAsBuilt = 0.99;  // x₀, y₀ (Mohtat et al. 2020)

// The SEI of O'Kane et al. (2022), as PyBaMM's OKane2022 has it, but for D and L_c, which are set so that about 91 % of
// the first charge comes back at C/10 [K].
inline constexpr double kSeiRate = 1e-12;             // k at 25 °C, m/s
inline constexpr double kSeiSolvent = 4541;           // c_EC, mol/m³
inline constexpr double kSeiDiffusivity = 2.0e-21;    // D at 25 °C, m²/s [K]
inline constexpr double kSeiPermeable = 11e-9;        // L_c: up to here the film does not hold the solvent up, m [K]
inline constexpr double kSeiAsBuilt = 1e-9;           // L₀, m [K]
inline constexpr double kSeiMolarVolume = 9.585e-5;   // V̄, m³/mol, with two Li each
inline constexpr double kSeiPotential = 0.4;          // V
inline constexpr double kSeiActivationEnergy = 38e3;  // J/mol, of k and D
inline constexpr double kSecondsPerHour = 3600;

/// The formation of one cell or eight. Every lane goes its own way: no result depends on the neighbours.
///
/// Charging also ends where the graphite is full (x = 1) or the NMC empty (y = 0), whatever the voltage. A limit that
/// the cell exceeds as built, or with the first current, means no charge. At the end voltage and current stay what they
/// were. Takes any finite protocol with a current above 0: nothing becomes NaN, and no step is endless.
///
/// advance(60) is within 1e-5 of the exact solution in charge and within 1e-5 in thickness for the usual cell; run() is
/// within 2e-5 and 1e-4 of advance(60) from 5 to 45 °C and from C/50 to C/2.
template <class L>
class Formation {
 public:
  using Answer = MaskOf<L>;

  Formation(const FormationCell<L>& cell, const FormationProtocol& protocol);

  /// Goes on by dt seconds. What ends inside ends at its exact time, and the next phase takes the rest.
  void advance(double dt) { march(min(time_ + max(dt, 0.0), L{protocol_.duration})); }

  /// Goes on to the end: at a leap where the cell has just been built and nothing unusual lies ahead (a tap charge, a
  /// limit among the graphite's stages, a full electrode, too short a duration), else in wide steps.
  void run() {
    if (any(constant_ & (time_ <= 0.0))) leap();
    march(L{protocol_.duration});
  }

  /// The discharge has ended, or the duration is used up, or there is no cell: one of the electrodes holds nothing.
  [[nodiscard]] Answer finished() const { return finished_; }
  /// The discharge has ended.
  [[nodiscard]] Answer complete() const { return complete_; }
  [[nodiscard]] Answer tapping() const { return tap_; }
  [[nodiscard]] Answer charging_at_constant_current() const { return constant_; }
  [[nodiscard]] Answer charging_at_constant_voltage() const { return hold_; }
  [[nodiscard]] Answer discharging() const { return discharge_; }

  [[nodiscard]] const L& time() const { return time_; }                     ///< s
  [[nodiscard]] const L& voltage() const { return voltage_; }               ///< V
  [[nodiscard]] const L& current() const { return current_; }               ///< A, > 0 charges
  [[nodiscard]] const L& charge_in() const { return charge_in_; }           ///< Ah
  [[nodiscard]] const L& charge_out() const { return charge_out_; }         ///< Ah
  [[nodiscard]] const L& energy_in() const { return energy_in_; }           ///< Wh
  [[nodiscard]] const L& energy_out() const { return energy_out_; }         ///< Wh
  [[nodiscard]] const L& sei_thickness() const { return here_.thickness; }  ///< m
  [[nodiscard]] L sei_charge() const { return sei_of(here_.thickness); }    ///< lithium kept by the SEI, Ah
  [[nodiscard]] L anode() const { return here_.x; }                         ///< x
  [[nodiscard]] L cathode() const { return here_.y; }                       ///< y
  /// x at the end of charging, or now.
  [[nodiscard]] L charged_anode() const { return select(charged_, charged_x_, here_.x); }
  /// y at the end of charging, or now.
  [[nodiscard]] L charged_cathode() const { return select(charged_, charged_y_, here_.y); }
  /// Lowest potential of the graphite against lithium so far, V: below 0 lithium plates.
  [[nodiscard]] const L& plating_margin() const { return margin_; }
  /// First-cycle efficiency: of the charge that went in, the share that came back.
  [[nodiscard]] L efficiency() const { return select(charge_in_ > 0.0, charge_out_ / max(charge_in_, 1e-300), L{0.0}); }

 private:
  // The cell at some place: what the voltage is made of.
  struct Point {
    L net{};        // q, Ah
    L thickness{};  // of the SEI, m
    L x, y;
    Slope<L> anode, cathode;
    L resistance;  // Ω
    L reaction;    // w, between the place before and this one, s/m

    [[gnu::always_inline]] L open_circuit() const { return cathode.value - anode.value; }
    [[gnu::always_inline]] L at(const L& current) const { return open_circuit() + current * resistance; }

    /// Becomes p in the lanes of the mask.
    [[gnu::always_inline]] void take(const Answer& where, const Point& p) {
      net = select(where, p.net, net);
      thickness = select(where, p.thickness, thickness);
      x = select(where, p.x, x);
      y = select(where, p.y, y);
      anode = {select(where, p.anode.value, anode.value), select(where, p.anode.derivative, anode.derivative)};
      cathode = {select(where, p.cathode.value, cathode.value),
                 select(where, p.cathode.derivative, cathode.derivative)};
      resistance = select(where, p.resistance, resistance);
      reaction = select(where, p.reaction, reaction);
    }
  };

  // Below this thickness of what holds the solvent up, the film's growth changes within minutes.
  static constexpr double kYoung = 1e-9;  // m

  [[gnu::always_inline]] L sei_of(const L& thickness) const { return sei_charge_per_m_ * (thickness - kSeiAsBuilt); }
  [[gnu::always_inline]] L x_of(const L& net, const L& thickness) const {
    return kAnodeAsBuilt + (net - sei_of(thickness)) * per_anode_capacity_;
  }
  [[gnu::always_inline]] L y_of(const L& net) const { return kCathodeAsBuilt - net * per_cathode_capacity_; }
  [[gnu::always_inline]] L reaction_at(const L& potential) const { return exp(exponent_ * potential + log_reaction_); }

  /// The film after dt seconds from `thickness` on, were w constant: the solution of
  /// w·ΔL + Δ[max(0, L − L_c)²]/(2D) = β·Δt, whose two cases (thinner and thicker than L_c) this form has in one.
  [[gnu::always_inline]] L grown(const L& thickness, const L& w, const L& dt) const {
    const L over = thickness - kSeiPermeable;
    const L resisting = max(over, 0.0);
    const L drive = drive_ * dt + w * over + (0.5 * per_diffusivity_) * resisting * resisting;
    const L after = 2.0 * drive / (w + sqrt(w * w + 2.0 * per_diffusivity_ * max(drive, 0.0)));
    return max(thickness, kSeiPermeable + after);
  }

  /// dL/dt of the film at p, m/s.
  [[gnu::always_inline]] L growth_rate(const Point& p) const {
    return drive_ / (p.reaction + per_diffusivity_ * max(p.thickness - kSeiPermeable, 0.0));
  }
  /// What the SEI takes of the current, A.
  [[gnu::always_inline]] L sei_current(const Point& p) const {
    return kSecondsPerHour * sei_charge_per_m_ * growth_rate(p);
  }
  /// How fast the potential of the graphite falls and that of the NMC rises with the current into each, V/(A s).
  [[gnu::always_inline]] L anode_pace(const Point& p) const {
    return -p.anode.derivative * per_anode_capacity_ * (1 / kSecondsPerHour);
  }
  [[gnu::always_inline]] L cathode_pace(const Point& p) const {
    return -p.cathode.derivative * per_cathode_capacity_ * (1 / kSecondsPerHour);
  }
  /// The current at p that makes the voltage the limit, A.
  [[gnu::always_inline]] L held_current(const Point& p) const {
    return (protocol_.voltage_limit - p.open_circuit()) / p.resistance;
  }

  void leap();
  Answer leap_to_permeable(L& sei_energy);
  void hop(const L& dt, const L& current, L& sei_energy, L& ohmic_energy);
  void keep(const Answer& where, const Formation& before);
  void march(const L& until);
  L haste(const L& throughput) const;
  L limited(const L& dt, bool held) const;
  Point attempt(const L& dt, const L& current, const Answer& young, bool wide = false) const;
  void prepare_hold(const Point& a, const Point& b);
  L mean_held_current(const L& dt) const;
  [[gnu::always_inline]] L excess(const Point& p) const { return sign_ * (p.at(watched_) - limit_); }
  [[gnu::always_inline]] L anode_excess(const Point& p) const {
    return select(discharge_, OpenCircuitTables::kLowest - p.x, p.x - 1.0);
  }
  [[gnu::always_inline]] L cathode_excess(const Point& p) const {
    return select(discharge_, p.y - OpenCircuitTables::kHighest, -p.y);
  }
  L overshoot(const Point& p) const;
  void locate(const Answer& beyond, L& dt, L& current, Point& p, const Answer& young) const;
  void commit(const Answer& where, const Point& p, const L& dt, const L& current, bool held);
  void change_phase(const Answer& ended);
  void enter(const Answer& to_tap, Answer to_constant, Answer to_hold, Answer to_discharge, Answer to_end);

  const OpenCircuitTables* tables_ = &open_circuit_tables();
  FormationProtocol protocol_;
  double exponent_, log_reaction_, drive_, per_diffusivity_, tap_limit_;
  L per_anode_capacity_, per_cathode_capacity_, sei_charge_per_m_, base_resistance_, sei_resistance_, anode_resistance_;

  L time_{}, charge_in_{}, charge_out_{}, energy_in_{}, energy_out_{};
  L voltage_{}, current_{}, charged_x_{}, charged_y_{}, margin_{};
  Point here_;
  // Of the present phase: it ends when sign·(V at the current `watched` − limit) reaches 0.
  L watched_{}, limit_{}, sign_{};
  // While the voltage is held, dI/dt = drift − decay·I.
  L decay_{}, drift_{};
  Answer tap_, constant_, hold_, discharge_, charged_, finished_, complete_;
};

template <class L>
Formation<L>::Formation(const FormationCell<L>& cell, const FormationProtocol& protocol) : protocol_(protocol) {
  const double temperature = clamp(protocol.temperature, 200.0, 600.0);
  const double arrhenius = std::exp(kSeiActivationEnergy / kGasConstant * (1 / kRoom - 1 / temperature));
  exponent_ = 0.5 * kFaraday / (kGasConstant * temperature);
  log_reaction_ = -exponent_ * kSeiPotential - std::log(kSeiRate * arrhenius);
  drive_ = 0.5 * kSeiMolarVolume * kSeiSolvent;
  per_diffusivity_ = 1 / (kSeiDiffusivity * arrhenius);

  // A cell that holds nothing, or conducts nothing, is calculated as one of 1 Ah, and not used.
  constexpr double kNothing = 1e-12;
  const Answer is_cell = (cell.anode_capacity > kNothing) & (cell.cathode_capacity > kNothing) &
                         (cell.resistance < 1 / kNothing) & (cell.sei_area >= 0.0) & (cell.sei_area < 1 / kNothing) &
                         (cell.sei_resistance < 1 / kNothing);
  const L one{1.0}, none{0.0};
  per_anode_capacity_ = one / select(is_cell, cell.anode_capacity, one);
  per_cathode_capacity_ = one / select(is_cell, cell.cathode_capacity, one);
  sei_charge_per_m_ = select(is_cell, cell.sei_area, none) * (2 * kFaraday / (kSeiMolarVolume * kSecondsPerHour));
  base_resistance_ = max(select(is_cell, cell.resistance, none), 1e-7);  // the held voltage needs some
  sei_resistance_ = max(select(is_cell, cell.sei_resistance, none), 0.0);
  anode_resistance_ = max(select(is_cell, cell.anode_resistance, none), 0.0);

  tap_ = constant_ = hold_ = discharge_ = charged_ = complete_ = false;
  finished_ = !is_cell;
  here_ = {.thickness = L{kSeiAsBuilt},
           .x = L{kAnodeAsBuilt},
           .y = L{kCathodeAsBuilt},
           .anode = tables_->graphite(L{kAnodeAsBuilt}),
           .cathode = tables_->nmc(L{kCathodeAsBuilt}),
           .resistance = base_resistance_ + sei_resistance_ * kSeiAsBuilt,
           .reaction = L{}};
  here_.reaction = reaction_at(here_.anode.value);

  tap_limit_ = min(protocol.initial_voltage, protocol.voltage_limit);
  const Answer to_tap =
      is_cell & (here_.open_circuit() < tap_limit_) & (here_.at(kTapShare * protocol.current) < tap_limit_);
  margin_ = select(is_cell, here_.anode.value, none);
  voltage_ = select(is_cell, here_.open_circuit(), none);
  enter(to_tap, is_cell & !to_tap, Answer{false}, Answer{false}, Answer{false});
}

/// The cell after dt seconds of a current.
template <class L>
[[gnu::always_inline]] inline typename Formation<L>::Point Formation<L>::attempt(const L& dt, const L& current,
                                                                                 const Answer& young, bool wide) const {
  const L net = here_.net + current * dt * (1 / kSecondsPerHour);
  // w changes with x, and x with the film: the film by its rate or the last w first, then by the mean of the w at both
  // ends. The geometric mean is the one that errs least both where w limits the growth and where it does not.
  L x = x_of(net, wide ? grown(here_.thickness, here_.reaction, dt) : here_.thickness + growth_rate(here_) * dt);
  Slope<L> anode = tables_->graphite(x);
  L reaction = reaction_at(0.5 * (here_.anode.value + anode.value));
  L thickness = grown(here_.thickness, reaction, dt);
  // Again where the film is young or the step long. The other lanes keep what they have: no lane's result depends on
  // its neighbours.
  constexpr double kLong = 1e-2;
  const Answer again = young | (thickness - here_.thickness > kLong * (thickness - kSeiPermeable));
  if (any(again)) [[unlikely]] {
    x = select(again, x_of(net, thickness), x);
    anode = tables_->graphite(x);
    reaction = reaction_at(0.5 * (here_.anode.value + anode.value));
    thickness = select(again, grown(here_.thickness, reaction, dt), thickness);
  }
  const L there = x_of(net, thickness), y = y_of(net);
  return {.net = net,
          .thickness = thickness,
          .x = there,
          .y = y,
          .anode = {anode.value + anode.derivative * (there - x), anode.derivative},
          .cathode = tables_->nmc(y),
          .resistance = base_resistance_ + sei_resistance_ * thickness,
          .reaction = reaction};
}

/// dI/dt = drift − decay·I while the voltage is held, by the mean of the slopes at two places.
template <class L>
[[gnu::noinline]] void Formation<L>::prepare_hold(const Point& a, const Point& b) {
  const L anode = 0.5 * (anode_pace(a) + anode_pace(b));
  const L cathode = 0.5 * (cathode_pace(a) + cathode_pace(b));
  const L per_resistance = 1.0 / b.resistance;
  decay_ = max((anode + cathode) * per_resistance, 1e-30);
  drift_ = anode * sei_current(b) * per_resistance;
}

/// The mean current of the next dt seconds while the voltage is held, A.
template <class L>
L Formation<L>::mean_held_current(const L& dt) const {
  const L z = max(decay_ * dt, 1e-12);
  const L left = -expm1(-z) / z;
  return current_ * left + drift_ / decay_ * (1.0 - left);
}

/// By how many seconds the present phase has been overrun at p; < 0 before its end.
template <class L>
L Formation<L>::overshoot(const Point& p) const {
  constexpr double kTiny = 1e-30;
  const L current = select(hold_, held_current(p), watched_);
  const L into_anode = current - sei_current(p);
  const L pace = sign_ * (cathode_pace(p) * current + anode_pace(p) * into_anode);
  const L anode = sign_ * into_anode * per_anode_capacity_ * (1 / kSecondsPerHour);
  const L cathode = sign_ * current * per_cathode_capacity_ * (1 / kSecondsPerHour);
  return max(excess(p) / max(pace, kTiny),
             max(anode_excess(p) / max(anode, kTiny), cathode_excess(p) / max(cathode, kTiny)));
}

/// Shortens the step to where the phase ends: Newton's method, kept between places before and beyond the end.
template <class L>
void Formation<L>::locate(const Answer& beyond, L& dt, L& current, Point& p, const Answer& young) const {
  constexpr int kMost = 60;
  constexpr double kTolerance = 1e-8;  // of the step
  const L tolerance = kTolerance * dt;
  L before{0.0}, after = dt;
  for (int i = 0; i < kMost; ++i) {
    const L over = overshoot(p);
    const Answer open = beyond & (abs(over) > tolerance);
    if (!any(open)) return;
    const Answer late = over > 0.0;
    after = select(late, dt, after);
    before = select(late, before, dt);
    const L next = dt - over;
    const L inside = select((next > before) & (next < after), next, 0.5 * (before + after));
    dt = select(open, inside, dt);
    current = select(hold_, mean_held_current(dt), watched_);
    p = attempt(dt, current, young);
  }
}

/// The longest step that the balance bears, s, as the least of limits of which here the largest reciprocal is given:
/// the graphite's potential, the charge and a held current may change by a part of what matters to the film's growth
/// only, while the film is young by less. Of `throughput`, A.
template <class L>
[[gnu::always_inline]] inline L Formation<L>::haste(const L& throughput) const {
  const Answer young = here_.thickness < kSeiPermeable + kYoung;
  const L anode = throughput * per_anode_capacity_ * (1 / kSecondsPerHour);
  const L cathode = throughput * per_cathode_capacity_ * (1 / kSecondsPerHour);
  const L by_potential = exponent_ * abs(here_.anode.derivative) * select(young, L{1 / 0.3}, L{1.0});
  return max(anode * max(by_potential, select(young, L{1 / 0.0033}, L{1 / 0.02})), cathode * (1 / 0.02));
}

template <class L>
[[gnu::always_inline]] inline L Formation<L>::limited(const L& dt, bool held) const {
  L most = haste(abs(current_));
  // What the SEI takes counts too where it is more than the current. Its division is saved where it is not near.
  const L sei = kSecondsPerHour * drive_ * sei_charge_per_m_;
  const L hindrance = here_.reaction + per_diffusivity_ * max(here_.thickness - kSeiPermeable, 0.0);
  const Answer leaks = sei > abs(current_) * hindrance;
  if (any(leaks)) [[unlikely]]
    most = select(leaks, haste(sei / hindrance), most);
  if (held) [[unlikely]] {
    const L decay = (anode_pace(here_) + cathode_pace(here_)) / here_.resistance;
    // Four times finer: the graphite's stages bend the current.
    most = select(hold_, max(4.0 * most, decay * (1 / 0.2)), most);
  }
  const Answer hasty = dt * most > 1.0;
  if (!any(hasty)) return dt;
  // A thousandth of the time gone by is short enough for everything; so no cell takes more than some ten thousand
  // steps.
  return select(hasty, min(dt, max(1.0 / max(most, 1e-300), select(hold_, L{1e-4}, L{1e-3}) * time_)), dt);
}

template <class L>
void Formation<L>::march(const L& until) {
  for (;;) {
    const Answer active = (!finished_) & (time_ < until);
    if (!any(active)) break;
    const Answer young = active & (here_.thickness < kSeiPermeable + kYoung);
    const bool held = any(active & hold_);
    const L left = until - time_;
    L dt = limited(select(active, left, L{0.0}), held);
    L current = watched_;
    if (held) [[unlikely]] {
      prepare_hold(here_, here_);
      current = select(hold_, mean_held_current(dt), current);
    }
    Point p = attempt(dt, current, young);
    if (held) [[unlikely]] {
      prepare_hold(here_, p);
      current = select(hold_, mean_held_current(dt), watched_);
      p = attempt(dt, current, young);
    }
    const Answer beyond = active & ((excess(p) >= 0.0) | (anode_excess(p) >= 0.0) | (cathode_excess(p) >= 0.0));
    const bool ends = any(beyond);
    if (ends) [[unlikely]]
      locate(beyond, dt, current, p, young);
    commit(active, p, dt, current, held);
    time_ = select(active, select(dt < left, time_ + dt, until), time_);
    if (ends) [[unlikely]]
      change_phase(beyond);
  }
  finished_ = finished_ | (time_ >= protocol_.duration);
}

/// Takes p, dt seconds later, as the cell's state.
template <class L>
[[gnu::always_inline]] inline void Formation<L>::commit(const Answer& where, const Point& p, const L& dt,
                                                        const L& current, bool held) {
  const L charge = select(where, current * dt * (1 / kSecondsPerHour), L{0.0});
  L now = watched_;
  L voltage = p.at(watched_);
  // The trapezoid with the slopes at both ends (Euler–Maclaurin). A held voltage has none.
  const L bend = current * (anode_pace(here_) - anode_pace(p) + cathode_pace(here_) - cathode_pace(p));
  L mean = 0.5 * (voltage_ + voltage) + dt * (1.0 / 12) * bend;
  if (held) [[unlikely]] {
    now = select(hold_, held_current(p), now);
    voltage = select(hold_, L{protocol_.voltage_limit}, voltage);
    mean = select(hold_, voltage, mean);
  }
  charge_in_ += max(charge, 0.0);
  charge_out_ += max(-charge, 0.0);
  energy_in_ += max(charge, 0.0) * mean;
  energy_out_ += max(-charge, 0.0) * mean;
  const L margin = p.anode.value - now * (anode_resistance_ + sei_resistance_ * p.thickness);
  margin_ = select(where, min(margin_, margin), margin_);
  voltage_ = select(where, voltage, voltage_);
  current_ = select(where, now, current_);
  here_.take(where, p);
}

/// What comes after the present phase. Full graphite and empty NMC end the charge, whatever the voltage.
template <class L>
[[gnu::noinline]] void Formation<L>::change_phase(const Answer& ended) {
  constexpr double kAlmost = 1e-9;
  const Answer bound = ended & ((anode_excess(here_) >= -kAlmost) | (cathode_excess(here_) >= -kAlmost));
  enter(tap_ & !ended, ended & tap_ & !bound, ended & constant_ & !bound, ended & (hold_ | (bound & !discharge_)),
        ended & discharge_);
}

/// Into the next phase; a phase whose end is already passed is left out.
template <class L>
void Formation<L>::enter(const Answer& to_tap, Answer to_constant, Answer to_hold, Answer to_discharge, Answer to_end) {
  const double current = protocol_.current;
  const Answer entered = to_tap | to_constant | to_hold | to_discharge | to_end;
  to_hold |= to_constant & (here_.at(current) >= protocol_.voltage_limit);
  to_discharge |= to_hold & (here_.at(kCutOffShare * current) >= protocol_.voltage_limit);
  to_end |= to_discharge & (here_.at(-current) <= protocol_.cut_off);

  charged_x_ = select(to_discharge, here_.x, charged_x_);
  charged_y_ = select(to_discharge, here_.y, charged_y_);
  charged_ = charged_ | to_discharge;

  const Answer stays = !(entered | finished_);
  discharge_ = (to_discharge | (stays & discharge_)) & !to_end;
  hold_ = (to_hold | (stays & hold_)) & !to_discharge;
  constant_ = (to_constant | (stays & constant_)) & !(to_hold | to_discharge | to_end);
  tap_ = to_tap;
  complete_ = complete_ | to_end;
  finished_ = finished_ | to_end;

  watched_ = select(tap_, L{kTapShare * current},
                    select(hold_, L{kCutOffShare * current}, select(discharge_, L{-current}, L{current})));
  limit_ = select(tap_, L{tap_limit_}, select(discharge_, L{protocol_.cut_off}, L{protocol_.voltage_limit}));
  sign_ = select(discharge_, L{-1.0}, L{1.0});
  current_ = select(finished_, current_, select(hold_, held_current(here_), watched_));
  voltage_ = select(finished_, voltage_, select(hold_, L{protocol_.voltage_limit}, here_.at(watched_)));
}

/// From the cell as built to where the film is as thick as the solvent passes freely. There I_sei depends on x alone:
/// I_sei = I·exp[−f·(U_n − U_I)]. Where U_n falls linearly, I_sei grows by the logistic law, and a charge q in takes to
/// the SEI s = ln[1 + (i/I)(e^{cq} − 1)]/c with c = f·|dU_n/dx|/Qₙ; inverted, it gives the charge of every step in s.
/// @return where that holds
template <class L>
typename Formation<L>::Answer Formation<L>::leap_to_permeable(L& sei_energy) {
  constexpr double kStart = 200;  // I/I_sei, where the steps begin
  constexpr int kSteps = 10;
  const double current = protocol_.current;
  const double log_start = std::log(kStart);
  const L capacity = 1.0 / per_anode_capacity_;
  const L full = sei_of(L{kSeiPermeable});
  const L equal = (log(sei_charge_per_m_ * (kSecondsPerHour * drive_ / current)) - log_reaction_) / exponent_;  // U_I
  const L above = equal + (log_start / exponent_ - kGraphiteFloor);
  L x = nearly_empty_graphite(above);
  Answer good = (above > 0.1) & (above + kGraphiteFloor < here_.anode.value - 0.05);
  Slope<L> anode = tables_->graphite(x);

  // What the SEI has taken by then: an exponential integral (Abramowitz & Stegun 1964, 5.1.54) from the start on.
  const auto integral = [](const L& z) {
    return (z * (z + 2.334733) + 0.250621) / (z * (z * (z + 3.330657) + 1.681534));
  };
  const L z = exponent_ * above, z_built = exponent_ * (here_.anode.value - kGraphiteFloor);
  L sei = capacity * (1 / (kStart * kGraphiteDecay)) * (integral(z) - exp(z - z_built) * integral(z_built));
  good = good & (sei > 0.0) & (sei < 0.5 * full);
  sei = max(sei, 1e-30);
  L net = (x - kAnodeAsBuilt) * capacity + sei;
  sei_energy += sei * anode.value;

  const L first = sei;
  for (int step = 0; step < kSteps; ++step) {
    const double part = (step + 1.0) / kSteps;
    const L next = first + (full - first) * (part * part * part);
    const L taken = next - sei;
    const L share = exp(exponent_ * (anode.value - equal));  // I/I_sei
    // First with the slope here, then with the mean one to where that led.
    const auto charge_of = [&](const L& slope) {
      const L c = exponent_ * slope * per_anode_capacity_;
      return log(1.0 + share * expm1(c * taken)) / c;
    };
    const L way = (charge_of(-anode.derivative) - taken) * per_anode_capacity_;
    const L at = x + way;
    Slope<L> there = tables_->graphite(at);
    const L charge = charge_of(
        select(way > 1e-6, (anode.value - there.value) / max(way, 1e-6), -0.5 * (anode.derivative + there.derivative)));
    x += (charge - taken) * per_anode_capacity_;
    there.value += there.derivative * (x - at);
    sei_energy += 0.5 * (anode.value + there.value) * taken;
    net += charge;
    sei = next;
    anode = there;
  }
  here_ = {.net = net,
           .thickness = L{kSeiPermeable},
           .x = x_of(net, L{kSeiPermeable}),
           .y = y_of(net),
           .anode = anode,
           .cathode = here_.cathode,
           .resistance = base_resistance_ + sei_resistance_ * kSeiPermeable,
           .reaction = reaction_at(anode.value)};
  time_ = net * (kSecondsPerHour / current);
  return good;
}

/// One wide step at a constant current, between whose ends nothing happens.
template <class L>
[[gnu::always_inline]] inline void Formation<L>::hop(const L& dt, const L& current, L& sei_energy, L& ohmic_energy) {
  const Point p = attempt(dt, current, Answer{true}, true);
  sei_energy += 0.5 * (here_.anode.value + p.anode.value) * (sei_of(p.thickness) - sei_of(here_.thickness));
  ohmic_energy += current * current * dt * (here_.resistance + p.resistance) * (0.5 / kSecondsPerHour);
  here_ = p;
  time_ += dt;
}

/// The whole formation at once: charge is exact, so that only the film needs steps, and those may be wide.
template <class L>
void Formation<L>::leap() {
  const Formation before = *this;
  const double current = protocol_.current, limit = protocol_.voltage_limit, last = kCutOffShare * current;
  const L per_current{kSecondsPerHour / current};
  const L anode_capacity = 1.0 / per_anode_capacity_, cathode_capacity = 1.0 / per_cathode_capacity_;
  Answer good = constant_ & (time_ <= 0.0);
  const auto area = [this](const L& x, const L& y) {  // ∫U_p dq − Qₙ∫U_n dx, Wh, but for a constant
    return -tables_->nmc_area(y).value / per_cathode_capacity_ - tables_->graphite_area(x).value / per_anode_capacity_;
  };
  const auto plating = [this](const L& potential, const L& amperes, const L& thickness) {
    return potential - amperes * (anode_resistance_ + sei_resistance_ * thickness);
  };

  // Constant current. The film grows fast at first: short steps, then longer ones, and the last to the limit.
  L sei_energy{0.0};
  L ohmic_energy = here_.resistance;
  good = good & leap_to_permeable(sei_energy);
  if (!any(good)) {
    keep(Answer{true}, before);
    return;
  }
  ohmic_energy = current * here_.net * (0.5 * (ohmic_energy + here_.resistance));

  // About how much charge is left to the limit, were the film to stay as it is?
  const L resistance = base_resistance_ + sei_resistance_ * (1.5 * kSeiPermeable);
  const L per_charge = cathode_capacity * per_anode_capacity_;
  L y = clamp(0.22 - (limit - current * resistance - 3.96) * (1 / 1.3), 0.01, 0.9);
  for (int i = 0; i < 3; ++i) {
    const Slope<L> graphite = tables_->graphite(here_.x + (here_.y - y) * per_charge);
    const Slope<L> nmc = tables_->nmc(y);
    const L error = nmc.value - graphite.value + current * resistance - limit;
    y = clamp(y - error / (nmc.derivative + graphite.derivative * per_charge), 0.001, 0.95);
  }
  const L all_of_it = (here_.y - y) * cathode_capacity * per_current;
  good = good & (all_of_it > 0.0);
  L dt = max(all_of_it, 0.0);
  for (const double part : {0.003, 0.008, 0.02, 0.045, 0.09, 0.17, 0.28}) {
    hop(part * dt, L{current}, sei_energy, ohmic_energy);
  }
  const L start = here_.net;
  dt *= 1 - (0.003 + 0.008 + 0.02 + 0.045 + 0.09 + 0.17 + 0.28);
  constexpr double kResidual = 1e-6;  // V
  // A charge that ends among the graphite's stages would want shorter steps.
  constexpr double kBeyondStages = 0.55;
  constexpr int kMost = 8;  // Newton steps: where the graphite is nearly full some more than usual
  const L longest = here_.y * cathode_capacity * per_current;
  Point p = attempt(dt, L{current}, Answer{true}, true);
  for (int i = 0; i < kMost; ++i) {
    const L error = p.at(current) - limit;
    const Answer open = good & (abs(error) > 0.1 * kResidual);
    if (!any(open)) break;
    const L pace = current * (anode_pace(p) + cathode_pace(p));
    dt = select(open, clamp(dt - error / pace, 0.0, longest), dt);
    p = attempt(dt, L{current}, Answer{true}, true);
  }
  good =
      good & (dt > 0.0) & (abs(p.at(current) - limit) < kResidual) & (p.x > kBeyondStages) & (p.x < 1.0) & (p.y > 0.0);
  sei_energy += 0.5 * (here_.anode.value + p.anode.value) * (sei_of(p.thickness) - sei_of(here_.thickness));
  ohmic_energy += current * (p.net - start) * 0.5 * (here_.resistance + p.resistance);
  here_ = p;
  time_ += dt;
  energy_in_ = area(here_.x, here_.y) - area(L{kAnodeAsBuilt}, L{kCathodeAsBuilt}) - sei_energy + ohmic_energy;
  margin_ = min(margin_, plating(here_.anode.value, L{current}, here_.thickness));

  // Constant voltage: the current falls from I to I/5, about linearly with charge; at the end the balance is exact.
  const Point a = here_;
  const double log_ratio = std::log(1 / kCutOffShare);
  const L w = reaction_at(a.anode.value);
  L charge = (current - last) * a.resistance / (kSecondsPerHour * (anode_pace(a) + cathode_pace(a)));
  L seconds = charge * (kSecondsPerHour * log_ratio / (current - last));
  L residual{};
  const auto to_end = [&] {
    p.thickness = grown(a.thickness, w, seconds);
    p.net = a.net + charge;
    p.x = x_of(p.net, p.thickness);
    p.y = y_of(p.net);
    p.anode = tables_->graphite(p.x);
    p.cathode = tables_->nmc(p.y);
    p.resistance = base_resistance_ + sei_resistance_ * p.thickness;
    residual = p.at(last) - limit;
    return residual / (kSecondsPerHour * (anode_pace(p) + cathode_pace(p)));
  };
  const auto solve_end = [&] {
    for (int i = 0; i < kMost; ++i) {
      const L step = to_end();
      const Answer open = good & (abs(residual) > 0.1 * kResidual);
      if (!any(open)) return;
      charge -= select(open, step, L{0.0});
    }
  };
  solve_end();
  // Time is the integral of dq/I. With I as if linear it is a logarithm; three points of Gauss correct that.
  L integral{0.0};
  constexpr double kAlmostLinear = 0.1;
  constexpr std::array<std::array<double, 2>, 3> kGauss3{
      {{0.1127016653792583, 5.0 / 18}, {0.5, 8.0 / 18}, {0.8872983346207417, 5.0 / 18}}};
  for (const auto& [place, weight] : kGauss3) {
    const double linear = current * std::exp(-log_ratio * place);
    const L thickness = a.thickness + place * (p.thickness - a.thickness);
    const L net = a.net + charge * ((current - linear) / (current - last));
    const L x = x_of(net, thickness);
    const L potential = tables_->graphite(x).value;
    const L amperes =
        (limit - tables_->nmc(y_of(net)).value + potential) / (base_resistance_ + sei_resistance_ * thickness);
    const L ratio = linear / max(amperes, 1e-3 * last);
    good = good & (abs(ratio - 1.0) < kAlmostLinear);
    integral += weight * ratio;
    margin_ = min(margin_, plating(potential, amperes, thickness));
  }
  good = good & (charge > 0.0);
  seconds = max(charge, 0.0) * integral * (kSecondsPerHour * log_ratio / (current - last));
  solve_end();
  good = good & (abs(residual) < kResidual) & (charge > 0.0) & (p.x < 1.0) & (p.y > 0.0);
  p.reaction = reaction_at(p.anode.value);
  good = good & (sei_current(p) < 0.3 * last);
  here_ = p;
  time_ += seconds;
  charge_in_ = p.net;
  energy_in_ += limit * (p.net - a.net);
  margin_ = min(margin_, plating(p.anode.value, L{last}, p.thickness));
  charged_x_ = p.x;
  charged_y_ = p.y;

  // Discharge: a few steps to where the graphite begins to empty ...
  constexpr double kTail = 0.075;
  constexpr int kDischargeSteps = 4;
  L discharged_ohmic{0.0}, discharged_sei{0.0};
  const L part = (here_.x - kTail) * (1.0 / kDischargeSteps) * anode_capacity * per_current;
  good = good & (part > 0.0);
  for (int i = 0; i < kDischargeSteps; ++i) hop(max(part, 0.0), L{-current}, discharged_sei, discharged_ohmic);
  // ... then where the graphite is so empty that the voltage is the cut-off. Its potential is exponential there.
  const Point tail = here_;
  const L rate = drive_ / (reaction_at(tail.anode.value) + per_diffusivity_ * (tail.thickness - kSeiPermeable));
  L x_end{0.004};
  L thickness = tail.thickness + 0.8 * rate * (tail.x - x_end) * anode_capacity * per_current;
  const auto find_end = [&] {
    p.thickness = thickness;
    p.net = (x_end - kAnodeAsBuilt) * anode_capacity + sei_of(thickness);
    p.y = y_of(p.net);
    p.resistance = base_resistance_ + sei_resistance_ * thickness;
    const L above = tables_->nmc(p.y).value - current * p.resistance - protocol_.cut_off - kGraphiteFloor;
    x_end = nearly_empty_graphite(above);
    return above;
  };
  find_end();
  find_end();
  // The film's growth in between, over √(x − x_end): eight points of Gauss.
  constexpr std::array<std::array<double, 2>, 8> kGauss8{{{0.0198550717512319, 0.0506142681451881},
                                                          {0.1016667612931866, 0.1111905172266872},
                                                          {0.2372337950418355, 0.1568533229389436},
                                                          {0.4082826787521751, 0.1813418916891810},
                                                          {0.5917173212478249, 0.1813418916891810},
                                                          {0.7627662049581645, 0.1568533229389436},
                                                          {0.8983332387068134, 0.1111905172266872},
                                                          {0.9801449282487681, 0.0506142681451881}}};
  const L width = tail.x - x_end;
  const L growth = thickness - tail.thickness;
  L grew{0.0}, potential_grew{0.0};
  for (const auto& [place, weight] : kGauss8) {
    const double square = place * place;
    const L potential = tables_->graphite(x_end + square * width).value;
    const L over = tail.thickness + (1 - square) * growth - kSeiPermeable;
    const L pace = drive_ / (reaction_at(potential) + per_diffusivity_ * over);
    const L share = 2 * weight * place * pace / (current + kSecondsPerHour * sei_charge_per_m_ * pace);
    grew += share;
    potential_grew += potential * share;
  }
  const L length = width * anode_capacity * kSecondsPerHour;
  thickness = tail.thickness + grew * length;
  discharged_sei += potential_grew * length * sei_charge_per_m_;
  const L above = find_end();
  find_end();
  good = good & (above > 0.2) & (width > 0.0);
  p.net = (x_end - kAnodeAsBuilt) * anode_capacity + sei_of(thickness);
  p.x = x_end;
  p.y = y_of(p.net);
  p.anode = tables_->graphite(p.x);
  p.cathode = tables_->nmc(p.y);
  const L error = p.at(-current) - protocol_.cut_off;
  const L correction = error / (kSecondsPerHour * (anode_pace(p) + cathode_pace(p)));
  p.net -= correction;
  p.x = x_of(p.net, thickness);
  p.y = y_of(p.net);
  p.anode.value -= p.anode.derivative * per_anode_capacity_ * correction;
  p.cathode.value += p.cathode.derivative * per_cathode_capacity_ * correction;
  good = good & (abs(error) < 20 * kResidual);
  discharged_ohmic += current * (tail.net - p.net) * 0.5 * (tail.resistance + p.resistance);
  time_ += (tail.net - p.net) * per_current;
  here_ = p;
  charge_out_ = charge_in_ - p.net;
  energy_out_ = area(charged_x_, charged_y_) - area(p.x, p.y) + discharged_sei - discharged_ohmic;
  voltage_ = L{protocol_.cut_off};
  current_ = L{-current};
  constant_ = false;
  charged_ = complete_ = finished_ = true;
  good = good & (time_ <= protocol_.duration);
  if (!all(good)) keep(!good, before);
}

/// Goes back to what it was in the lanes of the mask.
template <class L>
void Formation<L>::keep(const Answer& where, const Formation& before) {
  const auto back = [&where](L& now, const L& then) { now = select(where, then, now); };
  back(time_, before.time_);
  back(charge_in_, before.charge_in_);
  back(charge_out_, before.charge_out_);
  back(energy_in_, before.energy_in_);
  back(energy_out_, before.energy_out_);
  back(voltage_, before.voltage_);
  back(current_, before.current_);
  back(charged_x_, before.charged_x_);
  back(charged_y_, before.charged_y_);
  back(margin_, before.margin_);
  here_.take(where, before.here_);
  const auto back_mask = [&where](Answer& now, const Answer& then) { now = (where & then) | ((!where) & now); };
  back_mask(constant_, before.constant_);
  back_mask(charged_, before.charged_);
  back_mask(finished_, before.finished_);
  back_mask(complete_, before.complete_);
}

}  // namespace
}  // namespace battery_twin::process
