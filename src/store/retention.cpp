#include "retention.hpp"

#include <SQLiteCpp/Statement.h>

#include "records.hpp"
#include "statements.hpp"

namespace battery_twin::store {
namespace {

constexpr int kRowsPerBite = 2'000;  // some milliseconds

}  // namespace

bool Retention::bite(SQLite::Database& database) {
  const std::int64_t cutoff = to_us(plant::now() - keep_);
  SQLite::Statement find(database,
                         "select number, created_us, finished_us from batch "
                         "where number = (select min(batch) from telemetry where batch >= ?1)");
  // Numbers are in order of acceptance: behind the first batch that is too young to have finished before the cutoff
  // there are only younger ones.
  if (!with(find, next_).executeStep() || find.getColumn(1).getInt64() > cutoff) {
    next_ = 0;
    return false;
  }
  const std::int64_t batch = find.getColumn(0);
  const bool is_old = !find.getColumn(2).isNull() && find.getColumn(2).getInt64() <= cutoff;
  find.reset();  // a reading statement that is open would hold back the log's checkpoint
  if (is_old) {
    SQLite::Statement remove(database,
                             "delete from telemetry where batch = ?1 and (series, step) in "
                             "(select series, step from telemetry where batch = ?1 order by series, step limit ?2)");
    if (with(remove, batch, kRowsPerBite).exec() == kRowsPerBite) return true;
  }
  next_ = batch + 1;
  return true;
}

}  // namespace battery_twin::store
