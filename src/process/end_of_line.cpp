#include "battery_twin/process/end_of_line.hpp"

namespace battery_twin::process {

EndOfLine end_of_line(ModelSet models, const Product& product) {
  EndOfLine figures;
  switch (models) {
    case ModelSet::reference:
      figures.capacity_Ah = product.cell.capacity;
      break;
  }
  return figures;
}

}  // namespace battery_twin::process
