#pragma once

#include <SQLiteCpp/Database.h>

#include <span>
#include <string_view>

namespace battery_twin::store {

/// "BTWN": says that a file is one of ours.
inline constexpr int kApplicationId = 0x4254574e;

/// The SQL that leads from each version of the schema to the next; the first makes it in an empty file. A step that was
/// released never changes: a new version is a new step.
[[nodiscard]] std::span<const std::string_view> schema_steps();

/// Brings the file to the newest version, all of it or nothing.
/// @throws std::runtime_error  when the file is of a newer version than there are steps
/// @throws SQLite::Exception
void migrate(SQLite::Database& database, std::span<const std::string_view> steps);

}  // namespace battery_twin::store
