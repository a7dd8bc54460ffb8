#include "battery_twin/plant/run.hpp"

#include <cmath>
#include <stdexcept>

#include "battery_twin/process/field.hpp"

namespace battery_twin::plant {

StationRun::StationRun(const Station& station, process::ModelSet models, const process::CellDesign& design,
                       const process::Product& upstream, const process::Values& parameters, std::uint64_t seed,
                       bool noise)
    : station_(station),
      model_(station.type->model(models)),
      run_(model_.start({.line = station.line,
                         .upstream = upstream,
                         .parameters = parameters,
                         .design = design,
                         .noise = process::Noise(seed, station.process_name, noise)})),
      properties_(model_.outputs.size()),
      specifics_(model_.specifics.size()) {
  run_->properties(properties_);
  run_->specifics(specifics_);
}

bool StationRun::step() {
  if (!advance()) return false;
  look();
  return true;
}

bool StationRun::advance() {
  if (steps_ >= run_->planned_steps()) return false;
  if (auto reason = run_->stop_reason()) {
    early_end_ = std::move(*reason);
    return false;
  }
  run_->step();
  ++steps_;
  return true;
}

void StationRun::look() {
  run_->properties(properties_);
  run_->specifics(specifics_);
  for (std::size_t i = 0; i < properties_.size(); ++i) {
    if (!std::isfinite(properties_[i])) {
      throw std::runtime_error("step " + std::to_string(steps_ - 1) + " of " + station_.process_name + " gave " +
                               process::to_text(properties_[i]) + " for " +
                               std::string(model_.outputs[i].name_on(station_.line)));
    }
  }
}

std::vector<std::string> StationRun::causes() const {
  std::vector<std::string> causes;
  for (std::size_t i = 0; i < properties_.size(); ++i) {
    const process::Output& output = model_.outputs[i];
    if (output.is_defect(properties_[i])) causes.emplace_back(output.name_on(station_.line));
  }
  return causes;
}

}  // namespace battery_twin::plant
