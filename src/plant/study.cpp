#include "battery_twin/plant/study.hpp"

#include "battery_twin/plant/run.hpp"

namespace battery_twin::plant {
namespace {

void run_station(const Station& station, process::ModelSet models, bool noise, std::uint64_t seed,
                 std::span<const std::optional<process::Values>> parameters, const StepTrace& trace,
                 process::Product& product, BatchOutcome& outcome) {
  const bool given = station.index < parameters.size() && parameters[station.index];
  StationRun run(station, product, given ? *parameters[station.index] : station.type->defaults(models, station.line),
                 seed, noise);
  while (run.step()) {
    if (trace) trace(station, run.steps() - 1, run.properties());
  }
  outcome.steps += run.steps();
  run.hand_on(product);
  for (std::size_t i = 0; i < run.properties().size(); ++i) {
    const process::Output& output = station.type->outputs[i];
    if (!output.is_defect(run.properties()[i])) continue;
    outcome.defects.push_back(station.process_name + ": " + std::string(output.name_on(station.line)));
    if (output.verdict == process::Verdict::test) outcome.passed = false;
  }
}

}  // namespace

BatchOutcome run_batch(const Layout& layout, process::ModelSet models, bool noise, std::uint64_t seed,
                       std::span<const std::optional<process::Values>> parameters, const StepTrace& trace) {
  BatchOutcome outcome;
  outcome.passed = true;
  process::Product product;
  try {
    for (const Station& station : layout.stations())
      run_station(station, models, noise, seed, parameters, trace, product, outcome);
    outcome.figures = process::end_of_line(models, product);
  } catch (const std::exception& error) {
    outcome.passed = false;
    outcome.error = error.what();
  }
  return outcome;
}

}  // namespace battery_twin::plant
