#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "battery_twin/plant/population.hpp"
#include "battery_twin/plant/statistics.hpp"

namespace battery_twin::app {

/// What the cells of some batches say together, in `mechanistic`. Filled by one thread, then merged.
class CellTally {
 public:
  /// @param typical  values of the inputs, then the cell figures: sums are taken of differences to them
  CellTally(std::size_t inputs, const std::vector<double>& typical);

  /// @param given  inputs beside what process noise moves, the same for the block; they come last
  void add(const plant::CellBlock& block, std::span<const double> given);
  void add(const plant::BatchFigures& batch);
  void merge(CellTally other);

  /// The cell figures whose spread is explained.
  static constexpr std::array<std::size_t, 2> kExplained{0, 2};  // capacity_Ah, internal_resistance_mOhm

  std::array<plant::Moments, process::kCellFigures.size()> figures{};      ///< of the good cells
  std::array<std::vector<double>, process::kCellFigures.size()> values{};  ///< until they are counted
  std::vector<plant::Explained> explained{};                               ///< one per kExplained
  plant::Moments yield{};                                                  ///< of the batches
  std::vector<double> yields{};
  double cells_started = 0, cells_good = 0;
  std::map<std::string, double> scrap{};                         ///< cells by cause
  std::vector<std::pair<std::string, std::uint64_t>> defects{};  ///< batches by defect, in the plant's order
  std::vector<process::EndOfLine::MachineEnergy> energy{};       ///< sums by machine
  std::uint64_t batches = 0, scrapped = 0, failed = 0;

 private:
  void add_defect(const std::string& defect, std::uint64_t batches_with_it);
  void add_energy(std::span<const process::EndOfLine::MachineEnergy> machines);

  std::vector<double> row_;
};

/// The summary that a process engineer takes to a meeting.
class StudyReport {
 public:
  /// @param inputs     names of what may explain the spread
  /// @param disturbed  how many of them process noise moves; those behind were varied on purpose
  StudyReport(std::vector<std::string> inputs, std::size_t disturbed, CellTally empty)
      : inputs_(std::move(inputs)), disturbed_(disturbed), all_(std::move(empty)) {}

  void add(CellTally tally);
  void print(std::ostream& out) const;

 private:
  void print_explained(std::ostream& out, std::size_t which) const;

  std::vector<std::string> inputs_;
  std::size_t disturbed_;
  CellTally all_;
  std::array<plant::Quantiles, process::kCellFigures.size()> quantiles_{};
  plant::Quantiles yields_{};
};

}  // namespace battery_twin::app
