// A file without room, while PostgreSQL takes what is in it.
#include <sqlite3.h>

#include <atomic>
#include <string>

#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

// SQLite's own limit, for connections that are opened while this lives.
class FewPages {
 public:
  explicit FewPages(int pages) {
    most = pages;
    ::sqlite3_auto_extension(reinterpret_cast<void (*)()>(&limit));
  }
  ~FewPages() {
    ::sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&limit));
    most = 0;
  }
  FewPages(const FewPages&) = delete;
  FewPages& operator=(const FewPages&) = delete;

 private:
  static int limit(sqlite3* database, char** /*error*/, const struct sqlite3_api_routines* /*api*/) {
    const std::string sql = "pragma max_page_count = " + std::to_string(most.load());
    return ::sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  }
  static inline std::atomic<int> most = 0;
};

TEST(PostgresFullDisk, GetsRoomFromWhatIsDelivered) {
  const FewPages limit(400);
  Site site;
  const auto store = site.start();
  ASSERT_TRUE(accept(*store, new_batch(0)));
  // Some three times of what there is room for.
  tell_steps(*store, 0, 16, 0, 1'500);
  ASSERT_TRUE(wait_until([&] { return store->health().status == Health::Status::failed; })) << "it was never full";
  EXPECT_TRUE(wait_until([&] { return site.number("select count(*) from battery_twin.telemetry") == 24'000; }));
  EXPECT_TRUE(wait_until([&] { return store->health().status == Health::Status::connected; }));
  EXPECT_TRUE(accept(*store, new_batch(1)));
}

}  // namespace
}  // namespace battery_twin::store::testing
