// A cell design's JSON file.

#include "../../src/app/cell_file.hpp"

#include <cmath>
#include <stdexcept>

#include "battery_twin/process/cell_design.hpp"
#include "cell_checks.hpp"
#include "input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace battery_twin::fuzz;
  const InputFile file(Input(data, size).rest());
  try {
    check_design(battery_twin::app::read_cell(file.path()));
  } catch (const std::runtime_error& error) {
    check_sentence(error.what());
  }
  return 0;
}
