#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>

#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::plant::testing {

/// An eleventh machine type, written as any other would be: it smooths the edge of the electrode.
struct PolishingParameters {
  double passes = 0;
  std::optional<double> grain;
};

inline constexpr std::array<process::Field<PolishingParameters>, 2> kPolishingFields{{
    {.name = "passes",
     .member = &PolishingParameters::passes,
     .unit = "1",
     .description = "Passes over the edge",
     .reference = 4.0,
     .hard = {.at_least = 1.0}},
    {.name = "grain",
     .member = &PolishingParameters::grain,
     .unit = "m",
     .description = "Grain of the disc; null: the finest",
     .reference = {},
     .hard = process::positive_up_to(1e-3)},
}};

inline constexpr std::array<process::Output, 2> kPolishingOutputs{{
    {.name = "burr_factor", .unit = "1", .description = "What is left of the burr", .cathode_name = "burr_left"},
    {.name = "scratched",
     .unit = "",
     .description = "The grain was too coarse",
     .kind = process::Kind::boolean,
     .verdict = process::Verdict::risk},
}};

class Polishing {
 public:
  static double steps(const PolishingParameters& parameters) { return parameters.passes; }

  Polishing(process::Line line, const process::Product& upstream, const PolishingParameters& parameters,
            const process::Noise& /*noise*/)
      : line_(line), burr_(upstream.web(line).burr_factor), coarse_(parameters.grain.value_or(0) > 1e-5) {}

  void step(std::uint32_t /*t*/) {
    burr_ /= 2;
    scratched_ = coarse_;
  }
  void properties(std::span<double> out) const {
    out[0] = burr_;
    out[1] = scratched_ ? 1 : 0;
  }
  void hand_on(process::Product& product) const { product.web(line_).burr_factor = burr_; }

 private:
  process::Line line_;
  double burr_;
  bool coarse_;
  bool scratched_ = false;
};

inline const process::MachineType& polishing() {
  static const process::MachineType type = [] {
    auto model = process::model_of<PolishingParameters, Polishing, kPolishingFields>(kPolishingOutputs);
    model.steps_field = "passes";
    return process::describe<PolishingParameters, kPolishingFields>("polishing", "Smooths the edge", model);
  }();
  return type;
}

/// A type that the mechanistic plant has never heard of either: it varies, finds scrap, uses energy and changes what
/// the cells are made from. It has no kernel for many cells at once. Its parameters stand in an object of their own,
/// and none has a second name.
struct PunchingParameters {
  double force = 0;
};

inline constexpr std::array<process::Field<PunchingParameters>, 1> kPunchingFields{{
    {.name = "force",
     .member = &PunchingParameters::force,
     .unit = "N",
     .description = "Force on every second strip, which it takes out",
     .reference = 100.0,
     .hard = {.above = 0.0}},
}};

inline constexpr std::array<process::Output, 3> kPunchingOutputs{{
    {.name = "force", .unit = "N", .description = "Force as it really was", .disturbed = true},
    {.name = "torn",
     .unit = "",
     .description = "More force than the web bears",
     .kind = process::Kind::boolean,
     .verdict = process::Verdict::scrap},
    {.name = process::kMachineEnergy, .unit = "J", .description = "Energy used so far"},
}};

class Punching {
 public:
  static constexpr double kTears = 100;         // N
  static constexpr double kVariation = 0.05;    // of the force, relative standard deviation
  static constexpr double kStepEnergy = 3.6e6;  // J: a kilowatt-hour
  static constexpr std::uint32_t kSteps = 3;

  static double steps(const PunchingParameters& /*parameters*/) { return kSteps; }

  /// The force that a batch really gets.
  static double force_of(double asked_for, const process::Noise& noise) {
    return noise.normal(0, 0, asked_for, kVariation * asked_for);
  }

  Punching(process::Line line, const process::Product& upstream, const PunchingParameters& parameters,
           const process::Noise& noise)
      : line_(line), strips_(upstream.web(line).strips), force_(force_of(parameters.force, noise)) {}

  void step(std::uint32_t /*t*/) { ++done_; }
  void properties(std::span<double> out) const {
    out[0] = force_;
    out[1] = force_ > kTears ? 1 : 0;
    out[2] = done_ * kStepEnergy;
  }
  void hand_on(process::Product& product) const { product.web(line_).strips = std::floor(strips_ / 2); }

 private:
  process::Line line_;
  double strips_;
  double force_;
  int done_ = 0;
};

inline const process::MachineType& punching() {
  static const process::MachineType type = [] {
    auto described = process::describe<PunchingParameters, kPunchingFields>(
        "punching", "Takes out every second strip",
        process::model_of<PunchingParameters, Punching, kPunchingFields>(kPunchingOutputs));
    described.nested = "press";
    return described;
  }();
  return type;
}

/// A machine of ten steps that breaks on request.
struct BrittleParameters {
  std::optional<double> start_throws;
  std::optional<double> throws_at;
  std::optional<double> throws_silently_at;
  std::optional<double> not_finite_at;
};

inline constexpr std::array<process::Field<BrittleParameters>, 4> kBrittleFields{{
    {.name = "start_throws", .member = &BrittleParameters::start_throws, .unit = "1", .description = "Never starts"},
    {.name = "throws_at", .member = &BrittleParameters::throws_at, .unit = "1", .description = "Step that throws"},
    {.name = "throws_silently_at",
     .member = &BrittleParameters::throws_silently_at,
     .unit = "1",
     .description = "Step that throws without a word"},
    {.name = "not_finite_at",
     .member = &BrittleParameters::not_finite_at,
     .unit = "1",
     .description = "Step that gives no number"},
}};

inline constexpr std::array<process::Output, 1> kBrittleOutputs{
    {{.name = "level", .unit = "1", .description = "Steps done"}}};

class Brittle {
 public:
  static double steps(const BrittleParameters& /*parameters*/) { return 10; }

  Brittle(process::Line /*line*/, const process::Product& /*upstream*/, const BrittleParameters& parameters,
          const process::Noise& /*noise*/)
      : p_(parameters) {
    if (p_.start_throws) throw std::runtime_error("it would not start");
  }

  void step(std::uint32_t t) {
    if (p_.throws_at == t) throw std::runtime_error("a belt broke");
    if (p_.throws_silently_at == t) throw std::runtime_error("");
    level_ = p_.not_finite_at == t ? std::numeric_limits<double>::quiet_NaN() : t + 1.0;
  }
  void properties(std::span<double> out) const { out[0] = level_; }
  void hand_on(process::Product& /*product*/) const {}

 private:
  BrittleParameters p_;
  double level_ = 0;
};

inline const process::MachineType& brittle() {
  static const process::MachineType type = process::describe<BrittleParameters, kBrittleFields>(
      "brittle", "Breaks on request", process::model_of<BrittleParameters, Brittle, kBrittleFields>(kBrittleOutputs));
  return type;
}

/// Holds a batch inside a machine for as long as a test wants: while the gate is closed, the first step of a `gated`
/// machine with the parameter `waits` does not return. It blocks its thread, so such a plant needs threads to spare.
class Gate {
 public:
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    condition_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    condition_.notify_all();
    const bool passed = condition_.wait_for(lock, std::chrono::seconds(60), [this] { return open_; });
    --waiting_;
    if (!passed) throw std::runtime_error("the gate stayed closed");
  }
  void wait_for_arrival() {
    std::unique_lock lock(mutex_);
    if (!condition_.wait_for(lock, std::chrono::seconds(60), [this] { return waiting_ > 0; })) {
      throw std::runtime_error("nobody came to the gate");
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool open_ = true;
  int waiting_ = 0;
};

inline Gate& the_gate() {
  static Gate gate;
  return gate;
}

/// Closed until it is opened or the test ends. To be declared after the plant, whose end waits for its batches.
struct ClosedGate {
  ClosedGate() { the_gate().close(); }
  ~ClosedGate() { the_gate().open(); }
  ClosedGate(const ClosedGate&) = delete;
  ClosedGate& operator=(const ClosedGate&) = delete;
  void open() { the_gate().open(); }
  /// Until a batch is held; that its machine is on does not say so yet.
  void wait_for_arrival() { the_gate().wait_for_arrival(); }
};

struct GatedParameters {
  std::optional<double> waits;
};

inline constexpr std::array<process::Field<GatedParameters>, 1> kGatedFields{{
    {.name = "waits",
     .member = &GatedParameters::waits,
     .unit = "1",
     .description = "Given: the first step waits for the gate"},
}};

class Gated {
 public:
  static double steps(const GatedParameters& /*parameters*/) { return 2; }

  Gated(process::Line /*line*/, const process::Product& /*upstream*/, const GatedParameters& parameters,
        const process::Noise& /*noise*/)
      : waits_(parameters.waits.has_value()) {}

  void step(std::uint32_t t) {
    if (waits_ && t == 0) the_gate().pass();
  }
  void properties(std::span<double> /*out*/) const {}
  void hand_on(process::Product& /*product*/) const {}

 private:
  bool waits_;
};

inline const process::MachineType& gated() {
  static const process::MachineType type = process::describe<GatedParameters, kGatedFields>(
      "gated", "Waits for the test", process::model_of<GatedParameters, Gated, kGatedFields>({}));
  return type;
}

}  // namespace battery_twin::plant::testing
