#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace battery_twin::postgres {

/// A PostgreSQL of the tests' own, in a temporary folder and on a free port of 127.0.0.1. It is gone, folder and all,
/// with the object and with the test program, however that ends.
///
/// Its user `twin` has the password `secret` and no right but to make databases. Not to be used from two threads at
/// once, apart from `create_database` and `url`.
class PostgresCluster {
 public:
  enum class Mode { fast, immediate };  ///< the latter leaves a recovery to the next start

  /// Makes the files, which takes a second or two; `start` is still to come.
  /// @param settings  as in postgresql.conf, e.g. "max_connections=5"; fsync is off unless they say otherwise
  /// @throws std::runtime_error  with what PostgreSQL said, here and wherever something fails
  explicit PostgresCluster(std::vector<std::string> settings = {});
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  /// Returns once it answers. Port and data are those of the start before. Nothing happens where it runs already.
  void start();
  /// Returns once all of its processes are gone. Nothing happens where it does not run.
  void stop(Mode mode = Mode::fast);
  /// SIGKILL to all of its processes, then as `stop`.
  void kill();
  /// Stops all of its processes where they are: the kernel still takes connections, and nobody answers.
  void freeze();
  void thaw();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// A new, empty database that `twin` owns. @return its name
  [[nodiscard]] std::string create_database();
  /// postgresql://twin:secret@127.0.0.1:PORT/DATABASE
  [[nodiscard]] std::string url(const std::string& database) const;
  /// The same for the superuser.
  [[nodiscard]] std::string admin_url(const std::string& database) const;
  /// What PostgreSQL wrote into its log.
  [[nodiscard]] std::string log() const;

 private:
  void make_files();
  void start_guard();
  void tell_guard(const std::vector<pid_t>& processes, const std::string& signal = "QUIT") const;
  [[nodiscard]] pid_t spawn(const std::vector<std::string>& words) const;
  [[nodiscard]] std::vector<pid_t> stop_processes() const;
  [[nodiscard]] bool wait_for_answer();
  void wait_for_end(const char* what);

  std::vector<std::string> settings_;
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;  // of the first process, the parent of all others
  bool frozen_ = false;
  bool has_user_ = false;
  pid_t guard_ = -1;
  int guard_line_ = -1;
  std::atomic<int> databases_ = 0;
};

/// The one that the tests of a program share; it is made, and started, when it is first asked for. Each test takes a
/// database of its own. Who stops or freezes it starts or thaws it again.
[[nodiscard]] PostgresCluster& shared_cluster();

using Rows = std::vector<std::vector<std::optional<std::string>>>;

/// All rows, on a connection of its own. @throws std::runtime_error  with PostgreSQL's message
[[nodiscard]] Rows query(const std::string& url, const std::string& sql);
/// For what gives no rows, or none that matter. @throws std::runtime_error  with PostgreSQL's message
void execute(const std::string& url, const std::string& sql);

}  // namespace battery_twin::postgres
