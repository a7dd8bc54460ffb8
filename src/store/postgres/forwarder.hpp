#pragma once

#include <SQLiteCpp/Database.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../sqlite_file.hpp"
#include "../sqlite_writes.hpp"
#include "link.hpp"
#include "mirror.hpp"

namespace battery_twin::store {

struct ForwarderConfig {
  Address address;
  std::size_t most_rows;                           ///< of telemetry in the file, before the plant has to wait
  std::optional<std::chrono::hours> retention{};   ///< of telemetry in PostgreSQL
  std::function<void(std::string_view)> on_error;  ///< told what a person should know of
  std::function<void(std::string_view)> on_news;   ///< and that it is over
};

/// Hands on to PostgreSQL what the file holds, on a thread of its own: changed rows of the small tables, then
/// telemetry, a portion in each transaction. What has arrived is then deleted from the file, by the thread that writes
/// it. While PostgreSQL is away, it tries again, less and less often, up to every 30 s.
class Forwarder {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param file, layout, watch  must outlive it
  Forwarder(const SqliteFile& file, const plant::Layout& layout, Watch& watch, ForwarderConfig config);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// Begins.
  /// @param link     introduced, or nullptr: it connects by itself
  /// @param deliver  deletes what was delivered from the file, calls `done`; until `stop` returns
  void start(std::unique_ptr<Link> link, std::function<void(Delivered)> deliver);
  /// Something was written to the file, so many rows of telemetry among it. From any thread.
  void told(std::size_t rows);
  /// Hands on what is left, as long as there is time, and ends.
  void stop(Clock::time_point by);

  [[nodiscard]] std::size_t waiting_rows() const { return rows_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool has_room() const { return waiting_rows() < config_.most_rows; }
  [[nodiscard]] bool is_failing() const { return failing_.load(std::memory_order_relaxed); }

 private:
  struct Row {
    std::int64_t batch, series, step, time_us;
    std::size_t end;  // of its properties in the portion's bytes
  };
  struct Portion {
    Changes changes;
    std::vector<Row> rows;
    std::string bytes;
    bool is_last = false;  // nothing behind it, when it was read
  };

  void run();
  bool goes_on();
  void connect();
  bool is_told();
  void hand_on();
  Portion read();
  void send(const Portion& portion);
  void copy(pqxx::transaction_base& transaction, const std::string& table, const Portion& portion);
  void tell_delivered(const Portion& portion);
  void tidy();
  void delete_old();
  void wait_for_acknowledged(std::size_t most_in_flight);
  void fail(const std::string& why);
  void works_again();

  const SqliteFile& file_;
  const plant::Layout& layout_;
  Watch& watch_;
  const ForwarderConfig config_;
  std::function<void(Delivered)> deliver_;

  std::atomic<std::size_t> rows_ = 0;
  std::atomic<bool> failing_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool told_ = true;
  bool stopping_ = false;
  Clock::time_point stop_by_{};
  std::size_t in_flight_ = 0;  // portions that are delivered and not deleted yet

  // The thread's own.
  std::unique_ptr<Link> link_;
  int backend_ = 0;  // PostgreSQL's process for the last connection
  SqliteFile::Connection database_;
  std::int64_t outbox_at_ = 0;
  // A pass goes through the file's telemetry from its beginning to its end: rows come in between.
  std::optional<Row> at_;
  // In the first pass on a connection some of it may have arrived already, and nobody knows.
  bool is_careful_ = true;
  bool has_arrival_table_ = false;
  unsigned failures_ = 0;
  Clock::time_point next_report_{};
  std::string last_reported_;
  Clock::time_point next_tidying_{};
  std::minstd_rand random_{std::random_device{}()};

  std::thread thread_;
};

}  // namespace battery_twin::store
