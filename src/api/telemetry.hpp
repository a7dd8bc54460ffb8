#pragma once

#include <memory>
#include <string>

#include "battery_twin/api/message.hpp"
#include "battery_twin/plant/layout.hpp"
#include "battery_twin/store/store.hpp"
#include "clerk.hpp"

namespace battery_twin::api {

enum class TelemetryFormat {
  json,  ///< `{"batch_id", "telemetry": [{"machine", "step", "timestamp", "properties"}, …]}`
  wide,  ///< CSV of one machine: a row a step, a column a property
  tidy,  ///< CSV of all machines: a row a property
};

/// A batch's telemetry as a body, some hundred steps a piece.
/// @param reader  of the batch
/// @param clerk   reads and writes; must outlive the result
[[nodiscard]] std::shared_ptr<BodySource> telemetry_source(std::unique_ptr<store::TelemetryReader> reader,
                                                           std::string batch_id, TelemetryFormat format,
                                                           const plant::Layout& layout, Clerk& clerk);

}  // namespace battery_twin::api
