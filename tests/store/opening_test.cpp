// Which files are opened, and what is said of those that are not.

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <iterator>

#include "schema.hpp"
#include "store_testing.hpp"

namespace battery_twin::store::testing {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::string refusal(const std::string& path, bool fresh = false) {
  return sentence_of([&] { (void)open(path, {.fresh = fresh}); });
}

TEST(Opening, ASecondServerIsRefused) {
  const Folder folder;
  const std::string who = "is used by another server (pid " + std::to_string(::getpid()) + ")";
  const auto first = open(folder.file());
  EXPECT_NE(refusal(folder.file()).find(who), std::string::npos) << refusal(folder.file());
  EXPECT_NE(refusal(folder.file(), true).find(who), std::string::npos) << "--fresh as well";
  fs::create_symlink(folder.file(), folder.file("another-name.db"));
  EXPECT_NE(refusal(folder.file("another-name.db")).find(who), std::string::npos);
  EXPECT_TRUE(accept(*first, new_batch(0))) << "the first one is not disturbed";
}

TEST(Opening, AfterTheFirstServerTheNext) {
  const Folder folder;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto store = open(folder.file());
    EXPECT_EQ(load(*store).ids.size(), i);
    EXPECT_TRUE(accept(*store, new_batch(i)));
  }
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"plant.db"}) << "nothing is left lying about";
}

TEST(Opening, ANewerVersionIsRefused) {
  const Folder folder;
  (void)open(folder.file());
  SQLite::Database(folder.file(), SQLite::OPEN_READWRITE).exec("pragma user_version = 9");
  const std::string before = bytes_of(folder.file());
  EXPECT_NE(refusal(folder.file()).find("it is of version 9, this program knows versions up to 2"), std::string::npos)
      << refusal(folder.file());
  EXPECT_EQ(bytes_of(folder.file()), before);
}

TEST(Opening, FilesThatAreNotOursAreLeftAlone) {
  const Folder folder;
  std::ofstream(folder.file("letter.txt")) << "Dear all,\n" << std::string(500, 'x');
  std::ofstream(folder.file("short")) << "SQLite format 3";
  {
    SQLite::Database other(folder.file("other.db"), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("create table batch (id integer primary key)");
  }
  {
    SQLite::Database other(folder.file("wal.db"), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("pragma application_id = 7; pragma journal_mode = wal; create table batch (id integer primary key)");
  }
  for (const auto& [name, why] :
       std::vector<std::pair<std::string, std::string>>{{"letter.txt", "it is no SQLite database"},
                                                        {"short", "it is no SQLite database"},
                                                        {"other.db", "it is a database of another program"},
                                                        {"wal.db", "it is a database of another program"}}) {
    const std::string before = bytes_of(folder.file(name));
    for (const bool fresh : {false, true}) {
      const std::string sentence = refusal(folder.file(name), fresh);
      EXPECT_NE(sentence.find("cannot be opened: " + why), std::string::npos) << name << ": " << sentence;
      EXPECT_EQ(bytes_of(folder.file(name)), before);
    }
  }
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"letter.txt", "other.db", "short", "wal.db"}));
}

TEST(Opening, PathsWhereNoFileCanBe) {
  const Folder folder;
  const auto says = [&](const std::string& path, const std::string& why) {
    const std::string sentence = refusal(path);
    EXPECT_NE(sentence.find(why), std::string::npos) << path << ": " << sentence;
  };
  says("", "has no name");
  says(folder.path().string(), "it is a folder");
  says(folder.file("none/plant.db"), "there is no folder");
  says("/dev/null", "it is no plain file");
  says("/proc/plant.db", "cannot be opened");
}

TEST(Opening, AnEmptyFileBecomesADatabase) {
  const Folder folder;
  std::ofstream file(folder.file());
  file.close();
  EXPECT_TRUE(accept(*open(folder.file()), new_batch(0)));
}

TEST(Opening, FreshStartsEmpty) {
  const Folder folder;
  {
    const auto store = open(folder.file());
    ASSERT_TRUE(accept(*store, new_batch(0)));
    store->event(event(1, plant::EventType::batch_requested));
    store->set_pacing(5, true);
  }
  // As a crash leaves it.
  std::ofstream(folder.file() + "-wal") << "left over";
  std::ofstream(folder.file() + "-shm") << "left over";
  const auto store = open(folder.file(), {.fresh = true});
  const plant::Kept kept = load(*store);
  EXPECT_TRUE(kept.ids.empty() && kept.events.empty() && !kept.paused && !kept.step_interval_us);
  EXPECT_EQ(kept.accepted, 0u);
  EXPECT_TRUE(accept(*store, new_batch(0)));
}

TEST(Opening, FreshWhereThereIsNothing) {
  const Folder folder;
  EXPECT_TRUE(accept(*open(folder.file(), {.fresh = true}), new_batch(0)));
}

TEST(Opening, AnOlderFileIsMigratedWhollyOrNotAtAll) {
  const Folder folder;
  SQLite::Database database(folder.file(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  constexpr std::array<std::string_view, 1> kFirst{"create table cell (id integer); insert into cell values (7)"};
  constexpr std::array<std::string_view, 3> kAll{kFirst[0], "alter table cell add column mass real",
                                                 "update cell set mass = 0.5; create table can (id integer)"};
  constexpr std::array<std::string_view, 3> kBroken{kFirst[0], kAll[1], "update cell set weight = 0.5"};
  migrate(database, kFirst);
  EXPECT_EQ(database.execAndGet("pragma user_version").getInt(), 1);
  EXPECT_EQ(database.execAndGet("pragma application_id").getInt(), kApplicationId);

  EXPECT_NE(sentence_of([&] { migrate(database, kBroken); }), "");
  EXPECT_EQ(database.execAndGet("pragma user_version").getInt(), 1);
  EXPECT_EQ(database.execAndGet("select count(*) from pragma_table_info('cell')").getInt(), 1);

  migrate(database, kAll);
  EXPECT_EQ(database.execAndGet("pragma user_version").getInt(), 3);
  EXPECT_EQ(database.execAndGet("select mass from cell where id = 7").getDouble(), 0.5);
  migrate(database, kAll);
  EXPECT_NE(sentence_of([&] { migrate(database, kFirst); }), "");
}

// kill -9 while it writes: everything that was answered is there.
TEST(Opening, NothingThatWasAnsweredIsLostToAKill) {
  const Folder folder;
  std::uint64_t next = 0;
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto store = open(folder.file());
      (void)load(*store);
      for (std::uint64_t i = next;; ++i) {
        store->accept(new_batch(i), [&, i](bool kept) {
          if (!kept || ::write(pipe[1], &i, sizeof i) != sizeof i) ::_exit(1);
        });
        store->event(event(i + 1, plant::EventType::batch_requested));
        for (std::uint32_t step = 0; step < 20; ++step) store->step(step_of(i, 0, step));
        if (i % 2 == 0) store->finish(finished(new_batch(i), plant::BatchStatus::completed));
        while (!store->has_room()) ::usleep(1'000);
      }
    }
    ::close(pipe[1]);
    std::uint64_t answered = 0;
    std::uint64_t number = 0;
    const std::uint64_t enough = 20 + 37 * static_cast<std::uint64_t>(round);
    while (answered < enough && ::read(pipe[0], &number, sizeof number) == sizeof number) ++answered;
    EXPECT_EQ(answered, enough);
    ::kill(child, SIGKILL);
    while (::read(pipe[0], &number, sizeof number) == sizeof number) {  // what it had still written
    }
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));

    const auto store = open(folder.file());
    const plant::Kept kept = load(*store, 1'000'000, 10);
    EXPECT_GE(kept.accepted, number + 1);
    EXPECT_EQ(kept.ids.size(), kept.accepted) << "no holes";
    EXPECT_EQ(kept.open.size() + kept.finished.size(), kept.accepted);
    EXPECT_LE(kept.last_seq, kept.accepted);
    EXPECT_GE(kept.last_seq + 1, kept.accepted);
    for (const plant::BatchRecord& batch : kept.finished) {
      EXPECT_EQ(batch.index % 2, 0u);
      if (batch.index + 20 > number) {
        EXPECT_EQ(all_rows(*store->telemetry(batch.index, {})).size(), 20u) << batch.index;
      }
    }
    EXPECT_EQ(SQLite::Database(folder.file()).execAndGet("pragma integrity_check").getString(), "ok");
    next = kept.accepted;
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace battery_twin::store::testing
