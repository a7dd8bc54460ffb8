#include "battery_twin/plant/study.hpp"

#include "battery_twin/plant/run.hpp"

namespace battery_twin::plant {
namespace {

void run_station(const Station& station, process::ModelSet models, const PopulationConfig& config, std::uint64_t seed,
                 std::span<const std::optional<process::Values>> parameters, const StepTrace& trace,
                 const std::function<bool()>& stop, process::Product& product, BatchOutcome& outcome) {
  const bool given = station.index < parameters.size() && parameters[station.index];
  StationRun run(station, models, config.design, product,
                 given ? *parameters[station.index] : station.type->defaults(models, station.line), seed, config.noise);
  const auto check = [&] {
    constexpr std::uint32_t kOften = 1024;  // steps
    if (stop && run.steps() % kOften == 0 && stop()) throw Stopped();
  };
  if (trace) {
    for (; run.step(); check()) trace(station, run.steps() - 1, run.properties());
  } else {
    run.finish(check);
  }
  outcome.steps += run.steps();
  run.hand_on(product);
  if (run.outcome() == process::Outcome::scrap) outcome.passed = false;
  for (const std::string& cause : run.causes()) outcome.defects.push_back(station.process_name + ": " + cause);
}

}  // namespace

BatchOutcome run_batch(const Layout& layout, process::ModelSet models, const PopulationConfig& config,
                       std::uint64_t seed, std::span<const std::optional<process::Values>> parameters,
                       const StepTrace& trace, const std::function<bool()>& stop) {
  BatchOutcome outcome;
  outcome.passed = true;
  process::Product product;
  try {
    for (const Station& station : layout.stations())
      run_station(station, models, config, seed, parameters, trace, stop, product, outcome);
    if (models == process::ModelSet::reference) {
      outcome.figures = process::reference_end_of_line(product);
    } else {
      outcome.figures = Population(layout, config, parameters).run(std::array{seed}, {}, stop).front().figures;
      outcome.passed = outcome.figures.cells_good > 0.0;
    }
  } catch (const Stopped&) {
    throw;
  } catch (const std::exception& error) {
    outcome.passed = false;
    outcome.error = error.what();
  }
  return outcome;
}

}  // namespace battery_twin::plant
