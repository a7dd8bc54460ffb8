#include "battery_twin/plant/batch.hpp"

namespace battery_twin::plant {

std::string_view to_string(BatchStatus status) {
  switch (status) {
    case BatchStatus::queued:
      return "queued";
    case BatchStatus::running:
      return "running";
    case BatchStatus::cancelling:
      return "cancelling";
    case BatchStatus::completed:
      return "completed";
    case BatchStatus::failed:
      return "failed";
    case BatchStatus::cancelled:
      return "cancelled";
  }
  return "";
}

bool is_finished(BatchStatus status) {
  return status == BatchStatus::completed || status == BatchStatus::failed || status == BatchStatus::cancelled;
}

std::string_view to_string(MachineStatus status) {
  switch (status) {
    case MachineStatus::pending:
      return "pending";
    case MachineStatus::running:
      return "running";
    case MachineStatus::completed:
      return "completed";
    case MachineStatus::stopped:
      return "stopped";
  }
  return "";
}

}  // namespace battery_twin::plant
