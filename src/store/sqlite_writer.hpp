#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "battery_twin/store/store.hpp"
#include "retention.hpp"
#include "sqlite_file.hpp"
#include "sqlite_writes.hpp"

namespace battery_twin::store {

/// What somebody who hands on what is written adds to writing.
struct WriterHooks {
  std::string at_open;                                  ///< SQL for every new connection
  std::function<void(std::size_t steps)> on_written{};  ///< called by the thread after every transaction
};

/// Writes what the plant tells, in order, on a thread of its own: all that has come since the last transaction goes
/// into the next one. While the file cannot be written, batches are refused and everything else is kept and tried
/// again.
class SqliteWriter {
 public:
  /// @param file, layout  must outlive the writer
  /// @throws std::runtime_error
  SqliteWriter(const SqliteFile& file, const plant::Layout& layout, const SqliteConfig& config, WriterHooks hooks);
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  void tell(Record record);
  void on_kept(std::function<void(std::uint64_t seq)> tell);
  [[nodiscard]] bool has_room() const { return backlog_.load(std::memory_order_relaxed) < most_backlog_; }
  [[nodiscard]] Health health() const;

  /// Writes all that was told and stops. What cannot be written now is lost, and a sentence says so. Idempotent.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  using Done = std::function<void(bool kept)>;

  // How long what has come may wait for company.
  enum class Haste : std::uint8_t { none, steps, news, now };

  struct Session {
    Session(const SqliteFile& file, const plant::Layout& layout, const std::string& at_open);
    SqliteFile::Connection database;
    SqliteWrites writes;
  };
  struct Result {
    std::vector<std::pair<Done, bool>> accepts;
    std::vector<std::function<void()>> delivered;
    std::size_t steps = 0;
    std::uint64_t newest_seq = 0;
  };

  void run();
  bool wait_for_work();  // false: closing
  [[nodiscard]] Clock::time_point next_duty() const;
  void take_in_hand();
  void write_in_hand();
  std::size_t bring_forward_delivered();
  void keep_reserve();
  void give_up_reserve();
  bool write_first(std::size_t records);
  Result transact(std::span<const Record> records);
  void write(const Record& record, Result& result);
  void tidy();
  void fail(std::string_view why);
  void works_again();
  void refuse(std::vector<Done> accepts);
  void report(const std::string& text);

  const SqliteFile& file_;
  const plant::Layout& layout_;
  const std::size_t most_backlog_;
  const std::size_t most_at_once_;
  const std::function<void(std::string_view)> on_error_, on_news_;
  const WriterHooks hooks_;
  const std::string reserve_;

  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Record> queue_;
  std::vector<Done> refused_;  // accepts that came while the file cannot be written
  Haste haste_ = Haste::none;
  bool failing_ = false;
  bool closing_ = false;
  std::function<void(std::uint64_t)> on_kept_;
  std::optional<double> latency_ms_;
  std::atomic<std::size_t> backlog_ = 0;  // in the queue and in hand

  // The thread's own.
  std::vector<Record> in_hand_;
  std::vector<std::uint64_t> doubtful_;  // batches refused for a failed commit that may have come through all the same
  std::unique_ptr<Session> session_;
  std::optional<Retention> retention_;
  Clock::time_point next_try_{};
  Clock::time_point next_tidying_{};
  Clock::time_point last_report_{};
  std::string last_reported_;

  std::mutex closing_mutex_;
  std::thread thread_;
};

}  // namespace battery_twin::store
