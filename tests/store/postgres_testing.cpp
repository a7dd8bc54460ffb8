#include "postgres_testing.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace battery_twin::store::testing {

namespace {

// To make a database takes longer than many a test, so they are used again once they are empty.
std::vector<std::string>& empty_databases() {
  static std::vector<std::string> databases;
  return databases;
}

std::string an_empty_database() {
  if (empty_databases().empty()) return shared_cluster().create_database();
  std::string name = std::move(empty_databases().back());
  empty_databases().pop_back();
  return name;
}

}  // namespace

Site::Site(bool is_behind_proxy)
    : database(an_empty_database()), url(shared_cluster().url(database)), url_of_stores_(url) {
  if (!is_behind_proxy) return;
  proxy = std::make_unique<TcpProxy>(shared_cluster().port());
  const std::string port = ":" + std::to_string(shared_cluster().port()) + "/";
  url_of_stores_.replace(url_of_stores_.find(port), port.size(), ":" + std::to_string(proxy->port()) + "/");
}

Site::~Site() {
  try {
    const Rows is_as_new =
        query(url + "?connect_timeout=5",
              "set client_min_messages = warning; drop schema if exists battery_twin cascade;"
              "select not exists (select * from pg_class where relnamespace = 'public'::regnamespace) and exists ("
              "select * from pg_database where datname = current_database() and datdba = current_user::regrole)");
    if (is_as_new == Rows{{"t"}}) empty_databases().push_back(database);
  } catch (const std::exception&) {
    // Whoever comes next takes another one.
  }
}

std::unique_ptr<Store> Site::open(PostgresConfig config) {
  if (config.url.empty()) config.url = url_of_stores_;
  config.spool.path = file;
  config.spool.on_error = [this](std::string_view text) { errors.put(std::string(text)); };
  config.spool.on_news = config.spool.on_error;
  return open_postgres(plant::standard_layout(), std::move(config));
}

std::unique_ptr<Store> Site::start(PostgresConfig config) {
  auto store = open(std::move(config));
  (void)load(*store);
  return store;
}

std::int64_t Site::number(const std::string& sql) const { return std::stoll(ask(sql).at(0).at(0).value()); }

std::int64_t Site::number_in_file(const std::string& sql) const {
  SQLite::Database database(file, SQLite::OPEN_READWRITE, 5'000);
  return database.execAndGet(sql).getInt64();
}

bool Site::is_handed_on() const {
  return number_in_file("select (select count(*) from telemetry) + (select count(*) from outbox)") == 0;
}

bool Site::hands_on(Store& store) const {
  write_all(store);
  return wait_until([&] { return is_handed_on() && store.health().backlog == 0; });
}

void Site::copy_file(const std::string& to) const {
  // Nobody writes meanwhile, so nobody moves the log into the file either.
  SQLite::Database database(file, SQLite::OPEN_READWRITE, 5'000);
  database.exec("begin immediate");
  for (const char* const ending : {"", "-wal"}) {
    std::filesystem::copy_file(file + ending, to + ending, std::filesystem::copy_options::overwrite_existing);
  }
  database.exec("rollback");
}

void write_all(Store& store) {
  Mailbox<bool> written;
  store.sync([&](bool kept) { written.put(kept); });
  EXPECT_TRUE(written.wait_for(1).front());
}

void tell_steps(Store& store, std::uint64_t batch, std::size_t stations, std::uint32_t from, std::uint32_t to) {
  for (std::uint32_t step = from; step < to; ++step) {
    for (std::size_t station = 0; station < stations; ++station) store.step(step_of(batch, station, step));
  }
}

void expect_steps(Store& store, std::uint64_t batch, std::size_t stations, std::uint32_t steps, std::size_t portion) {
  const auto reader = store.telemetry(batch, {});
  const std::vector<TelemetryReader::Row> rows = all_rows(*reader, portion);
  ASSERT_EQ(rows.size(), stations * steps);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto expected = step_of(batch, i / steps, static_cast<std::uint32_t>(i % steps));
    ASSERT_EQ(rows[i].station, expected.station) << i;
    ASSERT_EQ(rows[i].step, expected.step) << i;
    ASSERT_EQ(rows[i].time, expected.time) << i;
    ASSERT_EQ(rows[i].properties, expected.properties) << i;
    ASSERT_EQ(rows[i].names.size(), expected.properties.size()) << i;
  }
}

bool becomes(Store& store, Health::Status status) {
  return wait_until([&] { return store.health().status == status; });
}

bool says(const std::vector<std::string>& texts, std::string_view part) {
  return std::ranges::any_of(texts, [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

}  // namespace battery_twin::store::testing
