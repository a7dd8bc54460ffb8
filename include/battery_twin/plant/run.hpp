#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "battery_twin/plant/layout.hpp"
#include "battery_twin/process/product.hpp"

namespace battery_twin::plant {

/// One station at work on one batch: the model, its properties and what it says of the product. What the paced engine
/// and `run_batch` both do with a machine, step for step.
class StationRun {
 public:
  StationRun(const Station& station, process::ModelSet models, const process::CellDesign& design,
             const process::Product& upstream, const process::Values& parameters, std::uint64_t seed, bool noise);

  [[nodiscard]] const Station& station() const { return station_; }
  [[nodiscard]] std::uint32_t planned_steps() const { return run_->planned_steps(); }
  [[nodiscard]] std::uint32_t steps() const { return steps_; }

  /// The next step, unless the run is over.
  /// @return false when it is over: all steps done, or ended early (then `early_end` says why)
  /// @throws std::runtime_error when a property is not finite; whatever the model throws
  bool step();

  /// All steps that are left, without a look at the properties in between: the check for finite ones is of the last.
  /// @param after_step  called after each; may throw
  template <class AfterStep>
  void finish(const AfterStep& after_step) {
    while (advance()) after_step();
    if (steps_ > 0) look();
  }

  void finish() {
    finish([] {});
  }

  /// As of the last step; before the first their initial values.
  [[nodiscard]] std::span<const double> properties() const { return properties_; }
  [[nodiscard]] std::span<const double> specifics() const { return specifics_; }
  [[nodiscard]] const std::string& early_end() const { return early_end_; }
  /// What the machine decides on the product now. `reference` decides nothing.
  [[nodiscard]] process::Outcome outcome() const { return process::judge(model_.outputs, properties_); }
  /// What was unusual about the run, to be asked at its end.
  [[nodiscard]] std::vector<std::string> remarks() const { return run_->remarks(); }
  /// Names of the properties that speak against the product now.
  [[nodiscard]] std::vector<std::string> causes() const;
  void hand_on(process::Product& product) const { run_->hand_on(product); }

 private:
  bool advance();
  void look();

  const Station& station_;
  const process::MachineModel& model_;
  std::unique_ptr<process::MachineRun> run_;
  std::vector<double> properties_;
  std::vector<double> specifics_;
  std::uint32_t steps_ = 0;
  std::string early_end_;
};

}  // namespace battery_twin::plant
