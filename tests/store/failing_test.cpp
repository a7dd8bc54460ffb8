// Disks that are full, fail or are gone.

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include "faulty_disk.hpp"
#include "store_testing.hpp"

namespace battery_twin::store::testing {
namespace {

namespace fs = std::filesystem;
using plant::BatchStatus;
using plant::EventType;

// A store, and what it says.
struct Watched {
  explicit Watched(const Folder& folder, std::size_t backlog = 100'000)
      : store(open(folder.file(), {.backlog = backlog,
                                   .on_error = [this](std::string_view text) { errors.put(std::string(text)); },
                                   .on_news = [this](std::string_view text) { errors.put(std::string(text)); }})) {}

  // @throws std::runtime_error after the deadline
  void wait_until(Health::Status status) const {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (store->health().status != status) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the store did not change in time");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  Mailbox<std::string> errors;
  std::unique_ptr<Store> store;
};

bool says(const std::vector<std::string>& texts, std::string_view part) {
  return std::ranges::any_of(texts, [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

// No file of this process grows beyond so many bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(Failing, AFullDiskRefusesBatchesAndKeepsEverythingElseUntilThereIsRoom) {
  const Folder folder;
  Watched watched(folder, 3'000);
  Store& store = *watched.store;
  ASSERT_TRUE(accept(store, new_batch(0)));
  std::uint32_t steps = 0;
  std::uint64_t refused = 0;
  Mailbox<std::uint64_t> kept_seq;
  store.on_kept([&](std::uint64_t seq) { kept_seq.put(seq); });
  {
    const FileSizeLimit limit(fs::file_size(folder.file() + "-wal") + 20'000);
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (store.has_room() && std::chrono::steady_clock::now() < deadline) store.step(step_of(0, 0, steps++));
    // The room is gone for a moment with every transaction, for good with a full disk.
    watched.wait_until(Health::Status::failed);
    while (store.has_room()) store.step(step_of(0, 0, steps++));
    EXPECT_FALSE(store.has_room());
    store.event(event(1, EventType::batch_requested));
    for (std::uint64_t i = 1; i < 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      if (!accept(store, new_batch(i))) ++refused;
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(900)) << "not after the next try";
    }
    EXPECT_EQ(refused, 19u);
    EXPECT_GE(store.health().backlog, 3'000u);
    EXPECT_EQ(store.batch("1")->id, "1") << "what is there can be read";
    EXPECT_TRUE(kept_seq.all().empty());
  }
  watched.wait_until(Health::Status::connected);
  EXPECT_EQ(kept_seq.wait_for(1).front(), 1u);
  EXPECT_TRUE(accept(store, new_batch(1)));
  store.close();
  EXPECT_EQ(all_rows(*store.telemetry(0, {})).size(), steps) << "nothing is lost, nothing is there twice";
  const auto errors = watched.errors.all();
  EXPECT_TRUE(says(errors, "cannot be written: disk I/O error. New batches are refused")) << errors.front();
  EXPECT_TRUE(says(errors, "can be written again"));
  EXPECT_LE(errors.size(), 6u) << "at most one a second";
}

// SQLite's own limit, for connections that are opened from now on.
std::atomic<int> most_pages = 0;

extern "C" int limit_pages(sqlite3* database, char** /*error*/, const struct sqlite3_api_routines* /*api*/) {
  if (most_pages == 0) return SQLITE_OK;
  const std::string sql = "pragma max_page_count = " + std::to_string(most_pages);
  return sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
}

TEST(Failing, ABatchInTheTransactionThatFillsTheDiskIsRefused) {
  const Folder folder;
  most_pages = 60;
  const auto extension = reinterpret_cast<void (*)()>(limit_pages);
  sqlite3_auto_extension(extension);
  Watched watched(folder);
  Store& store = *watched.store;
  Mailbox<std::pair<std::uint64_t, bool>> answers;
  std::uint64_t number = 0;
  for (; store.health().status == Health::Status::connected && number < 5'000; ++number) {
    store.accept(new_batch(number), [&, number](bool kept) { answers.put({number, kept}); });
    if (number % 16 == 15) (void)answers.wait_for(number - 8);
  }
  const auto all = answers.wait_for(number);
  EXPECT_TRUE(says(watched.errors.wait_for(1), "database or disk is full"));
  sqlite3_cancel_auto_extension(extension);
  most_pages = 0;
  watched.wait_until(Health::Status::connected);
  ASSERT_TRUE(accept(store, new_batch(number)));
  std::size_t refused = 0;
  for (const auto& [batch, kept] : all) {
    EXPECT_EQ(store.batch(std::to_string(batch + 1)).has_value(), kept) << batch;
    if (!kept) ++refused;
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, all.size());
}

TEST(Failing, AFileThatIsMovedAwayIsNoticedAndFoundAgain) {
  const Folder folder;
  Watched watched(folder);
  Store& store = *watched.store;
  ASSERT_TRUE(accept(store, new_batch(0)));
  fs::rename(folder.file(), folder.file("elsewhere"));
  EXPECT_FALSE(accept(store, new_batch(1)));
  EXPECT_TRUE(says(watched.errors.wait_for(1), "the file is gone"));
  EXPECT_EQ(store.health().status, Health::Status::failed);
  // Another one in its place is not ours.
  fs::copy_file(folder.file("elsewhere"), folder.file());
  store.event(event(1, EventType::batch_requested));
  EXPECT_FALSE(accept(store, new_batch(1)));
  fs::rename(folder.file("elsewhere"), folder.file());
  watched.wait_until(Health::Status::connected);
  EXPECT_TRUE(accept(store, new_batch(1)));
  store.close();
  EXPECT_EQ(store.events({}).size(), 1u);
}

TEST(Failing, ClosingOnAFullDiskEndsAndSaysWhatIsLost) {
  const Folder folder;
  Watched watched(folder);
  ASSERT_TRUE(accept(*watched.store, new_batch(0)));
  const FileSizeLimit limit(1);
  for (std::uint32_t step = 0; step < 100; ++step) watched.store->step(step_of(0, 0, step));
  Mailbox<bool> answer;
  watched.store->accept(new_batch(1), [&](bool kept) { answer.put(kept); });
  const auto start = std::chrono::steady_clock::now();
  watched.store->close();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8));
  EXPECT_EQ(answer.all(), std::vector<bool>{false});
  EXPECT_TRUE(says(watched.errors.all(), "the last 100 records are lost"));
}

TEST(Failing, SomebodyElsesTransactionIsWaitedFor) {
  const Folder folder;
  Watched watched(folder);
  ASSERT_TRUE(accept(*watched.store, new_batch(0)));
  SQLite::Database shell(folder.file(), SQLite::OPEN_READWRITE);
  shell.exec("begin immediate");
  Mailbox<bool> answer;
  watched.store->accept(new_batch(1), [&](bool kept) { answer.put(kept); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(answer.all().empty());
  shell.exec("rollback");
  EXPECT_EQ(answer.wait_for(1), std::vector<bool>{true});
  EXPECT_TRUE(watched.errors.all().empty());
}

// Every single write and sync of a run fails once: what was answered with yes is there, what was answered with no is
// not, all else is there once.
TEST(Failing, AnyWriteAndAnySyncMayFail) {
  FaultyDisk disk;
  std::size_t failures = 0;
  for (int at = 1; at < 400; at += at < 60 ? 1 : 17) {
    const Folder folder;
    Watched watched(folder);
    Store& store = *watched.store;
    Mailbox<std::pair<std::uint64_t, bool>> answers;
    disk.fail_at(at);
    constexpr std::uint64_t kBatches = 10;
    for (std::uint64_t i = 0; i < kBatches; ++i) {
      store.accept(new_batch(i), [&, i](bool kept) { answers.put({i, kept}); });
      store.event(event(i + 1, EventType::batch_requested));
      for (std::uint32_t step = 0; step < 30; ++step)
        store.step(step_of(0, 3, static_cast<std::uint32_t>(i) * 30 + step));
      if (i % 3 == 2) (void)answers.wait_for(i);
    }
    store.close();
    const bool failed = disk.has_failed();
    disk.work();
    for (const auto& [batch, kept] : answers.wait_for(kBatches)) {
      EXPECT_EQ(store.batch(std::to_string(batch + 1)).has_value(), kept) << batch << ", failure at " << at;
    }
    EXPECT_EQ(store.events({}).size(), kBatches) << "failure at " << at;
    EXPECT_EQ(all_rows(*store.telemetry(0, {})).size(), 30 * kBatches) << "failure at " << at;
    EXPECT_EQ(SQLite::Database(folder.file()).execAndGet("pragma integrity_check").getString(), "ok");
    if (::testing::Test::HasFailure()) break;
    if (!failed) break;  // the run has fewer
    ++failures;
  }
  EXPECT_GT(failures, 10u);
}

}  // namespace
}  // namespace battery_twin::store::testing
