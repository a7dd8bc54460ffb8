#pragma once

#include <stdexcept>

#include "../sqlite_file.hpp"
#include "battery_twin/plant/layout.hpp"
#include "link.hpp"

namespace battery_twin::store {

/// Another server has its hands on the database, or the rest of a connection of ours that broke.
class InUse : public std::runtime_error {
 public:
  InUse() : std::runtime_error("another server uses it") {}
};

/// What the file may do when it meets the database for the first time.
enum class Welcome : std::uint8_t {
  as_is,       ///< both go on from where they are
  may_restore  ///< a file that holds nothing yet takes over what the database holds
};

/// Makes the connection the one that writes: locks the database, brings its tables up to date, and sees that it belongs
/// to the file. One database is for one plant: its number stands in both.
/// @throws InUse, Refused, and what libpqxx and SQLiteCpp throw
void introduce(Link& link, const SqliteFile& file, const plant::Layout& layout, Welcome welcome);

/// Deletes what the database holds of a plant. @throws as `introduce`
void start_afresh(Link& link);

}  // namespace battery_twin::store
