#include "schema.hpp"

#include <SQLiteCpp/Transaction.h>

#include <array>
#include <stdexcept>
#include <string>

namespace battery_twin::store {
namespace {

// docs/storage.md explains it to people. Times are microseconds since 1970, UTC.
constexpr std::string_view kVersion1 = R"sql(
create table design (
  id integer primary key,
  design text not null unique                      -- JSON, the cell design's numbers by name
);

create table batch (
  number integer primary key,                      -- in order of acceptance, from 0
  id text not null unique,
  status text not null,                            -- queued, running, completed, failed, cancelled
  seed integer not null,
  models text not null,                            -- reference, mechanistic
  noise integer not null,
  design integer not null references design,
  attempt integer not null,
  created_us integer not null,
  started_us integer,
  finished_us integer,
  warnings text not null,                          -- JSON, a list of sentences
  lines text not null,                             -- JSON, where it was on each line when it finished
  end_of_line text,                                -- JSON, the figures by name
  scrapped integer not null default 0,             -- completed without a good cell
  error text
);
create index batch_by_status on batch (status, number);
create index batch_scrapped on batch (number) where scrapped;

create table machine (                             -- what a machine did to a batch
  batch integer not null references batch on delete cascade,
  station text not null,                           -- mixing_anode
  status text not null default 'pending',          -- pending, running, completed, stopped
  steps integer not null default 0,
  parameters text,                                 -- JSON by name; null as long as nobody knows
  properties text,                                 -- JSON by name, of the last step
  outcome text,                                    -- pass, rework, scrap
  causes text not null default '[]',               -- JSON, names of properties
  primary key (batch, station)
) without rowid;

create table series (                              -- what the numbers of telemetry mean
  id integer primary key,
  station text not null,
  models text not null,
  names text not null,                             -- JSON, in the order of the numbers
  unique (station, models, names)
);

create table telemetry (                           -- by far the most rows: checked references would cost a third
  batch integer not null,                          -- batch.number
  series integer not null,                         -- series.id
  step integer not null,
  time_us integer not null,
  properties blob not null,                        -- little-endian doubles
  primary key (batch, series, step)
) without rowid;

create table event (
  seq integer primary key,
  time_us integer not null,
  type text not null,
  level text not null,
  batch_id text,
  station text,
  step integer,
  message text not null,
  reason text,
  warnings text not null,                          -- JSON, a list of sentences
  end_of_line text,                                -- JSON, the figures by name
  attempt integer not null                         -- of a batch that starts: above 1 when it was broken off
);
create index event_by_batch on event (batch_id, seq) where batch_id is not null;

create table machine_parameters (                  -- for the batches to come
  station text not null,
  models text not null,
  parameters text not null,                        -- JSON by name
  primary key (station, models)
) without rowid;

create table setting (name text primary key, value not null) without rowid;

create view batches as
  select id, status, models, seed, attempt,
         strftime('%Y-%m-%dT%H:%M:%fZ', created_us / 1e6, 'unixepoch') as created_at,
         strftime('%Y-%m-%dT%H:%M:%fZ', started_us / 1e6, 'unixepoch') as started_at,
         strftime('%Y-%m-%dT%H:%M:%fZ', finished_us / 1e6, 'unixepoch') as finished_at,
         end_of_line ->> '$.capacity_Ah' as capacity_Ah,
         end_of_line ->> '$.yield' as yield,
         error
  from batch;

create view log as
  select seq, strftime('%Y-%m-%dT%H:%M:%fZ', time_us / 1e6, 'unixepoch') as time, level, type, batch_id, station, message
  from event;
)sql";

// What a server that hands on to PostgreSQL has still to tell it. Telemetry needs no mention: it is deleted here once
// it is there.
constexpr std::string_view kVersion2 = R"sql(
create table outbox (
  seq integer primary key autoincrement,
  what text not null,                              -- a table; or "forgotten", "restarted": a batch
  key1,
  key2
);
)sql";

constexpr std::array kSteps{kVersion1, kVersion2};

}  // namespace

std::span<const std::string_view> schema_steps() { return kSteps; }

void migrate(SQLite::Database& database, std::span<const std::string_view> steps) {
  const int newest = static_cast<int>(steps.size());
  const int version = database.execAndGet("pragma user_version");
  if (version > newest) {
    throw std::runtime_error("it is of version " + std::to_string(version) + ", this program knows versions up to " +
                             std::to_string(newest) + ": use a newer one");
  }
  if (version == newest) return;
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  for (const std::string_view step : steps.subspan(static_cast<std::size_t>(version))) {
    database.exec(std::string(step));
  }
  // Pragmas take no parameters; these are part of the transaction.
  database.exec("pragma application_id = " + std::to_string(kApplicationId));
  database.exec("pragma user_version = " + std::to_string(newest));
  transaction.commit();
}

}  // namespace battery_twin::store
