#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace battery_twin::system {

using std::chrono::seconds;

/// How long anything may take before a test gives up. Generous: it only ever passes when something is broken.
inline constexpr seconds kPatience{60};

/// The program under test: the one built with these tests, or another build that BATTERY_TWIN_TEST_BINARY names, one
/// with sanitizers.
[[nodiscard]] std::string binary();
/// The latter.
[[nodiscard]] bool is_sanitized();

/// A program in its own, empty working directory, whose output is read all the time, so that it never waits for us.
/// It dies with the object, and with the test.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  /// Exit code, or 128 and the signal that ended it; nothing when it still runs after `patience`.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds patience = kPatience);
  /// Waits until stderr holds the text. False when the program ends, or the time is over, before it does.
  [[nodiscard]] bool wait_for_error_text(std::string_view text, std::chrono::milliseconds patience = kPatience);

  /// What it has written so far; everything, once `wait` has given an exit code.
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  void drain(int descriptor, std::string& text);

  std::filesystem::path folder_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_;
  std::string err_;
  int open_streams_ = 2;
  std::vector<std::thread> readers_;
};

/// The server on a free port of 127.0.0.1, unless the options say otherwise.
class ServerProcess : public Process {
 public:
  /// Returns once it listens.
  /// @param wrapper  words in front of the command line, e.g. a shell that sets limits and then becomes the server
  /// @throws std::runtime_error  when it does not, with what it said
  explicit ServerProcess(const std::vector<std::string>& options = {}, const std::vector<std::string>& wrapper = {});

  /// 0 where it does not listen on 127.0.0.1.
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// "http://127.0.0.1:" and the port.
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  std::uint16_t port_ = 0;
};

}  // namespace battery_twin::system
