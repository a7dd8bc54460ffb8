#include "mirror.hpp"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <array>
#include <pqxx/result>
#include <pqxx/transaction>
#include <span>
#include <string_view>

#include "../statements.hpp"
#include "text.hpp"

namespace battery_twin::store {
namespace {

struct Column {
  std::string_view name;
  bool is_json = false;
};

struct Table {
  std::string_view name;
  std::size_t keys;  // its first columns
  std::vector<Column> columns;
};

// Those that others refer to first. Both schemas (../schema.cpp, schema.cpp) have these columns and no others.
const std::vector<Table>& mirrored() {
  static const std::vector<Table> kTables{{"design", 1, {{"id"}, {"design", true}}},
                                          {"batch",
                                           1,
                                           {{"number"},
                                            {"id"},
                                            {"status"},
                                            {"seed"},
                                            {"models"},
                                            {"noise"},
                                            {"design"},
                                            {"attempt"},
                                            {"created_us"},
                                            {"started_us"},
                                            {"finished_us"},
                                            {"warnings", true},
                                            {"lines", true},
                                            {"end_of_line", true},
                                            {"scrapped"},
                                            {"error"}}},
                                          {"machine",
                                           2,
                                           {{"batch"},
                                            {"station"},
                                            {"status"},
                                            {"steps"},
                                            {"parameters", true},
                                            {"properties", true},
                                            {"outcome"},
                                            {"causes", true}}},
                                          {"series", 1, {{"id"}, {"station"}, {"models"}, {"names", true}}},
                                          {"event",
                                           1,
                                           {{"seq"},
                                            {"time_us"},
                                            {"type"},
                                            {"level"},
                                            {"batch_id"},
                                            {"station"},
                                            {"step"},
                                            {"message"},
                                            {"reason"},
                                            {"warnings", true},
                                            {"end_of_line", true},
                                            {"attempt"}}},
                                          {"machine_parameters", 2, {{"station"}, {"models"}, {"parameters", true}}},
                                          {"setting", 1, {{"name"}, {"value"}}}};
  return kTables;
}

// One text of all columns from `from` on.
template <class Write>
std::string list(const Table& table, std::size_t from, std::size_t to, const char* between, const Write& write) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) {
    if (i != from) text += between;
    text += write(table.columns[i]);
  }
  return text;
}

std::string names(const Table& table) {
  return list(table, 0, table.columns.size(), ", ", [](const Column& column) { return std::string(column.name); });
}

std::string key(const Table& table, const char* row) {
  const std::string first = row + std::string(table.columns[0].name);
  return table.keys == 1 ? first + ", null" : first + ", " + row + std::string(table.columns[1].name);
}

std::string insert_into_outbox(const Table& table, const char* row) {
  return "insert into outbox (what, key1, key2) select '" + std::string(table.name) + "', " + key(table, row);
}

// JSON of the rows that the outbox names.
std::string reading_sql(const Table& table) {
  const std::string pairs = list(table, 0, table.columns.size(), ", ", [](const Column& column) {
    const std::string name(column.name);
    return "'" + name + "', " + (column.is_json ? "json(" + name + ")" : name);
  });
  const bool is_single = table.keys == 1;
  const std::string first(table.columns[0].name);
  const std::string keys = is_single ? first : "(" + first + ", " + std::string(table.columns[1].name) + ")";
  return "select json_group_array(json_object(" + pairs + ")) from " + std::string(table.name) + " where " + keys +
         " in (select " + (is_single ? "key1" : "key1, key2") +
         " from outbox where seq > ?1 and seq <= ?2 and what = '" + std::string(table.name) + "')";
}

std::string upsert_sql(const Table& table) {
  const std::string name(table.name);
  const auto plain = [](const Column& column) { return std::string(column.name); };
  const auto set = [](const Column& column) {
    return std::string(column.name) + " = excluded." + std::string(column.name);
  };
  return "insert into battery_twin." + name + " (" + names(table) + ") select " + names(table) +
         " from json_populate_recordset(null::battery_twin." + name + ", $1::json) on conflict (" +
         list(table, 0, table.keys, ", ", plain) + ") do update set " +
         list(table, table.keys, table.columns.size(), ", ", set);
}

std::vector<std::int64_t> batches(const SQLite::Database& database, std::string_view what, std::int64_t after,
                                  std::int64_t last) {
  SQLite::Statement query(database, "select key1 from outbox where seq > ?1 and seq <= ?2 and what = ?3");
  std::vector<std::int64_t> found;
  with(query, after, last, what);
  while (query.executeStep()) found.push_back(query.getColumn(0).getInt64());
  return found;
}

std::string as_array(std::span<const std::int64_t> numbers) {
  std::string text = "{";
  for (const std::int64_t number : numbers) text += (text.size() > 1 ? "," : "") + std::to_string(number);
  return text + "}";
}

constexpr std::string_view kNoRows = "[]";

}  // namespace

std::vector<MirroredTable> mirrored_tables() {
  std::vector<MirroredTable> tables;
  for (const Table& table : mirrored()) {
    MirroredTable& one = tables.emplace_back(MirroredTable{std::string(table.name), {}});
    for (const Column& column : table.columns) one.columns.emplace_back(column.name);
  }
  return tables;
}

std::string outbox_triggers() {
  std::string sql;
  for (const Table& table : mirrored()) {
    for (const char* const what : {"insert", "update"}) {
      sql += "create temp trigger mirror_" + std::string(table.name) + "_" + what + " after " + what + " on main." +
             std::string(table.name) + " begin " + insert_into_outbox(table, "new.") + "; end;\n";
    }
  }
  return sql +
         "create temp trigger mirror_batch_delete after delete on main.batch begin "
         "insert into outbox (what, key1) select 'forgotten', old.number; end;";
}

void fill_outbox(SQLite::Database& database) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  database.exec("delete from outbox where what not in ('restarted', 'forgotten')");
  for (const Table& table : mirrored())
    database.exec(insert_into_outbox(table, "") + " from " + std::string(table.name));
  database.exec("insert or replace into setting values ('outbox_is_complete', 1)");
  transaction.commit();
}

Changes read_changes(const SQLite::Database& database, std::int64_t after, std::size_t most) {
  Changes changes{.last = after};
  SQLite::Statement range(database,
                          "select coalesce(max(seq), 0), count(*) from "
                          "(select seq from outbox where seq > ?1 order by seq limit ?2)");
  with(range, after, to_limit(most)).executeStep();
  changes.entries = range.getColumn(1).getUInt();
  if (changes.entries == 0) return changes;
  changes.last = range.getColumn(0).getInt64();
  changes.is_all = changes.entries < most;
  for (const Table& table : mirrored()) {
    SQLite::Statement rows(database, reading_sql(table));
    with(rows, after, changes.last).executeStep();
    changes.rows.push_back(acceptable_json(rows.getColumn(0).getString()));
    if (table.name == "series") changes.has_series = changes.rows.back() != kNoRows;
  }
  changes.forgotten = batches(database, "forgotten", after, changes.last);
  changes.restarted = batches(database, "restarted", after, changes.last);
  return changes;
}

void apply_changes(pqxx::transaction_base& transaction, const Changes& changes) {
  if (!changes.forgotten.empty()) {
    transaction.exec_params("delete from battery_twin.batch where number = any($1)", as_array(changes.forgotten));
  }
  if (!changes.restarted.empty()) {
    transaction.exec_params("delete from battery_twin.telemetry where batch = any($1)", as_array(changes.restarted));
  }
  for (std::size_t i = 0; i < changes.rows.size(); ++i) {
    if (changes.rows[i] != kNoRows) transaction.exec_params(upsert_sql(mirrored()[i]), changes.rows[i]);
  }
  if (changes.entries == 0) return;
  transaction.exec_params(
      "insert into battery_twin.setting values ('delivered', $1) on conflict (name) do update set value = "
      "excluded.value",
      changes.last);
}

std::int64_t last_delivered(SQLite::Database& database) {
  // What is not there any more has been delivered.
  return database
      .execAndGet(
          "select coalesce((select min(seq) - 1 from outbox), (select seq from sqlite_sequence where name = 'outbox'), "
          "0)")
      .getInt64();
}

void restore(Link& link, SQLite::Database& database) {
  constexpr std::size_t kRowsAtOnce = 2'000;
  constexpr std::chrono::seconds kLimit{60};
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  pqxx::work from(*link);
  for (const Table& table : mirrored()) {
    const std::string name(table.name);
    const std::string columns = list(table, 0, table.columns.size(), ", ", [](const Column& column) {
      return "value ->> '$." + std::string(column.name) + "'";
    });
    // Some settings stand in every file from the start.
    SQLite::Statement insert(database, std::string(name == "setting" ? "insert or replace" : "insert") + " into " +
                                           name + " (" + names(table) + ") select " + columns + " from json_each(?1)");
    from.exec("declare restoring no scroll cursor for select row_to_json(t) from battery_twin." + name + " t");
    for (;;) {
      const auto limited = link.limit(kLimit);
      const pqxx::result rows = from.exec("fetch " + std::to_string(kRowsAtOnce) + " from restoring");
      if (rows.empty()) break;
      std::string json;
      for (const auto& row : rows) json += std::string(json.empty() ? "[" : ",") + row[0].c_str();
      with(insert, json + "]").exec();
    }
    from.exec("close restoring");
  }
  database.exec("delete from setting where name = 'delivered'");  // PostgreSQL's own
  transaction.commit();
}

}  // namespace battery_twin::store
