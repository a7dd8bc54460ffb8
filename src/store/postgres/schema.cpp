#include "schema.hpp"

#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <pqxx/except>
#include <pqxx/result>
#include <pqxx/subtransaction>
#include <string>
#include <string_view>
#include <vector>

#include "../records.hpp"
#include "views.hpp"

namespace battery_twin::store {
namespace {

// docs/postgresql.md explains it to people. Most tables are those of the SQLite file, row by row; JSON stays JSON,
// times are microseconds since 1970, UTC. A step that was released never changes: a new version is a new step.
constexpr std::string_view kPostgresVersion1 = R"sql(
-- Not jsonb, which would change the text: the file knows a design by it.
create table battery_twin.design (id bigint primary key, design json not null);

create table battery_twin.batch (
  number bigint primary key,
  id text not null unique,
  status text not null,
  seed bigint not null,
  models text not null,
  noise bigint not null,
  design bigint not null,
  attempt bigint not null,
  created_us bigint not null,
  started_us bigint,
  finished_us bigint,
  warnings jsonb not null,
  lines jsonb not null,
  end_of_line jsonb,
  scrapped bigint not null,
  error text
);

create table battery_twin.machine (
  batch bigint not null references battery_twin.batch on delete cascade,
  station text not null,
  status text not null,
  steps bigint not null,
  parameters jsonb,
  properties jsonb,
  outcome text,
  causes jsonb not null,
  primary key (batch, station)
);

create table battery_twin.series (id bigint primary key, station text not null, models text not null, names jsonb not null);

create table battery_twin.telemetry (
  id bigint generated always as identity,
  batch bigint not null,
  series integer not null,
  step integer not null,
  "timestamp" timestamp not null,
  properties float8[] not null,
  primary key (batch, series, step)
);
create index telemetry_by_time on battery_twin.telemetry using brin ("timestamp") with (autosummarize = on);

create table battery_twin.event (
  seq bigint primary key,
  time_us bigint not null,
  type text not null,
  level text not null,
  batch_id text,
  station text,
  step bigint,
  message text not null,
  reason text,
  warnings jsonb not null,
  end_of_line jsonb,
  attempt bigint not null
);
create table battery_twin.machine_parameters (
  station text not null,
  models text not null,
  parameters jsonb not null,
  primary key (station, models)
);

create table battery_twin.setting (name text primary key, value bigint not null);

create function battery_twin.time_of(us bigint) returns timestamptz language sql immutable strict parallel safe
  as 'select pg_catalog.to_timestamp(us::pg_catalog.float8 operator(pg_catalog./) 1e6::pg_catalog.float8)';

-- Dashboards ask for times.
create index batch_by_finish on battery_twin.batch (battery_twin.time_of(finished_us));
create index event_by_time on battery_twin.event (battery_twin.time_of(time_us));

create view battery_twin.machines as
  select b.number, b.id as batch, m.station, m.status, m.steps, m.outcome, m.causes, m.parameters, m.properties
  from battery_twin.machine m join battery_twin.batch b on b.number = m.batch;

create view battery_twin.log as
  select seq, battery_twin.time_of(time_us) as time, level, type, batch_id, station, step, message, reason
  from battery_twin.event;

create view battery_twin.measurements as
  select b.id as batch, s.station, t.step, t."timestamp", n.name, t.properties[n.place] as value
  from battery_twin.telemetry t join battery_twin.batch b on b.number = t.batch
       join battery_twin.series s on s.id = t.series
       cross join lateral jsonb_array_elements_text(s.names) with ordinality as n(name, place);
)sql";

constexpr std::array kPostgresSteps{kPostgresVersion1};

// Says that the schema is ours, and of which version.
constexpr std::string_view kMark = "battery-twin, version ";

std::string comment_on_schema(pqxx::transaction_base& transaction, bool& exists) {
  const pqxx::result found = transaction.exec(
      "select coalesce(obj_description(oid, 'pg_namespace'), '') from pg_namespace where nspname = 'battery_twin'");
  exists = !found.empty();
  return exists ? found[0][0].as<std::string>() : std::string();
}

// 0 where there is none.
std::size_t version(pqxx::transaction_base& transaction) {
  bool exists = false;
  const std::string comment = comment_on_schema(transaction, exists);
  if (!exists) return 0;
  std::size_t number = 0;
  const char* const end = comment.data() + comment.size();
  if (!comment.starts_with(kMark) || std::from_chars(comment.data() + kMark.size(), end, number).ptr != end ||
      number == 0) {
    throw Refused("its schema battery_twin is not this program's");
  }
  return number;
}

std::map<std::string, std::vector<Series>> series_by_station(pqxx::transaction_base& transaction) {
  std::map<std::string, std::vector<Series>> series;
  for (const auto& row : transaction.exec("select id, station, models, names from battery_twin.series order by id")) {
    const auto models = process::model_set_from(row[2].as<std::string>());
    if (!models) continue;
    series[row[1].as<std::string>()].push_back(
        {row[0].as<std::int64_t>(), *models, texts_from_json(row[3].as<std::string>())});
  }
  return series;
}

// Changes with the view's text: who reads a dashboard is not to wait for a view that is made as it was.
std::string comment_for(const std::string& view) {
  return "battery-twin " + std::to_string(std::hash<std::string>{}(view));
}

// Columns can only be added at a view's end: where that is not what has changed, a new one takes the old one's place,
// with the rights that were granted to others.
void replace_view(pqxx::dbtransaction& transaction, const std::string& name, const std::string& view) {
  try {
    pqxx::subtransaction attempt(transaction);
    attempt.exec("create or replace view " + name + " as " + view);
    attempt.commit();
    return;
  } catch (const pqxx::sql_error&) {
    // Then the other way; should that fail as well, it is told.
  }
  const pqxx::result rights = transaction.exec(
      "select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, a.privilege_type "
      "from pg_class c, aclexplode(c.relacl) a where c.oid = '" +
      name + "'::regclass and a.grantee <> c.relowner");
  transaction.exec("drop view " + name);
  transaction.exec("create view " + name + " as " + view);
  for (const auto& right : rights) {
    transaction.exec("grant " + right[1].as<std::string>() + " on " + name + " to " + right[0].as<std::string>());
  }
}

void make_view(pqxx::dbtransaction& transaction, const std::string& schema, const std::string& name,
               const std::string& view) {
  const pqxx::result found = transaction.exec_params(
      "select c.relkind = 'v' and coalesce(obj_description(c.oid, 'pg_class'), '') like 'battery-twin %', "
      "obj_description(c.oid, 'pg_class') from pg_class c join pg_namespace n on n.oid = c.relnamespace "
      "where n.nspname = $1 and c.relname = $2",
      schema, name);
  const std::string comment = comment_for(view);
  if (!found.empty()) {
    if (!found[0][0].as<bool>()) {
      throw Refused("its table " + schema + "." + name +
                    " is not this program's: move it to another schema (docs/postgresql.md)");
    }
    if (found[0][1].as<std::string>() == comment) return;
  }
  if (found.empty()) {
    transaction.exec("create view " + schema + "." + name + " as " + view);
  } else {
    replace_view(transaction, schema + "." + name, view);
  }
  transaction.exec("comment on view " + schema + "." + name + " is " + transaction.quote(comment));
}

std::string view_of_batches() {
  std::string sql =
      "select number, id, status, models, case when seed < 0 then seed + 18446744073709551616 else seed end as seed, "
      "attempt, battery_twin.time_of(created_us) as created_at, battery_twin.time_of(started_us) as started_at, "
      "battery_twin.time_of(finished_us) as finished_at, scrapped <> 0 as scrapped, end_of_line, warnings, error";
  for (const process::Figure& figure : process::kFigures) {
    const std::string name(figure.name);
    sql += ", (end_of_line ->> '" + name + "')::float8 as \"" + name + "\"";
  }
  return sql + " from battery_twin.batch";
}

}  // namespace

void migrate(pqxx::transaction_base& transaction) {
  const std::size_t is = version(transaction);
  if (is > kPostgresSteps.size()) {
    throw Refused("it is of version " + std::to_string(is) + ", this program knows versions up to " +
                  std::to_string(kPostgresSteps.size()) + ": use a newer one");
  }
  if (is == kPostgresSteps.size()) return;
  if (is == 0) transaction.exec("create schema battery_twin");
  for (std::size_t step = is; step < kPostgresSteps.size(); ++step) transaction.exec(std::string(kPostgresSteps[step]));
  transaction.exec("comment on schema battery_twin is '" + std::string(kMark) + std::to_string(kPostgresSteps.size()) +
                   "'");
}

void empty_all(pqxx::transaction_base& transaction) {
  const std::size_t is = version(transaction);
  if (is == 0) return;
  if (is > kPostgresSteps.size()) {
    transaction.exec("drop schema battery_twin cascade");
    return;
  }
  // The views stay, with the rights that others have to them.
  transaction.exec(
      "truncate battery_twin.design, battery_twin.batch, battery_twin.machine, battery_twin.series, "
      "battery_twin.telemetry, battery_twin.event, battery_twin.machine_parameters, battery_twin.setting");
}

void make_views(pqxx::dbtransaction& transaction, const plant::Layout& layout) {
  make_view(transaction, "battery_twin", "batches", view_of_batches());
  auto all = series_by_station(transaction);
  for (const plant::Station& station : layout.stations()) {
    std::vector<Series>& series = all[station.process_name];
    // A view of no rows, until there is one.
    if (series.empty()) series.push_back({-1, process::ModelSet::mechanistic, {}});
    make_view(transaction, "public", table_name(station), view_of(table_of(*station.type), station, series));
  }
}

}  // namespace battery_twin::store
