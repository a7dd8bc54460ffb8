// A plant that tells a store of telemetry as fast as it takes it, and waits until all is kept:
//   bench_store sqlite:FILE ROWS
//   bench_store postgresql://… FILE ROWS
// Prints JSON: rows, seconds, and the CPU seconds of this process, which are the store's and, some 10 %, of making
// rows.
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <future>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "battery_twin/store/store.hpp"

namespace {

namespace plant = battery_twin::plant;
namespace process = battery_twin::process;
namespace store = battery_twin::store;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kStepsPerMachine = 150;  // about what a batch has

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

plant::BatchRecord batch_of(std::uint64_t index) {
  static const auto design = std::make_shared<const process::CellDesign>(process::cell_designs().front());
  const auto stations = plant::standard_layout().stations();
  plant::BatchRecord batch;
  batch.id = std::to_string(index + 1);
  batch.index = index;
  batch.models = process::ModelSet::mechanistic;
  batch.design = design;
  batch.created_at = plant::now();
  batch.machines.resize(stations.size());
  for (const plant::Station& station : stations) {
    batch.parameters.emplace_back(station.type->defaults(batch.models, station.line));
  }
  return batch;
}

void wait_until_kept(store::Store& to) {
  std::promise<bool> kept;
  to.sync([&](bool is_kept) { kept.set_value(is_kept); });
  if (!kept.get_future().get()) throw std::runtime_error("the store refuses");
  while (to.health().backlog > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

std::uint64_t tell(store::Store& to, std::uint64_t rows) {
  // Numbers with all of their digits, as simulated ones have them.
  std::minstd_rand random(1);
  std::uniform_real_distribution<double> mantissa(1, 10);
  std::uint64_t told = 0;
  for (std::uint64_t index = 0; told < rows; ++index) {
    const plant::BatchRecord batch = batch_of(index);
    to.accept(batch, [](bool) {});
    for (const plant::Station& station : plant::standard_layout().stations()) {
      std::vector<double> properties(station.type->model(batch.models).outputs.size());
      for (double& value : properties) value = mantissa(random) * std::pow(10, static_cast<int>(random() % 9) - 6);
      for (std::uint32_t step = 0; step < kStepsPerMachine; ++step, ++told) {
        while (!to.has_room()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        for (double& value : properties) value *= 1 + 1e-3;
        to.step({index, station.index, step, plant::now(), batch.models, properties});
      }
    }
  }
  return told;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string sqlite = "sqlite:";
    const plant::Layout& layout = plant::standard_layout();
    std::unique_ptr<store::Store> to;
    if (words.size() == 2 && words[0].starts_with(sqlite)) {
      to = store::open_sqlite(layout, {.path = words[0].substr(sqlite.size())});
    } else if (words.size() == 3) {
      to = store::open_postgres(layout, {.url = words[0], .spool = {.path = words[1]}});
    } else {
      std::cerr << "usage: bench_store sqlite:FILE ROWS | bench_store postgresql://… FILE ROWS\n";
      return 2;
    }
    (void)to->load(process::ModelSet::mechanistic, 0, 0);
    const double cpu = cpu_seconds();
    const auto start = Clock::now();
    const std::uint64_t rows = tell(*to, std::stoull(words.back()));
    wait_until_kept(*to);
    const std::chrono::duration<double> took = Clock::now() - start;
    std::printf("{\"rows\": %llu, \"seconds\": %.3f, \"cpu_seconds\": %.3f}\n", static_cast<unsigned long long>(rows),
                took.count(), cpu_seconds() - cpu);
    to->close();
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "bench_store: " << problem.what() << '\n';
    return 1;
  }
}
