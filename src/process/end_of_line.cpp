#include "battery_twin/process/end_of_line.hpp"

namespace battery_twin::process {

EndOfLine reference_end_of_line(const Product& product) {
  EndOfLine figures;
  figures.capacity_Ah = product.cell.capacity;
  return figures;
}

}  // namespace battery_twin::process
