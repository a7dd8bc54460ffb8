#pragma once

#include <cstdint>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/postgres_cluster.hpp"
#include "postgres/processes.hpp"
#include "postgres/tcp_proxy.hpp"
#include "store_testing.hpp"

namespace battery_twin::store::testing {

using postgres::execute;
using postgres::query;
using postgres::Rows;
using postgres::shared_cluster;
using postgres::TcpProxy;
using postgres::wait_until;

/// A file and a database for it, both empty, and what stores that use them say.
class Site {
 public:
  /// @param is_behind_proxy  stores reach the database through `proxy`
  explicit Site(bool is_behind_proxy = false);
  /// After the stores that use it.
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  [[nodiscard]] std::unique_ptr<Store> open() { return open(PostgresConfig{}); }
  /// With what is left out of the configuration: the site's file, the site's URL.
  [[nodiscard]] std::unique_ptr<Store> open(PostgresConfig config);
  /// Opens it and starts a plant.
  [[nodiscard]] std::unique_ptr<Store> start(PostgresConfig config = {});

  /// What is in the database now, asked directly.
  [[nodiscard]] Rows ask(const std::string& sql) const { return query(url, sql); }
  /// The one number.
  [[nodiscard]] std::int64_t number(const std::string& sql) const;
  /// The same of the file.
  [[nodiscard]] std::int64_t number_in_file(const std::string& sql) const;
  /// Nothing in the file is left to be handed on.
  [[nodiscard]] bool is_handed_on() const;
  /// Waits until all that the store was told is handed on. False when that never comes.
  [[nodiscard]] bool hands_on(Store& store) const;

  /// Copies the file as it would be found after a crash at this moment.
  void copy_file(const std::string& to) const;

  Folder folder;
  std::string file = folder.file();
  std::string database;
  std::string url;
  std::unique_ptr<TcpProxy> proxy;  ///< or nullptr
  Mailbox<std::string> errors;

 private:
  std::string url_of_stores_;
};

/// While it lives, nobody can write into a table of the site's database, but everybody can read.
class Standstill {
 public:
  explicit Standstill(const Site& site, const std::string& table = "battery_twin.telemetry")
      : connection_(site.url), transaction_(connection_) {
    transaction_.exec("lock table " + table + " in share mode");
  }

 private:
  pqxx::connection connection_;
  pqxx::work transaction_;
};

/// Waits until all that was told is in the file.
void write_all(Store& store);

/// Tells the steps [from, to) of a batch on so many stations, as `step_of` makes them.
void tell_steps(Store& store, std::uint64_t batch, std::size_t stations, std::uint32_t from, std::uint32_t to);

/// The reader gives exactly the steps [0, steps) of these stations, in order, as `step_of` makes them.
void expect_steps(Store& store, std::uint64_t batch, std::size_t stations, std::uint32_t steps,
                  std::size_t portion = 1'000);

/// `health().status` becomes this.
[[nodiscard]] bool becomes(Store& store, Health::Status status);

[[nodiscard]] bool says(const std::vector<std::string>& texts, std::string_view part);

}  // namespace battery_twin::store::testing
