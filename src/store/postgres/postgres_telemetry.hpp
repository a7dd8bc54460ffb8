#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <pqxx/result>
#include <pqxx/transaction_base>

#include "../sqlite_file.hpp"
#include "battery_twin/store/store.hpp"
#include "link.hpp"

namespace battery_twin::store {

/// The connection of all who read telemetry, one at a time: many clients must not use up PostgreSQL's.
class ReadingLink {
 public:
  /// @param is_there  whether PostgreSQL is, as far as is known: nobody is to wait for long
  /// @param file, watch  must outlive it
  ReadingLink(const SqliteFile& file, Address address, Watch& watch, std::function<bool()> is_there);

  /// @throws std::exception  also when it is not there, or of another plant
  [[nodiscard]] pqxx::result ask(const std::function<pqxx::result(pqxx::transaction_base&)>& question);

 private:
  [[nodiscard]] pqxx::result ask_now(const std::function<pqxx::result(pqxx::transaction_base&)>& question);
  void connect();

  const SqliteFile& file_;
  const Address address_;
  Watch& watch_;
  const std::function<bool()> is_there_;
  std::mutex mutex_;
  std::unique_ptr<Link> link_;
};

/// What PostgreSQL holds of a batch and what still waits in the file for it, as one.
/// @param file, layout, link  must outlive the reader
/// @throws std::exception
[[nodiscard]] std::unique_ptr<TelemetryReader> read_telemetry(const SqliteFile& file, const plant::Layout& layout,
                                                              ReadingLink& link, std::uint64_t batch,
                                                              std::optional<std::size_t> station,
                                                              std::uint32_t from_step);

}  // namespace battery_twin::store
