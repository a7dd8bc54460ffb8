#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/plant/layout.hpp"
#include "battery_twin/process/end_of_line.hpp"

namespace battery_twin::plant {

/// Most cells of a batch that are computed; of a batch with more the first stand for all.
inline constexpr std::uint32_t kMostCells = 4096;

struct PopulationConfig {
  process::CellDesign design = process::cell_designs().front();
  bool noise = true;
  std::uint32_t cells = kMostCells;  ///< most cells per batch; 1: the nominal cell, with the batch's noise only
  bool literal = false;              ///< in the paced plant's physical steps instead of the widest safe ones
};

/// Up to eight cells that have left the plant.
struct CellBlock {
  std::size_t count = 0;                               ///< lanes in use, from the first
  std::array<std::uint64_t, process::kLanes> seeds{};  ///< of each cell's batch
  std::array<std::uint32_t, process::kLanes> batch{};  ///< place of that batch in the call
  std::array<std::uint32_t, process::kLanes> cells{};  ///< number in the batch
  std::array<std::int32_t, process::kLanes> cause{};   ///< of scrap, index into `Population::causes`; −1: good
  std::array<process::CellPack, process::kCellFigures.size()> figures{};
  std::vector<process::CellPack> disturbed{};  ///< in the order of `Population::disturbed`
};

/// What a batch of cells came to.
struct BatchFigures {
  process::EndOfLine figures;
  std::vector<std::string> defects;  ///< of the nominal cell: "coating_anode: weeping"
};

/// Nobody waits for the result any more.
struct Stopped : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "stopped"; }
};

/// Takes batches of one recipe through the plant as populations of cells, in `mechanistic`. Every result is a function
/// of (seed, cell) alone: neither which batches share a call nor which cells stand side by side matters. Immutable:
/// several threads may call `run`.
class Population {
 public:
  /// One output of one station.
  struct Source {
    const Station* station;
    std::size_t output;  ///< index into the model's outputs

    [[nodiscard]] std::string name() const;  ///< "coating_anode flow_rate"
  };

  /// @param parameters  one per station; empty ones are the model set's defaults
  Population(const Layout& layout, PopulationConfig config, std::span<const std::optional<process::Values>> parameters);

  /// Batches that are best given at once.
  static constexpr std::size_t kBatches = process::kLanes;

  /// @param seeds  of 1 to `kBatches` batches
  /// @param tell   told every block of cells, in order; may be empty
  /// @param stop   asked between blocks; true: no figures are wanted any more; may be empty
  /// @return their figures
  /// @throws std::runtime_error  when a result is not finite
  /// @throws Stopped             when `stop` said so
  [[nodiscard]] std::vector<BatchFigures> run(std::span<const std::uint64_t> seeds,
                                              const std::function<void(const CellBlock&)>& tell = {},
                                              const std::function<bool()>& stop = {}) const;

  /// What can make a cell scrap, in the order of the stations.
  [[nodiscard]] std::span<const Source> causes() const { return causes_; }
  /// What process noise moves: parameters as they really were.
  [[nodiscard]] std::span<const Source> disturbed() const { return disturbed_; }

 private:
  struct Work {
    const Station* station;
    const process::MachineModel* model;
    process::Values values;
    std::shared_ptr<const void> prepared;  // for the block kernel
    std::uint32_t stream;
    std::size_t first_cause, last_cause;          // into causes_
    std::size_t first_disturbed, last_disturbed;  // into disturbed_
    std::optional<std::size_t> energy;            // output that holds the energy used
    std::vector<std::size_t> verdicts;            // outputs that may speak against the product
  };
  struct Tally;

  void run_station(const Work& work, const CellBlock& who, bool cell_noise, process::ProductBlock& product,
                   std::span<process::CellPack> properties) const;
  void judge(const Work& work, std::span<const process::CellPack> properties, CellBlock& block) const;

  PopulationConfig config_;
  std::vector<Work> trunk_;     // the same for all cells of a batch
  std::vector<Work> branches_;  // each cell's own
  std::vector<Source> causes_;
  std::vector<Source> disturbed_;
  std::size_t most_outputs_ = 0;
};

}  // namespace battery_twin::plant
