#include "study_report.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <ostream>
#include <utility>

namespace battery_twin::app {
namespace {

template <class... Values>
std::string text(const char* format, Values... values) {
  std::array<char, 256> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), format, values...);
  return {buffer.data(), std::min(static_cast<std::size_t>(std::max(length, 0)), buffer.size() - 1)};
}

// "inspection_anode Pass_width" is a cause where it is not so: "inspection_anode width not passed".
std::string cause_in_words(std::string cause) {
  constexpr std::string_view kPass = " Pass_";
  const auto at = cause.find(kPass);
  return at == std::string::npos ? cause : cause.replace(at, kPass.size(), " ") + " not passed";
}

// The largest first.
template <class Map>
std::vector<std::pair<std::string, double>> ranked(const Map& map) {
  std::vector<std::pair<std::string, double>> all;
  for (const auto& [name, value] : map) all.emplace_back(name, static_cast<double>(value));
  std::ranges::stable_sort(all, std::greater{}, &std::pair<std::string, double>::second);
  return all;
}

constexpr std::size_t kTopCauses = 10;
constexpr std::size_t kTopInputs = 5;
constexpr std::size_t kTopDefects = 20;

}  // namespace

CellTally::CellTally(std::size_t inputs, const std::vector<double>& typical) : row_(inputs) {
  for (const std::size_t figure : kExplained) {
    std::vector<double> own(typical.begin(), typical.begin() + static_cast<std::ptrdiff_t>(inputs));
    own.push_back(typical[inputs + figure]);
    explained.emplace_back(std::move(own));
  }
}

void CellTally::add(const plant::CellBlock& block, std::span<const double> given) {
  std::ranges::copy(given, row_.end() - static_cast<std::ptrdiff_t>(given.size()));
  for (std::size_t lane = 0; lane < block.count; ++lane) {
    if (block.cause[lane] >= 0) continue;
    for (std::size_t i = 0; i < figures.size(); ++i) {
      figures[i].add(block.figures[i].lane[lane]);
      values[i].push_back(block.figures[i].lane[lane]);
    }
    for (std::size_t i = 0; i < block.disturbed.size(); ++i) row_[i] = block.disturbed[i].lane[lane];
    for (std::size_t i = 0; i < kExplained.size(); ++i) explained[i].add(row_, block.figures[kExplained[i]].lane[lane]);
  }
}

void CellTally::add(const plant::BatchFigures& batch) {
  ++batches;
  const process::EndOfLine& end = batch.figures;
  cells_started += end.cells_started.value_or(0);
  cells_good += end.cells_good.value_or(0);
  if (end.cells_good.value_or(0) <= 0) ++scrapped;
  if (end.yield) {
    yield.add(*end.yield);
    yields.push_back(*end.yield);
  }
  if (end.scrap_causes) {
    for (const auto& [cause, cells] : *end.scrap_causes) scrap[cause] += cells;
  }
  if (end.machine_energy_kWh) add_energy(*end.machine_energy_kWh);
  for (const std::string& defect : batch.defects) add_defect(defect, 1);
}

void CellTally::add_defect(const std::string& defect, std::uint64_t batches_with_it) {
  const auto known = std::ranges::find(defects, defect, &std::pair<std::string, std::uint64_t>::first);
  if (known == defects.end())
    defects.emplace_back(defect, batches_with_it);
  else
    known->second += batches_with_it;
}

// All batches pass the same machines in the same order.
void CellTally::add_energy(std::span<const process::EndOfLine::MachineEnergy> machines) {
  if (energy.empty()) {
    energy.assign(machines.begin(), machines.end());
    return;
  }
  for (std::size_t i = 0; i < machines.size(); ++i) energy[i].value += machines[i].value;
}

void CellTally::merge(CellTally other) {
  for (std::size_t i = 0; i < figures.size(); ++i) figures[i].merge(other.figures[i]);
  for (std::size_t i = 0; i < explained.size(); ++i) explained[i].merge(other.explained[i]);
  yield.merge(other.yield);
  cells_started += other.cells_started;
  cells_good += other.cells_good;
  batches += other.batches;
  scrapped += other.scrapped;
  failed += other.failed;
  for (const auto& [cause, cells] : other.scrap) scrap[cause] += cells;
  for (const auto& [defect, count] : other.defects) add_defect(defect, count);
  add_energy(other.energy);
}

void StudyReport::add(CellTally tally) {
  for (std::size_t i = 0; i < quantiles_.size(); ++i) {
    for (const double value : tally.values[i]) quantiles_[i].add(value);
  }
  for (const double value : tally.yields) yields_.add(value);
  all_.merge(std::move(tally));
}

void StudyReport::print_explained(std::ostream& out, std::size_t which) const {
  const std::vector<double> shares = all_.explained[which].shares();
  const std::vector<double> slopes = all_.explained[which].slopes();
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
  if (order.empty() || shares[order.front()] <= 0) return;
  out << "\nParameters that explain the spread of " << process::kCellFigures[CellTally::kExplained[which]].name
      << ", each by itself; + raises it\n";
  // What few batches seem to explain may be chance: of independent numbers the squared correlation is about 1/count.
  const double chance = std::max(5e-4, 4.0 / static_cast<double>(all_.batches));
  std::size_t printed = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const std::size_t input = order[rank];
    const bool varied = input >= disturbed_;
    if (!varied && (rank >= kTopInputs || shares[input] < chance)) continue;
    out << text("  %5.1f %%  %c %s\n", 100 * shares[input],
                shares[input] < chance ? ' '
                : slopes[input] < 0    ? '-'
                                       : '+',
                inputs_[input].c_str());
    ++printed;
  }
  if (printed == 0) out << "  too few batches to tell\n";
}

void StudyReport::print(std::ostream& out) const {
  out << text("%-34s %12s %12s %12s %12s %12s\n", "good cells", "mean", "deviation", "5 %", "50 %", "95 %");
  for (std::size_t i = 0; i < quantiles_.size(); ++i) {
    const plant::Moments& moments = all_.figures[i];
    if (moments.count == 0) continue;
    out << text("%-34.*s %12.5g %12.3g %12.5g %12.5g %12.5g\n", static_cast<int>(process::kCellFigures[i].name.size()),
                process::kCellFigures[i].name.data(), moments.mean, moments.deviation(), quantiles_[i].at(0.05),
                quantiles_[i].at(0.50), quantiles_[i].at(0.95));
  }
  if (all_.yield.count > 0) {
    out << text("%-34s %12.5g %12.3g %12.5g %12.5g %12.5g\n", "yield of a batch", all_.yield.mean,
                all_.yield.deviation(), yields_.at(0.05), yields_.at(0.50), yields_.at(0.95));
  }
  out << text("\nCells started %.0f, good %.0f (%.2f %%)", all_.cells_started, all_.cells_good,
              all_.cells_started > 0 ? 100 * all_.cells_good / all_.cells_started : 0.0);
  if (all_.scrapped > 0) out << ", batches without a good cell " << all_.scrapped;
  if (all_.failed > 0) out << ", failed batches " << all_.failed;
  out << "\n";

  const auto causes = ranked(all_.scrap);
  if (!causes.empty()) out << "\nScrap by first cause, of all cells\n";
  for (std::size_t i = 0; i < std::min(kTopCauses, causes.size()); ++i)
    out << text("  %6.3f %%  %s\n", 100 * causes[i].second / all_.cells_started,
                cause_in_words(causes[i].first).c_str());

  const auto defects = ranked(all_.defects);
  if (!defects.empty()) out << "\nWhat speaks against the nominal cell, of all batches\n";
  for (std::size_t i = 0; i < std::min(kTopDefects, defects.size()); ++i)
    out << text("  %6.2f %%  %s\n", 100 * defects[i].second / static_cast<double>(all_.batches),
                cause_in_words(defects[i].first).c_str());

  for (std::size_t i = 0; i < CellTally::kExplained.size(); ++i) print_explained(out, i);

  double energy = 0;
  std::map<std::string_view, double> by_machine;
  for (const auto& [process, value] : all_.energy) {
    energy += value;
    by_machine[process] = value;
  }
  if (energy > 0 && all_.batches > 0) {
    out << text("\nEnergy used per batch %.3g kWh", energy / static_cast<double>(all_.batches));
    const auto machines = ranked(by_machine);
    for (std::size_t i = 0; i < std::min<std::size_t>(3, machines.size()); ++i)
      out << text("%s %s %.0f %%", i == 0 ? ", of it" : ",", machines[i].first.c_str(),
                  100 * machines[i].second / energy);
    out << "\n";
  }
}

}  // namespace battery_twin::app
