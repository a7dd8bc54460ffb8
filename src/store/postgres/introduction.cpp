#include "introduction.hpp"

#include <SQLiteCpp/Statement.h>

#include <optional>
#include <pqxx/nontransaction>
#include <pqxx/result>
#include <pqxx/transaction>
#include <random>
#include <string>

#include "../schema.hpp"
#include "../statements.hpp"
#include "mirror.hpp"
#include "schema.hpp"

namespace battery_twin::store {
namespace {

// Held by the session, so it goes with it.
void lock(Link& link) {
  pqxx::nontransaction session(*link);
  const std::string key = std::to_string(kApplicationId);
  if (!session.exec1("select pg_try_advisory_lock(" + key + ")")[0].as<bool>()) throw InUse();
}

std::optional<std::int64_t> setting(const SQLite::Database& database, std::string_view name) {
  SQLite::Statement query(database, "select value from setting where name = ?1");
  if (!with(query, name).executeStep()) return std::nullopt;
  return query.getColumn(0).getInt64();
}

void set(const SQLite::Database& database, std::string_view name, std::int64_t value) {
  SQLite::Statement statement(database, "insert or replace into setting values (?1, ?2)");
  with(statement, name, value).exec();
}

bool holds_nothing(SQLite::Database& database) {
  return database.execAndGet("select not exists (select * from batch) and not exists (select * from event)").getInt() !=
         0;
}

std::int64_t new_plant() {
  std::random_device random;
  return static_cast<std::int64_t>((std::uint64_t{random()} << 31U) ^ random());
}

std::int64_t plant_of(SQLite::Database& database) {
  if (const auto known = setting(database, "plant")) return *known;
  const std::int64_t made = new_plant();
  set(database, "plant", made);
  return made;
}

}  // namespace

void introduce(Link& link, const SqliteFile& file, const plant::Layout& layout, Welcome welcome) {
  const auto limited = link.limit(std::chrono::seconds(60));
  lock(link);
  const SqliteFile::Connection database = file.open_to_write();
  bool is_to_restore = false;
  pqxx::work transaction(*link);
  migrate(transaction);
  const pqxx::result known = transaction.exec("select value from battery_twin.setting where name = 'plant'");
  if (known.empty()) {
    const std::int64_t plant = plant_of(*database);
    transaction.exec_params("insert into battery_twin.setting values ('plant', $1)", plant);
    fill_outbox(*database);
  } else if (known[0][0].as<std::int64_t>() != setting(*database, "plant")) {
    if (welcome != Welcome::may_restore || !holds_nothing(*database)) {
      throw Refused("it belongs to another plant than the file " + file.path().string() +
                    ": use another database, the file of that plant, or none");
    }
    // Under a new number: the file of before may still hold rows, and is to be kept out.
    transaction.exec_params("update battery_twin.setting set value = $1 where name = 'plant'", new_plant());
    is_to_restore = true;
  } else if (!setting(*database, "outbox_is_complete")) {
    fill_outbox(*database);
  }
  make_views(transaction, layout);
  transaction.commit();
  if (is_to_restore) {
    pqxx::work reading(*link);
    restore(reading, *database);
    set(*database, "outbox_is_complete", 1);
  }
}

void start_afresh(Link& link) {
  const auto limited = link.limit(std::chrono::seconds(60));
  lock(link);
  pqxx::work transaction(*link);
  drop_all(transaction);
  transaction.commit();
}

}  // namespace battery_twin::store
