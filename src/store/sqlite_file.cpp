#include "sqlite_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "schema.hpp"

namespace battery_twin::store {
namespace {

namespace fs = std::filesystem;

std::string system_text(int error) { return std::generic_category().message(error); }

fs::path beside(const fs::path& file, std::string_view ending) { return fs::path(file) += ending; }

// Two names of one file must lead to one lock.
fs::path real_path(const std::string& path) {
  if (path.empty()) throw std::runtime_error("The database file has no name");
  std::error_code error;
  fs::path real = fs::weakly_canonical(fs::absolute(path), error);
  if (error) throw std::runtime_error("The database file " + path + " cannot be opened: " + error.message());
  const fs::path folder = real.parent_path();
  if (!fs::is_directory(folder, error)) {
    throw std::runtime_error("The database file " + path + " cannot be opened: there is no folder " + folder.string());
  }
  if (fs::is_directory(real, error)) {
    throw std::runtime_error("The database file " + path + " cannot be opened: it is a folder");
  }
  if (fs::exists(real, error) && !fs::is_regular_file(real, error)) {
    throw std::runtime_error("The database file " + path + " cannot be opened: it is no plain file");
  }
  return real;
}

void remove_all_of(const fs::path& file) {
  for (const std::string_view ending : {"", "-wal", "-shm", "-journal"}) {
    std::error_code error;
    fs::remove(beside(file, ending), error);
    if (error)
      throw std::runtime_error("The database file " + file.string() + " cannot be deleted: " + error.message());
  }
}

std::uint32_t big_endian(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Looks at the file's first bytes instead of asking SQLite, which might change a file that is not ours. Ours has its
// application id from its first transaction on; a journal says that this one was broken off.
void check_is_ours(const fs::path& file) {
  constexpr std::string_view kMagic{"SQLite format 3\0", 16};
  constexpr std::size_t kApplicationIdAt = 68;
  std::array<char, 100> header{};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error(system_text(errno));
  stream.read(header.data(), header.size());
  if (stream.gcount() == 0) return;
  if (stream.gcount() < static_cast<std::streamsize>(header.size()) ||
      std::string_view(header.data(), kMagic.size()) != kMagic) {
    throw std::runtime_error("it is no SQLite database");
  }
  if (big_endian(&header[kApplicationIdAt]) != kApplicationId && !fs::exists(beside(file, "-journal"))) {
    throw std::runtime_error("it is a database of another program");
  }
}

}  // namespace

FileLock::FileLock(const fs::path& file) : path_(beside(file, ".lock")) {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) {
      throw std::runtime_error("The database file " + file.string() + " cannot be opened: its lock " + path_.string() +
                               " cannot be made: " + system_text(errno));
    }
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      std::array<char, 16> pid{};
      const ssize_t size = ::read(descriptor_, pid.data(), pid.size());
      ::close(descriptor_);
      if (error != EWOULDBLOCK) {
        throw std::runtime_error("The database file " + file.string() + " cannot be locked: " + system_text(error));
      }
      const std::string who(pid.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
      throw std::runtime_error("The database file " + file.string() + " is used by another server (pid " +
                               (who.empty() ? "unknown" : who) + ")");
    }
    // Whoever held it before may have deleted it between our opening and our locking.
    struct stat held {};
    struct stat named {};
    if (::fstat(descriptor_, &held) == 0 && ::stat(path_.c_str(), &named) == 0 && held.st_ino == named.st_ino) break;
    ::close(descriptor_);
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(descriptor_, 0) != 0 || ::write(descriptor_, pid.data(), pid.size()) < 0) {
    // It is only told to people.
  }
}

FileLock::~FileLock() {
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

SqliteFile::SqliteFile(const std::string& path, bool fresh) : path_(real_path(path)), lock_(path_) {
  try {
    std::error_code error;
    if (fs::exists(path_, error)) check_is_ours(path_);
    if (fresh) remove_all_of(path_);
    const Connection connection = open(SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    // SQLite opens a file that must not be written for reading only.
    if (sqlite3_db_readonly(connection->getHandle(), "main") != 0) throw std::runtime_error("it must not be written");
    if (connection->execAndGet("pragma application_id").getInt() != kApplicationId &&
        connection->execAndGet("select count(*) from sqlite_master").getInt() != 0) {
      throw std::runtime_error("it is a database of another program");
    }
    migrate(*connection, schema_steps());
    // Not before: so the first bytes of the file itself say what it is.
    connection->exec("pragma journal_mode = wal");
  } catch (const std::exception& problem) {
    throw std::runtime_error("The database file " + path_.string() + " cannot be opened: " + problem.what());
  }
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0) {
    throw std::runtime_error("The database file " + path_.string() + " cannot be opened: " + system_text(errno));
  }
  device_ = now.st_dev;
  inode_ = now.st_ino;
}

SqliteFile::Connection SqliteFile::open(int flags) const {
  return std::make_unique<SQLite::Database>(path_.string(), flags | SQLite::OPEN_NOMUTEX, kBusyMs);
}

SqliteFile::Connection SqliteFile::open_to_write() const {
  check_in_place();
  Connection connection = open(SQLite::OPEN_READWRITE);
  connection->exec(
      "pragma synchronous = full; pragma foreign_keys = on; pragma secure_delete = off; pragma cache_size = -8000;"
      "pragma journal_size_limit = 16777216");
  return connection;
}

// Not with SQLite's flag for it: such a connection could not tidy up the log where it is the last one.
SqliteFile::Connection SqliteFile::open_to_read() const {
  check_in_place();
  Connection connection = open(SQLite::OPEN_READWRITE);
  connection->exec("pragma query_only = on");
  return connection;
}

void SqliteFile::check_in_place() const {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0) {
    throw std::runtime_error("the file is gone: " + system_text(errno));
  }
  if (now.st_dev != device_ || now.st_ino != inode_) throw std::runtime_error("another file is in its place");
}

}  // namespace battery_twin::store
