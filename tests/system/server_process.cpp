#include "server_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace battery_twin::system {
namespace {

constexpr std::string_view kRunning = "battery-twin running on ";
constexpr std::string_view kEndOfRunning = " (Press CTRL+C to quit)";
constexpr std::chrono::milliseconds kPollInterval{5};  // waitpid has no deadline of its own

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
};

std::filesystem::path make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "battery-twin-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return name;
}

std::vector<std::string> server_arguments(const std::vector<std::string>& options,
                                          const std::vector<std::string>& wrapper) {
  std::vector<std::string> arguments = wrapper;
  for (const std::string& word : {binary(), std::string("--port"), std::string("0")}) arguments.push_back(word);
  arguments.insert(arguments.end(), options.begin(), options.end());
  return arguments;
}

}  // namespace

std::string binary() {
  const char* other = std::getenv("BATTERY_TWIN_TEST_BINARY");  // NOLINT(concurrency-mt-unsafe): nobody sets any
  return other != nullptr ? other : BATTERY_TWIN_BINARY;
}

bool is_sanitized() {
  return std::getenv("BATTERY_TWIN_TEST_BINARY") != nullptr;  // NOLINT(concurrency-mt-unsafe)
}

Process::Process(std::vector<std::string> arguments) : folder_(make_folder()) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const Pipe out;
  const Pipe err;
  // Other threads of ours may run: between fork and exec only what is safe in a signal handler.
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(out.ends[1], STDOUT_FILENO);
    ::dup2(err.ends[1], STDERR_FILENO);
    if (::chdir(folder_.c_str()) == 0) ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out.ends[1]);
  ::close(err.ends[1]);
  readers_.emplace_back([this, descriptor = out.ends[0]] { drain(descriptor, out_); });
  readers_.emplace_back([this, descriptor = err.ends[0]] { drain(descriptor, err_); });
}

Process::~Process() {
  if (!exit_code_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (std::thread& reader : readers_) {
    if (reader.joinable()) reader.join();
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Process::drain(int descriptor, std::string& text) {
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const ssize_t size = ::read(descriptor, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (size > 0) text.append(buffer.data(), static_cast<std::size_t>(size));
    if (size <= 0) --open_streams_;
    changed_.notify_all();
    if (size <= 0) break;
  }
  ::close(descriptor);
}

void Process::signal(int number) const {
  if (!exit_code_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!exit_code_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(kPollInterval);
  }
  for (std::thread& reader : readers_) {
    if (reader.joinable()) reader.join();
  }
  return exit_code_;
}

bool Process::wait_for_error_text(std::string_view text, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return err_.find(text) != std::string::npos; };
  changed_.wait_for(lock, patience, [&] { return found() || open_streams_ == 0; });
  return found();
}

std::string Process::out() const {
  const std::lock_guard lock(mutex_);
  return out_;
}

std::string Process::err() const {
  const std::lock_guard lock(mutex_);
  return err_;
}

ServerProcess::ServerProcess(const std::vector<std::string>& options, const std::vector<std::string>& wrapper)
    : Process(server_arguments(options, wrapper)) {
  // The line's end, so that the number before it is whole.
  const bool running = wait_for_error_text(kEndOfRunning);
  const std::string text = err();
  const auto start = text.find(kRunning);
  if (!running || start == std::string::npos) throw std::runtime_error("the server did not start: " + text);
  const std::string where = text.substr(start, text.find(kEndOfRunning, start) - start);
  if (where.find("://127.0.0.1:") == std::string::npos) return;
  port_ = static_cast<std::uint16_t>(std::atoi(where.c_str() + where.rfind(':') + 1));
}

}  // namespace battery_twin::system
