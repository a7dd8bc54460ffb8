#include "sqlite_writer.hpp"

#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Transaction.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "records.hpp"

namespace battery_twin::store {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAtOnce = 20'000;  // records in a transaction: a batch is not to wait long behind telemetry
constexpr off_t kReserve = 16 << 20;
constexpr std::size_t kMostAfterFailure = 1'000;
constexpr auto kCompany = 5ms;           // that an event waits for others
constexpr auto kCompanyOfSteps = 100ms;  // that telemetry does: nobody waits for it, and each commit wears the disk
constexpr auto kBetweenTries = 1s;
constexpr int kTriesToClose = 3;
constexpr auto kBetweenReports = 1s;
constexpr auto kBetweenSameReports = 60s;
constexpr auto kBetweenTidyings = 60s;
constexpr int kBusyMsWhileFailing = 100;  // batches are to be refused at once

// What is wrong with the record, not with the file: it would fail again and hold up all that comes behind.
bool is_records_fault(const SQLite::Exception& problem) {
  const int code = problem.getErrorCode() & 0xff;
  return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

}  // namespace

SqliteWriter::Session::Session(const SqliteFile& file, const plant::Layout& layout, const std::string& at_open)
    : database(file.open_to_write()), writes(*database, layout) {
  if (!at_open.empty()) database->exec(at_open);
}

SqliteWriter::SqliteWriter(const SqliteFile& file, const plant::Layout& layout, const SqliteConfig& config,
                           WriterHooks hooks)
    : file_(file),
      layout_(layout),
      most_backlog_(std::max<std::size_t>(config.backlog, 1)),
      most_at_once_(std::min(kMostAtOnce, most_backlog_)),
      on_error_(config.on_error),
      on_news_(config.on_news),
      hooks_(std::move(hooks)),
      reserve_(file.path().string() + "-reserve"),
      session_(std::make_unique<Session>(file, layout, hooks_.at_open)) {
  if (config.retention) retention_.emplace(*config.retention);
  keep_reserve();
  next_tidying_ = Clock::now();
  thread_ = std::thread([this] { run(); });
}

SqliteWriter::~SqliteWriter() { close(); }

void SqliteWriter::tell(Record record) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    auto* accept = std::get_if<Accepted>(&record);
    const Haste haste = accept != nullptr                                   ? Haste::now
                        : std::holds_alternative<plant::StepRecord>(record) ? Haste::steps
                                                                            : Haste::news;
    if (accept != nullptr && failing_) {
      refused_.push_back(std::move(accept->done));
      wake = true;
    } else {
      queue_.push_back(std::move(record));
      ++backlog_;
      // The thread wakes up for what is more urgent than what it waits with, and when there is enough.
      wake = haste > haste_ || queue_.size() == most_at_once_;
      haste_ = std::max(haste_, haste);
    }
  }
  if (wake) came_.notify_one();
}

void SqliteWriter::on_kept(std::function<void(std::uint64_t)> tell) {
  const std::lock_guard lock(mutex_);
  on_kept_ = std::move(tell);
}

Health SqliteWriter::health() const {
  const std::lock_guard lock(mutex_);
  return {.backend = "sqlite",
          .status = failing_ ? Health::Status::failed : Health::Status::connected,
          .latency_ms = latency_ms_,
          .backlog = backlog_};
}

void SqliteWriter::close() {
  const std::lock_guard closing(closing_mutex_);
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  came_.notify_one();
  thread_.join();
}

void SqliteWriter::run() {
  while (wait_for_work()) {
    take_in_hand();
    if (Clock::now() >= next_try_) write_in_hand();
    if (session_) tidy();
  }
  // What is left is written, in as many transactions as it takes; a disk that fails gets a few seconds.
  for (int tries = 0; backlog_ != 0 && tries < kTriesToClose;) {
    take_in_hand();
    write_in_hand();
    if (!session_ && ++tries < kTriesToClose) std::this_thread::sleep_for(kBetweenTries);
  }
  std::size_t lost = 0;
  std::vector<Done> refused;
  {
    const std::lock_guard lock(mutex_);
    lost = backlog_;
    refused = std::exchange(refused_, {});
  }
  refuse(std::move(refused));
  if (lost > 0) {
    on_error_("The database file " + file_.path().string() + " cannot be written: the last " + std::to_string(lost) +
              " records are lost");
  }
  session_.reset();
  give_up_reserve();
}

SqliteWriter::Clock::time_point SqliteWriter::next_duty() const {
  if (!session_) return next_try_;
  return retention_ ? next_tidying_ : Clock::time_point::max();
}

bool SqliteWriter::wait_for_work() {
  std::unique_lock lock(mutex_);
  const auto wait_until = [&](Clock::time_point time, const auto& ready) {
    // Some libraries overflow on the end of time.
    if (time == Clock::time_point::max()) {
      came_.wait(lock, ready);
    } else {
      came_.wait_until(lock, time, ready);
    }
  };
  if (failing_) {
    wait_until(next_try_, [this] { return closing_ || !refused_.empty(); });
    std::vector<Done> refused = std::exchange(refused_, {});
    lock.unlock();
    refuse(std::move(refused));
    lock.lock();
    return !closing_;
  }
  wait_until(next_duty(), [this] { return closing_ || haste_ != Haste::none; });
  const auto is_enough = [this](Haste haste) { return closing_ || haste_ > haste || queue_.size() >= most_at_once_; };
  if (haste_ == Haste::steps) came_.wait_for(lock, kCompanyOfSteps, [&] { return is_enough(Haste::steps); });
  if (haste_ == Haste::news) came_.wait_for(lock, kCompany, [&] { return is_enough(Haste::news); });
  return !closing_;
}

// Behind what is in hand already, after a transaction that failed.
void SqliteWriter::take_in_hand() {
  const std::lock_guard lock(mutex_);
  const std::size_t free = most_at_once_ - std::min(most_at_once_, in_hand_.size());
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), free));
  std::move(queue_.begin(), end, std::back_inserter(in_hand_));
  queue_.erase(queue_.begin(), end);
  haste_ = queue_.empty() ? Haste::none : Haste::now;
}

void SqliteWriter::write_in_hand() {
  const bool was_failing = session_ == nullptr;
  if (in_hand_.empty() && !was_failing) return;
  // A full disk may have room for no more than what makes room, which goes first, and then for a little at a time.
  const std::size_t freeing = was_failing ? bring_forward_delivered() : 0;
  for (std::size_t i = 0; i < freeing; ++i) {
    if (!write_first(1)) return;
  }
  do {
    if (!write_first(was_failing ? std::min(in_hand_.size(), kMostAfterFailure) : in_hand_.size())) return;
  } while (!in_hand_.empty());
  if (was_failing) works_again();
}

// To delete what somebody else keeps has nothing to do with what was told after it.
std::size_t SqliteWriter::bring_forward_delivered() {
  const auto is_other = [](const Record& record) { return !std::holds_alternative<Delivered>(record); };
  {
    const std::lock_guard lock(mutex_);
    const auto told = std::stable_partition(queue_.begin(), queue_.end(), is_other);
    std::move(told, queue_.end(), std::back_inserter(in_hand_));
    queue_.erase(told, queue_.end());
  }
  const auto others = std::stable_partition(in_hand_.begin(), in_hand_.end(), std::not_fn(is_other));
  return static_cast<std::size_t>(others - in_hand_.begin());
}

// False when it fails.
bool SqliteWriter::write_first(std::size_t records) {
  Result result;
  const auto start = Clock::now();
  try {
    result = transact(std::span(in_hand_).first(records));
  } catch (const std::exception& problem) {
    fail(problem.what());
    return false;
  }
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  // First: there is no moment at which nobody counts what has still to be handed on, and who waits for an answer may
  // close the store next.
  if (hooks_.on_written) hooks_.on_written(result.steps);
  backlog_ -= records;
  in_hand_.erase(in_hand_.begin(), in_hand_.begin() + static_cast<std::ptrdiff_t>(records));
  std::function<void(std::uint64_t)> on_kept;
  {
    const std::lock_guard lock(mutex_);
    latency_ms_ = took.count();
    if (result.newest_seq != 0) on_kept = on_kept_;
  }
  // Events first: who gets an answer may ask for the log next.
  if (on_kept) on_kept(result.newest_seq);
  for (auto& [done, kept] : result.accepts) done(kept);
  for (const auto& done : result.delivered) done();
  return true;
}

SqliteWriter::Result SqliteWriter::transact(std::span<const Record> records) {
  const bool is_retry = session_ == nullptr;
  // After a failure the connection is a new one: what the old one believed to have written may not be on the disk.
  if (is_retry) {
    session_ = std::make_unique<Session>(file_, layout_, hooks_.at_open);
    session_->database->setBusyTimeout(kBusyMsWhileFailing);
  }
  file_.check_in_place();
  Result result;
  SQLite::Transaction transaction(*session_->database, SQLite::TransactionBehavior::IMMEDIATE);
  for (const std::uint64_t batch : doubtful_) session_->writes.forget(batch);
  // So that there is something to write, and success means something.
  if (is_retry) session_->writes.set("written_again_us", to_us(plant::now()));
  for (const Record& record : records) write(record, result);
  transaction.commit();
  doubtful_.clear();
  return result;
}

void SqliteWriter::write(const Record& record, Result& result) {
  bool kept = true;
  try {
    session_->writes.write(record);
  } catch (const SQLite::Exception& problem) {
    if (!is_records_fault(problem)) throw;
    kept = false;
    report("The database file " + file_.path().string() + " does not take a record: " + problem.what());
  }
  if (const auto* accept = std::get_if<Accepted>(&record)) result.accepts.emplace_back(accept->done, kept);
  if (const auto* delivered = std::get_if<Delivered>(&record)) result.delivered.push_back(delivered->done);
  if (kept && std::holds_alternative<plant::StepRecord>(record)) ++result.steps;
  if (const auto* happened = std::get_if<Happened>(&record)) {
    result.newest_seq = std::max(result.newest_seq, happened->event->seq);
  }
}

void SqliteWriter::tidy() {
  if (!retention_ || Clock::now() < next_tidying_) return;
  try {
    // Between two bites there is time for what has come.
    next_tidying_ =
        Clock::now() + (retention_->bite(*session_->database) ? Clock::duration(kCompany) : kBetweenTidyings);
  } catch (const std::exception& problem) {
    fail(problem.what());
  }
}

// Even to delete takes room: some is kept for that where somebody else takes what is in the file.
void SqliteWriter::keep_reserve() {
  if (!hooks_.on_written) return;
  const int descriptor = ::open(reserve_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  const bool is_kept = ::posix_fallocate(descriptor, 0, kReserve) == 0;
  ::close(descriptor);
  if (!is_kept) give_up_reserve();
}

void SqliteWriter::give_up_reserve() { ::unlink(reserve_.c_str()); }

void SqliteWriter::fail(std::string_view why) {
  session_.reset();
  give_up_reserve();
  next_try_ = Clock::now() + kBetweenTries;
  std::vector<Done> refused;
  const auto is_accept = [&](Record& record) {
    auto* accept = std::get_if<Accepted>(&record);
    if (accept != nullptr) refused.push_back(std::move(accept->done));
    return accept != nullptr;
  };
  for (const Record& record : in_hand_) {
    const auto* accept = std::get_if<Accepted>(&record);
    if (accept != nullptr && accept->batch) doubtful_.push_back(accept->batch->index);
  }
  std::erase_if(in_hand_, is_accept);
  {
    const std::lock_guard lock(mutex_);
    failing_ = true;
    std::erase_if(queue_, is_accept);
    backlog_ -= refused.size();
    std::ranges::move(std::exchange(refused_, {}), std::back_inserter(refused));
  }
  report("The database file " + file_.path().string() + " cannot be written: " + std::string(why) +
         ". New batches are refused until it can");
  refuse(std::move(refused));
}

void SqliteWriter::works_again() {
  keep_reserve();
  session_->database->setBusyTimeout(SqliteFile::kBusyMs);
  {
    const std::lock_guard lock(mutex_);
    failing_ = false;
  }
  last_reported_.clear();
  on_news_("The database file " + file_.path().string() + " can be written again");
}

void SqliteWriter::refuse(std::vector<Done> accepts) {
  for (const Done& done : accepts) done(false);
}

void SqliteWriter::report(const std::string& text) {
  const auto now = Clock::now();
  const auto pause = text == last_reported_ ? Clock::duration(kBetweenSameReports) : Clock::duration(kBetweenReports);
  if (last_report_ != Clock::time_point{} && now < last_report_ + pause) return;
  last_report_ = now;
  last_reported_ = text;
  on_error_(text);
}

}  // namespace battery_twin::store
