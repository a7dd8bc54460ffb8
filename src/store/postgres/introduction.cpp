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

std::optional<std::int64_t> known(pqxx::transaction_base& transaction, const std::string& name) {
  const pqxx::result found = transaction.exec_params("select value from battery_twin.setting where name = $1", name);
  return found.empty() ? std::nullopt : std::optional(found[0][0].as<std::int64_t>());
}

// Everything that happens gets an event, and events are only added: a database that knows more of them than the file
// was told by a newer state of it. To go on from here would give numbers twice.
void check_is_not_ahead(pqxx::transaction_base& transaction, SQLite::Database& database, const SqliteFile& file) {
  const auto there = transaction.exec1("select coalesce(max(seq), 0) from battery_twin.event")[0].as<std::int64_t>();
  const auto here = database.execAndGet("select coalesce(max(seq), 0) from event").getInt64();
  if (there > here) {
    throw Refused(
        "it knows more of the plant than the file " + file.path().string() +
        ", which is an older copy: use the newest one, or a new file, which takes over what the database holds");
  }
}

}  // namespace

void introduce(Link& link, const SqliteFile& file, const plant::Layout& layout, Welcome welcome) {
  constexpr std::chrono::seconds kLimit{60};
  {
    const auto limited = link.limit(kLimit);
    lock(link);
  }
  const SqliteFile::Connection database = file.open_to_write();
  bool is_to_restore = false;
  {
    const auto limited = link.limit(kLimit);
    pqxx::work transaction(*link);
    migrate(transaction);
    const auto plant = known(transaction, "plant");
    bool knows_all = plant.has_value() && setting(*database, "outbox_is_complete");
    if (!plant) {
      transaction.exec_params("insert into battery_twin.setting values ('plant', $1)", plant_of(*database));
    } else if (*plant != setting(*database, "plant")) {
      if (welcome != Welcome::may_restore || !holds_nothing(*database)) {
        throw Refused("it belongs to another plant than the file " + file.path().string() +
                      ": use another database, the file of that plant, or a new one");
      }
      // Under a new number: the file of before may still hold rows, and is to be kept out.
      transaction.exec_params("update battery_twin.setting set value = $1 where name = 'plant'", new_plant());
      is_to_restore = true;
    } else {
      check_is_not_ahead(transaction, *database, file);
      // Where it has been told less than was delivered, it was restored from a backup.
      if (known(transaction, "delivered").value_or(0) < last_delivered(*database)) knows_all = false;
    }
    make_views(transaction, layout);
    // Before the database says that it is ours: so a crash in between forgets nothing.
    if (!knows_all) database->exec("delete from setting where name = 'outbox_is_complete'");
    transaction.commit();
  }
  if (is_to_restore) {
    restore(link, *database);
    set(*database, "outbox_is_complete", 1);
  } else if (!setting(*database, "outbox_is_complete")) {
    fill_outbox(*database);
  }
}

void start_afresh(Link& link) {
  const auto limited = link.limit(std::chrono::seconds(60));
  lock(link);
  pqxx::work transaction(*link);
  empty_all(transaction);
  transaction.commit();
}

}  // namespace battery_twin::store
