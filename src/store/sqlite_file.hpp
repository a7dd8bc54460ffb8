#pragma once

#include <SQLiteCpp/Database.h>
#include <sys/types.h>

#include <filesystem>
#include <memory>

namespace battery_twin::store {

/// One server per file: holds `<file>.lock` while it lives. The system drops the lock with the process, however it
/// ends.
class FileLock {
 public:
  /// @throws std::runtime_error  when another one holds it or it cannot be made
  explicit FileLock(const std::filesystem::path& file);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// The database file of this server.
class SqliteFile {
 public:
  static constexpr int kBusyMs = 5'000;  ///< that a connection waits for another: a person's sqlite3 shell, say

  /// Makes the file where there is none, and brings an older one to the newest schema.
  /// @param fresh  deletes what is there before
  /// @throws std::runtime_error  one sentence that says why not
  SqliteFile(const std::string& path, bool fresh);

  using Connection = std::unique_ptr<SQLite::Database>;
  /// A connection that writes. A commit returns when it is on the disk.
  /// @throws std::runtime_error  also when the file is not the one any more that it was
  [[nodiscard]] Connection open_to_write() const;
  /// One that only reads, beside those that write. @throws std::runtime_error
  [[nodiscard]] Connection open_to_read() const;

  /// @throws std::runtime_error  when the path leads to another file than at first, or to none
  void check_in_place() const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  [[nodiscard]] Connection open(int flags) const;

  std::filesystem::path path_;
  FileLock lock_;
  dev_t device_{};
  ino_t inode_{};
};

}  // namespace battery_twin::store
