#include "battery_twin/plant/study.hpp"

#include "battery_twin/plant/run.hpp"

namespace battery_twin::plant {
namespace {

void run_station(const Station& station, process::ModelSet models, const PopulationConfig& config, std::uint64_t seed,
                 std::span<const std::optional<process::Values>> parameters, const StepTrace& trace,
                 process::Product& product, BatchOutcome& outcome) {
  const bool given = station.index < parameters.size() && parameters[station.index];
  StationRun run(station, models, config.design, product,
                 given ? *parameters[station.index] : station.type->defaults(models, station.line), seed, config.noise);
  if (trace) {
    while (run.step()) trace(station, run.steps() - 1, run.properties());
  } else {
    run.finish();
  }
  outcome.steps += run.steps();
  run.hand_on(product);
  if (run.outcome() == process::Outcome::scrap) outcome.passed = false;
  for (const std::string& cause : run.causes()) outcome.defects.push_back(station.process_name + ": " + cause);
}

}  // namespace

BatchOutcome run_batch(const Layout& layout, process::ModelSet models, const PopulationConfig& config,
                       std::uint64_t seed, std::span<const std::optional<process::Values>> parameters,
                       const StepTrace& trace) {
  BatchOutcome outcome;
  outcome.passed = true;
  process::Product product;
  try {
    for (const Station& station : layout.stations())
      run_station(station, models, config, seed, parameters, trace, product, outcome);
    if (models == process::ModelSet::reference) {
      outcome.figures = process::reference_end_of_line(product);
    } else {
      outcome.figures = Population(layout, config, parameters).run(std::array{seed}).front().figures;
      outcome.passed = outcome.figures.cells_good > 0.0;
    }
  } catch (const std::exception& error) {
    outcome.passed = false;
    outcome.error = error.what();
  }
  return outcome;
}

}  // namespace battery_twin::plant
