#pragma once

#include <memory>
#include <optional>

#include "../sqlite_file.hpp"
#include "battery_twin/store/store.hpp"
#include "link.hpp"

namespace battery_twin::store {

/// What PostgreSQL holds of a batch and what still waits in the file for it, as one.
/// @param file, layout, watch  must outlive the reader
/// @throws std::runtime_error
[[nodiscard]] std::unique_ptr<TelemetryReader> read_telemetry(const SqliteFile& file, const plant::Layout& layout,
                                                              const Address& address, Watch& watch, std::uint64_t batch,
                                                              std::optional<std::size_t> station);

}  // namespace battery_twin::store
