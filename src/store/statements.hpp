#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace battery_twin::store {

inline void bind_value(SQLite::Statement& statement, int at, std::int64_t value) { statement.bind(at, value); }
/// Beyond 63 bits as the negative number with the same bits.
inline void bind_value(SQLite::Statement& statement, int at, std::uint64_t value) {
  statement.bind(at, static_cast<std::int64_t>(value));
}
inline void bind_value(SQLite::Statement& statement, int at, int value) { statement.bind(at, value); }
inline void bind_value(SQLite::Statement& statement, int at, bool value) { statement.bind(at, value ? 1 : 0); }
inline void bind_value(SQLite::Statement& statement, int at, std::uint32_t value) { statement.bind(at, value); }
inline void bind_value(SQLite::Statement& statement, int at, const std::string& value) { statement.bind(at, value); }
/// Null for a view of nothing, which is not the same as one of an empty text.
inline void bind_value(SQLite::Statement& statement, int at, std::string_view value) {
  if (value.data() == nullptr) {
    statement.bind(at);
  } else {
    statement.bind(at, std::string(value));
  }
}
/// The bytes must stay until the statement has run.
inline void bind_value(SQLite::Statement& statement, int at, std::span<const char> bytes) {
  statement.bindNoCopy(at, bytes.data(), static_cast<int>(bytes.size()));
}
template <class T>
void bind_value(SQLite::Statement& statement, int at, const std::optional<T>& value) {
  if (value) {
    bind_value(statement, at, *value);
  } else {
    statement.bind(at);
  }
}

/// Takes a statement back to its beginning, with these values. @throws SQLite::Exception
template <class... Values>
SQLite::Statement& with(SQLite::Statement& statement, const Values&... values) {
  statement.tryReset();  // the statement's last run may have failed, which is told already
  int at = 0;
  (bind_value(statement, ++at, values), ...);
  return statement;
}

/// An empty text is no value.
[[nodiscard]] inline std::string_view unless_empty(std::string_view text) {
  return text.empty() ? std::string_view() : text;
}

/// SQLite's numbers are signed.
[[nodiscard]] inline std::int64_t to_limit(std::size_t limit) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() - 1;
  return limit > static_cast<std::size_t>(kMost) ? kMost : static_cast<std::int64_t>(limit);
}

}  // namespace battery_twin::store
