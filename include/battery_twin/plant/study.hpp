#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "battery_twin/plant/layout.hpp"
#include "battery_twin/plant/population.hpp"
#include "battery_twin/process/end_of_line.hpp"

namespace battery_twin::plant {

/// What one batch came to, without a plant around it.
struct BatchOutcome {
  process::EndOfLine figures;
  bool passed = false;               ///< no machine's test failed; mechanistic: at least one cell is good
  std::vector<std::string> defects;  ///< "coating_anode: defect_risk"
  std::string error;                 ///< not empty: the batch failed, the figures are unknown
  std::uint64_t steps = 0;           ///< machine steps done
};

/// Told every step of every machine: station, step from 0, properties in the order of the model's outputs.
using StepTrace = std::function<void(const Station&, std::uint32_t, std::span<const double>)>;

/// Takes one batch through the whole plant as fast as possible, with the same models and random numbers as
/// `PlantSimulation` uses for that seed.
/// @param parameters  one per station; empty ones are the model set's defaults
/// @param stop        asked now and then; true: the outcome is not wanted any more
/// @throws Stopped    when `stop` said so
[[nodiscard]] BatchOutcome run_batch(const Layout& layout, process::ModelSet models, const PopulationConfig& config,
                                     std::uint64_t seed, std::span<const std::optional<process::Values>> parameters,
                                     const StepTrace& trace = {}, const std::function<bool()>& stop = {});

/// Calls `work(begin, end)` for the pieces of 0 … count−1, each `piece` long but the last, on several threads, and
/// `consume(end, result)` on this one, in order, holding only a bounded number of results. Ends early, with what is
/// done in one piece from the start, when `stop` becomes true.
/// @return how much of 0 … count−1 was consumed
/// @throws what `work` throws
template <class Work, class Consume>
std::uint64_t in_order(std::uint64_t count, std::uint64_t piece, unsigned threads, const std::atomic<bool>& stop,
                       Work work, Consume consume) {
  using Result = decltype(work(std::uint64_t{}, std::uint64_t{}));
  const std::uint64_t pieces = (count + piece - 1) / piece;
  const std::uint64_t window = std::uint64_t{4} * threads;

  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t next = 0;
  std::uint64_t consumed = 0;
  bool over = false;
  std::exception_ptr failure;
  std::map<std::uint64_t, Result> done;

  const auto worker = [&] {
    for (;;) {
      std::uint64_t mine = 0;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return over || next == pieces || next < consumed + window; });
        if (over || next == pieces) return;
        mine = next++;
      }
      std::optional<Result> result;
      try {
        result.emplace(work(mine * piece, std::min(count, (mine + 1) * piece)));
        const std::lock_guard lock(mutex);
        done.emplace(mine, std::move(*result));
        changed.notify_all();
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
        over = true;
        changed.notify_all();
        return;
      }
    }
  };

  const auto end = [&] {
    const std::lock_guard lock(mutex);
    over = true;
    changed.notify_all();
  };
  std::uint64_t written = 0;
  {
    std::vector<std::jthread> pool;
    try {
      for (unsigned i = 0; i < threads; ++i) pool.emplace_back(worker);
      while (consumed < pieces && !stop) {
        std::optional<Result> result;
        {
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return failure || done.contains(consumed); });
          if (failure) break;
          result.emplace(std::move(done.extract(consumed).mapped()));
          ++consumed;
          changed.notify_all();
        }
        written = std::min(count, consumed * piece);
        consume(written, std::move(*result));
      }
    } catch (...) {
      end();
      throw;
    }
    end();
  }
  if (failure) std::rethrow_exception(failure);
  return written;
}

}  // namespace battery_twin::plant
