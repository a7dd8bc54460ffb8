#include "battery_twin/plant/population.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace battery_twin::plant {

using process::CellPack;
using process::kCellFigures;
using process::kLanes;
using process::ProductBlock;

namespace {

constexpr double kJoulesPerKilowattHour = 3.6e6;

// A machine without a kernel of its own: one cell after the other.
void run_one_by_one(const process::MachineModel& model, const process::Values& values, const process::BlockStart& start,
                    std::string_view process_name, ProductBlock& block, std::span<CellPack> properties) {
  std::vector<double> found(model.outputs.size());
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    process::Product product = process::cell_of(block, lane);
    const auto run = model.start({.line = start.line,
                                  .upstream = product,
                                  .parameters = values,
                                  .design = start.design,
                                  .noise = process::Noise(start.seeds[lane], process_name, start.batch_noise)});
    for (std::uint32_t step = 0; step < run->planned_steps() && !run->stop_reason(); ++step) run->step();
    run->properties(found);
    for (std::size_t i = 0; i < found.size(); ++i) properties[i].lane[lane] = found[i];
    run->hand_on(product);
    process::set_cell(block, lane, product);
  }
}

std::uint32_t cells_of(const process::Product& product, std::uint32_t most) {
  const double strips = std::min(product.anode.strips, product.cathode.strips);
  if (!std::isfinite(strips)) return 0;
  return static_cast<std::uint32_t>(std::clamp(strips, 0.0, static_cast<double>(most)));
}

}  // namespace

// What the cells of one batch add up to. Means are over the good cells; those over all are kept for a batch without
// one.
struct Population::Tally {
  struct Sums {
    double count = 0;
    std::array<double, kCellFigures.size()> mean{};
    double capacity_squares = 0;

    // Welford (1962)
    void add(const CellBlock& block, std::size_t lane) {
      count += 1;
      for (std::size_t i = 0; i < mean.size(); ++i) {
        const double delta = block.figures[i].lane[lane] - mean[i];
        mean[i] += delta / count;
        if (i == 0) capacity_squares += delta * (block.figures[i].lane[lane] - mean[i]);
      }
    }
  };

  Sums good, all;
  std::vector<std::uint32_t> lost;    // by cause
  std::vector<double> energy_joules;  // by station

  void add(const CellBlock& block, std::size_t lane) {
    all.add(block, lane);
    if (block.cause[lane] < 0)
      good.add(block, lane);
    else
      ++lost[static_cast<std::size_t>(block.cause[lane])];
  }
};

std::string Population::Source::name() const {
  return station->process_name + " " +
         std::string(station->type->model(process::ModelSet::mechanistic).outputs[output].name_on(station->line));
}

Population::Population(const Layout& layout, PopulationConfig config,
                       std::span<const std::optional<process::Values>> parameters)
    : config_(std::move(config)) {
  for (const process::Line line : process::kLines) {
    bool in_trunk = line != process::Line::cell;
    for (const Station& station : layout.stations(line)) {
      const process::MachineModel& model = station.type->model(process::ModelSet::mechanistic);
      const bool given = station.index < parameters.size() && parameters[station.index];
      Work work{
          .station = &station,
          .model = &model,
          .values = given ? *parameters[station.index] : station.type->defaults(process::ModelSet::mechanistic, line),
          .prepared = {},
          .stream = process::stream_of(station.process_name),
          .first_cause = causes_.size(),
          .last_cause = 0,
          .first_disturbed = disturbed_.size(),
          .last_disturbed = 0,
          .energy = {},
          .verdicts = {}};
      if (model.prepare != nullptr) work.prepared = model.prepare(work.values);
      for (std::size_t i = 0; i < model.outputs.size(); ++i) {
        if (model.outputs[i].consequence() == process::Outcome::scrap) causes_.push_back({&station, i});
        if (model.outputs[i].verdict != process::Verdict::none) work.verdicts.push_back(i);
        if (model.outputs[i].disturbed) disturbed_.push_back({&station, i});
        if (model.outputs[i].name == process::kMachineEnergy) work.energy = i;
      }
      work.last_cause = causes_.size();
      work.last_disturbed = disturbed_.size();
      most_outputs_ = std::max(most_outputs_, model.outputs.size());
      in_trunk = in_trunk && model.per_batch;
      (in_trunk ? trunk_ : branches_).push_back(std::move(work));
    }
  }
}

void Population::run_station(const Work& work, const CellBlock& who, bool cell_noise, ProductBlock& product,
                             std::span<CellPack> properties) const {
  const process::BlockStart start{.line = work.station->line,
                                  .parameters = work.prepared.get(),
                                  .design = config_.design,
                                  .stream = work.stream,
                                  .seeds = who.seeds,
                                  .cells = who.cells,
                                  .batch_noise = config_.noise,
                                  .cell_noise = config_.noise && cell_noise,
                                  .literal = config_.literal};
  if (work.model->run_block != nullptr)
    work.model->run_block(start, product, properties);
  else
    run_one_by_one(*work.model, work.values, start, work.station->process_name, product, properties);
  // As the paced plant does: what is not finite fails the batch. Zero times it is not zero.
  CellPack check{};
  for (std::size_t i = 0; i < work.model->outputs.size(); ++i) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) check.lane[lane] += 0.0 * properties[i].lane[lane];
  }
  for (std::size_t lane = 0; lane < who.count; ++lane) {
    if (check.lane[lane] != 0.0)
      throw std::runtime_error(work.station->process_name + " gave a number that is not finite");
  }
}

// The first cause of each cell that is still good.
void Population::judge(const Work& work, std::span<const CellPack> properties, CellBlock& block) const {
  for (std::size_t cause = work.first_cause; cause < work.last_cause; ++cause) {
    const process::Output& output = work.model->outputs[causes_[cause].output];
    const CellPack& values = properties[causes_[cause].output];
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (block.cause[lane] < 0 && output.is_defect(values.lane[lane]))
        block.cause[lane] = static_cast<std::int32_t>(cause);
    }
  }
  for (std::size_t i = work.first_disturbed; i < work.last_disturbed; ++i)
    block.disturbed[i] = properties[disturbed_[i].output];
}

std::vector<BatchFigures> Population::run(std::span<const std::uint64_t> seeds,
                                          const std::function<void(const CellBlock&)>& tell,
                                          const std::function<bool()>& stop) const {
  if (seeds.empty() || seeds.size() > kBatches) throw std::invalid_argument("1 to 8 batches at once");
  std::vector<CellPack> properties(most_outputs_);
  std::vector<Tally> tallies(seeds.size());
  for (Tally& tally : tallies) {
    tally.lost.resize(causes_.size());
    tally.energy_joules.reserve(trunk_.size() + branches_.size());
  }

  std::vector<BatchFigures> results(seeds.size());
  const auto take_nominal = [&](const Work& work) {
    for (std::size_t b = 0; b < seeds.size(); ++b) {
      tallies[b].energy_joules.push_back(work.energy ? properties[*work.energy].lane[b] : 0);
      for (const std::size_t i : work.verdicts) {
        const process::Output& output = work.model->outputs[i];
        if (output.is_defect(properties[i].lane[b]))
          results[b].defects.push_back(work.station->process_name + ": " +
                                       std::string(output.name_on(work.station->line)));
      }
    }
  };
  const auto take_figures = [&](const ProductBlock& product, CellBlock& block) {
    for (std::size_t i = 0; i < kCellFigures.size(); ++i) {
      const process::CellFigure& figure = kCellFigures[i];
      const CellPack& values = product.cell.*figure.value;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        double value = values.lane[lane] * figure.scale;
        if (figure.per != nullptr) {
          const double per = (product.cell.*figure.per).lane[lane];
          value = per > 0 ? value / per : 0;
        }
        if (!std::isfinite(value))
          throw std::runtime_error("a cell's " + std::string(figure.name) + " is " + process::to_text(value));
        block.figures[i].lane[lane] = value;
      }
    }
    for (std::size_t lane = 0; lane < block.count; ++lane) tallies[block.batch[lane]].add(block, lane);
    if (tell) tell(block);
  };

  // All batches of the call side by side, each as its nominal cell.
  CellBlock nominal;
  nominal.count = seeds.size();
  nominal.disturbed.resize(disturbed_.size());
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    nominal.seeds[lane] = seeds[std::min(lane, seeds.size() - 1)];
    nominal.batch[lane] = static_cast<std::uint32_t>(std::min(lane, seeds.size() - 1));
    nominal.cause[lane] = -1;
  }
  ProductBlock product{};
  for (const Work& work : trunk_) {
    run_station(work, nominal, false, product, properties);
    judge(work, properties, nominal);
    take_nominal(work);
  }
  const ProductBlock trunk = product;
  const CellBlock after_trunk = nominal;
  for (const Work& work : branches_) {
    run_station(work, nominal, false, product, properties);
    judge(work, properties, nominal);
    take_nominal(work);
  }

  std::array<std::uint32_t, kLanes> cells{};
  std::array<double, kLanes> strips{};
  for (std::size_t b = 0; b < seeds.size(); ++b) {
    const process::Product last = process::cell_of(product, b);
    strips[b] = std::min(last.anode.strips, last.cathode.strips);
    cells[b] = cells_of(last, config_.cells);
  }

  if (config_.cells == 1) {
    take_figures(product, nominal);
  } else {
    std::array<process::Product, kLanes> roots;
    for (std::size_t b = 0; b < seeds.size(); ++b) roots[b] = process::cell_of(trunk, b);
    CellBlock block;
    block.disturbed.resize(disturbed_.size());
    const auto flush = [&] {
      if (block.count == 0) return;
      if (stop && stop()) throw Stopped();
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::size_t from = std::min(lane, block.count - 1);  // idle lanes repeat the last cell
        block.seeds[lane] = block.seeds[from];
        block.batch[lane] = block.batch[from];
        block.cells[lane] = block.cells[from];
        const std::uint32_t b = block.batch[lane];
        process::set_cell(product, lane, roots[b]);
        block.cause[lane] = after_trunk.cause[b];
        for (std::size_t i = 0; i < disturbed_.size(); ++i)
          block.disturbed[i].lane[lane] = after_trunk.disturbed[i].lane[b];
      }
      for (const Work& work : branches_) {
        run_station(work, block, true, product, properties);
        judge(work, properties, block);
      }
      take_figures(product, block);
      block.count = 0;
    };
    for (std::size_t b = 0; b < seeds.size(); ++b) {
      for (std::uint32_t cell = 0; cell < cells[b]; ++cell) {
        block.seeds[block.count] = seeds[b];
        block.batch[block.count] = static_cast<std::uint32_t>(b);
        block.cells[block.count] = cell;
        if (++block.count == kLanes) flush();
      }
    }
    flush();
  }

  for (std::size_t b = 0; b < seeds.size(); ++b) {
    process::EndOfLine& figures = results[b].figures;
    const Tally& tally = tallies[b];
    const Tally::Sums& sums = tally.good.count > 0 ? tally.good : tally.all;
    // Where only some cells were computed they stand for all.
    const double started = strips[b];
    const double scale = tally.all.count > 0 ? started / tally.all.count : 0;
    figures.cells_started = started;
    figures.cells_good = tally.good.count * scale;
    figures.yield = started > 0 ? tally.good.count / tally.all.count : 0;
    figures.scrap_causes.emplace();
    for (std::size_t i = 0; i < causes_.size(); ++i) {
      if (tally.lost[i] > 0) (*figures.scrap_causes)[causes_[i].name()] = tally.lost[i] * scale;
    }
    if (sums.count > 0) {
      for (std::size_t i = 0; i < kCellFigures.size(); ++i) figures.*kCellFigures[i].mean = sums.mean[i];
      if (sums.count > 1) figures.capacity_deviation_Ah = std::sqrt(sums.capacity_squares / (sums.count - 1));
    }
    figures.machine_energy_kWh.emplace().reserve(trunk_.size() + branches_.size());
    std::size_t station = 0;
    for (const auto* works : {&trunk_, &branches_}) {
      for (const Work& work : *works) {
        // From the cell line on a machine works on one cell at a time.
        const double times = work.station->line == process::Line::cell ? started : 1;
        if (work.energy)
          figures.machine_energy_kWh->push_back(
              {work.station->process_name, tally.energy_joules[station] * times / kJoulesPerKilowattHour});
        ++station;
      }
    }
  }
  return results;
}

}  // namespace battery_twin::plant
