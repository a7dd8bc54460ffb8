#include "postgres_cluster.hpp"

#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <pqxx/pqxx>
#include <stdexcept>
#include <utility>

#include "free_port.hpp"
#include "processes.hpp"

#ifdef __SANITIZE_ADDRESS__
// libpqxx 6 forgets a result where the connection breaks while it asks for it: it wants to know the connection's
// encoding before it takes hold of the result.
extern "C" const char* __lsan_default_suppressions() { return "leak:PQmakeEmptyPGresult"; }
#endif

namespace battery_twin::postgres {
namespace {

namespace fs = std::filesystem;

// Debian's user for PostgreSQL, which refuses to run as root; nobody's where we are not root ourselves.
const char* const kUser = "postgres";

// Outlives the test program, if only by moments. It is told of what runs, one line each time: a signal that ends it,
// and the processes. When its input ends it gives them the signal, waits, and removes the folder. Frozen ones have to
// be woken, or they would not hear of it; that signal also shows who is still there.
constexpr const char* kGuardScript = R"(
line=
while read -r next; do line=$next; done
set -- "$1" $line
folder=$1
if [ $# -gt 1 ]; then
  signal=$2
  shift 2
  kill -s CONT -- "$@"
  kill -s "$signal" -- "$@"
  tries=100
  while kill -s CONT -- "$1" && [ $tries -gt 0 ]; do tries=$((tries - 1)); sleep 0.1; done
  kill -s KILL -- "$@"
fi
cd / && rm -rf "$folder"
)";

fs::path newest_programs() {
  fs::path newest;
  int newest_version = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version <= newest_version || !fs::exists(entry.path() / "bin/initdb")) continue;
    newest_version = version;
    newest = entry.path() / "bin";
  }
  if (newest.empty()) throw std::runtime_error("there is no PostgreSQL to test with: install the package postgresql");
  return newest;
}

fs::path make_folder() {
  std::string name = (fs::temp_directory_path() / "battery-twin-postgres-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  if (::geteuid() != 0) return name;
  const passwd* user = ::getpwnam(kUser);  // NOLINT(concurrency-mt-unsafe): nobody else asks
  if (user == nullptr || ::chown(name.c_str(), user->pw_uid, user->pw_gid) != 0) {
    fs::remove(name);
    throw std::runtime_error("PostgreSQL does not run as root, and its folder cannot be given to the user postgres");
  }
  return name;
}

std::vector<std::string> unprivileged(std::vector<std::string> words) {
  if (::geteuid() != 0) return words;
  const std::vector<std::string> before{"setpriv", "--reuid", kUser, "--regid", kUser, "--init-groups"};
  words.insert(words.begin(), before.begin(), before.end());
  return words;
}

}  // namespace
}  // namespace battery_twin::postgres

#ifdef __SANITIZE_ADDRESS__
// libpqxx 6 forgets a result when the connection is lost in the middle of a statement.
extern "C" const char* __lsan_default_suppressions() { return "leak:PQmakeEmptyPGresult\n"; }
#endif

namespace battery_twin::postgres {

PostgresCluster::PostgresCluster(std::vector<std::string> settings)
    : settings_(std::move(settings)), folder_(make_folder()) {
  start_guard();
  try {
    make_files();
  } catch (...) {
    ::close(guard_line_);
    ::waitpid(guard_, nullptr, 0);
    throw;
  }
}

PostgresCluster::~PostgresCluster() {
  try {
    stop(Mode::immediate);
  } catch (const std::exception&) {
    // The guard ends what is left.
  }
  ::close(guard_line_);
  ::waitpid(guard_, nullptr, 0);
}

void PostgresCluster::start_guard() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("no sockets");
  guard_line_ = ends[0];
  guard_ = spawn_in(folder_, {"/bin/sh", "-c", kGuardScript, "guard", folder_.string()}, ends[1]);
  ::close(ends[1]);
}

void PostgresCluster::tell_guard(const std::vector<pid_t>& processes, const std::string& signal) const {
  std::string line = processes.empty() ? "" : signal;
  for (const pid_t pid : processes) line += " " + std::to_string(pid);
  line += '\n';
  if (::send(guard_line_, line.data(), line.size(), MSG_NOSIGNAL) < 0) throw std::runtime_error("the guard is gone");
}

pid_t PostgresCluster::spawn(const std::vector<std::string>& words) const {
  return spawn_in(folder_, unprivileged(words));
}

void PostgresCluster::make_files() {
  std::ofstream(folder_ / "password") << "secret\n";
  const pid_t pid = spawn({newest_programs() / "initdb", "-D", folder_ / "data", "-U", "postgres", "--no-sync",
                           "--no-locale", "-E", "UTF8", "-A", "scram-sha-256", "--pwfile", folder_ / "password"});
  // It has no clean way to end early but leaves on its own soon: the guard waits for all of its group.
  tell_guard({-pid}, "CONT");
  int status = 0;
  ::waitpid(pid, &status, 0);
  tell_guard({});
  if (status != 0) throw std::runtime_error("initdb: " + log());
}

void PostgresCluster::start() {
  if (pid_ > 0) return;
  std::vector<std::string> words{newest_programs() / "postgres", "-D", folder_ / "data", "-c", "fsync=off"};
  for (const std::string& setting : settings_) words.insert(words.end(), {"-c", setting});
  words.insert(words.end(), {"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-p"});
  const bool keeps_port = port_ != 0;
  for (int attempt = 0; pid_ < 0; ++attempt) {
    if (!keeps_port) port_ = free_port();
    auto with_port = words;
    with_port.push_back(std::to_string(port_));
    pid_ = spawn(with_port);
    tell_guard({pid_});
    // The port was free a moment ago; somebody may have been faster.
    if (!wait_for_answer() && (keeps_port || attempt == 5)) {
      throw std::runtime_error("PostgreSQL does not start: " + log());
    }
  }
  if (has_user_) return;
  execute(admin_url("postgres"), "CREATE ROLE twin LOGIN CREATEDB PASSWORD 'secret'");
  has_user_ = true;
}

// False when it ended instead.
bool PostgresCluster::wait_for_answer() {
  std::string problem = "no answer";
  const bool ready = wait_until([&] {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return true;
    }
    try {
      execute(admin_url("postgres") + "?connect_timeout=5", "SELECT 1");
      return true;
    } catch (const std::runtime_error& error) {
      problem = error.what();
      return false;
    }
  });
  if (!ready) throw std::runtime_error("PostgreSQL does not answer: " + problem + log());
  return pid_ > 0;
}

void PostgresCluster::stop(Mode mode) {
  if (pid_ < 0) return;
  thaw();
  ::kill(pid_, mode == Mode::fast ? SIGINT : SIGQUIT);
  wait_for_end("PostgreSQL does not stop: ");
}

void PostgresCluster::kill() {
  if (pid_ < 0) return;
  const std::vector<pid_t> processes = stop_processes();
  for (const pid_t pid : processes) ::kill(pid, SIGKILL);
  frozen_ = false;
  wait_for_end("PostgreSQL cannot be killed: ");
  // As long as one of them is there the next start is refused.
  if (!wait_until([&] { return std::ranges::all_of(processes, is_gone); })) {
    throw std::runtime_error("processes of PostgreSQL cannot be killed");
  }
}

void PostgresCluster::wait_for_end(const char* what) {
  if (!wait_until([&] { return ::waitpid(pid_, nullptr, WNOHANG) == pid_; })) throw std::runtime_error(what + log());
  pid_ = -1;
  tell_guard({});
}

void PostgresCluster::freeze() {
  if (pid_ < 0 || frozen_) return;
  tell_guard(stop_processes());
  frozen_ = true;
}

void PostgresCluster::thaw() {
  if (!frozen_) return;
  for (const pid_t pid : stop_processes()) ::kill(pid, SIGCONT);
  tell_guard({pid_});
  frozen_ = false;
}

// The first one before the others are listed: while it stands still there are no new ones.
std::vector<pid_t> PostgresCluster::stop_processes() const {
  stop_process(pid_);
  std::vector<pid_t> processes{pid_};
  for (const pid_t child : children_of(pid_)) processes.push_back(child);
  for (const pid_t pid : processes) stop_process(pid);
  return processes;
}

std::string PostgresCluster::create_database() {
  std::string name = "twin_" + std::to_string(++databases_);
  execute(url("postgres"), "CREATE DATABASE " + name);
  return name;
}

std::string PostgresCluster::url(const std::string& database) const {
  return "postgresql://twin:secret@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresCluster::admin_url(const std::string& database) const {
  return "postgresql://postgres:secret@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresCluster::log() const {
  std::ifstream file(folder_ / "log");
  return {std::istreambuf_iterator<char>(file), {}};
}

PostgresCluster& shared_cluster() {
  static PostgresCluster cluster;
  cluster.start();
  return cluster;
}

Rows query(const std::string& url, const std::string& sql) {
  try {
    pqxx::connection connection(url);
    pqxx::nontransaction session(connection);
    Rows rows;
    for (const auto& row : session.exec(sql)) {
      auto& fields = rows.emplace_back();
      for (const auto& field : row) {
        fields.push_back(field.is_null() ? std::nullopt : std::optional<std::string>(field.c_str()));
      }
    }
    return rows;
  } catch (const std::exception& problem) {
    // libpqxx has exceptions of other kinds as well.
    throw std::runtime_error(problem.what());
  }
}

void execute(const std::string& url, const std::string& sql) { static_cast<void>(query(url, sql)); }

}  // namespace battery_twin::postgres
