#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "battery_twin/http/tls.hpp"
#include "options.hpp"

namespace battery_twin::app {

/// What is in the files of TLS, as hashes, by the option that names the file. What cannot be read is left out.
using TlsContents = std::map<std::string, std::size_t>;
[[nodiscard]] TlsContents tls_contents(const ServeOptions& options);

/// What the configuration says now.
struct Settings {
  ServeOptions options;
  std::shared_ptr<const http::Tls> tls;
  TlsContents tls_contents;
};

/// Reads the configuration again, on a thread of its own: files may take their time.
class Reloader {
 public:
  /// @param running  what the server was started with
  /// @param watch    read also when one of the files has changed and stays as it is for a moment
  /// @param on_read  told what was read, or in one sentence why it cannot be; on the reloader's thread
  Reloader(const ServeOptions& running, bool watch, std::function<void(std::variant<Settings, std::string>)> on_read);
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  /// Reads now.
  void request();

  [[nodiscard]] bool watches_nothing() const { return files_.empty(); }

 private:
  void work();

  std::vector<std::string> arguments_;
  std::vector<std::string> files_;  // that are watched
  std::chrono::system_clock::time_point known_at_;
  std::function<void(std::variant<Settings, std::string>)> on_read_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool requested_ = false;
  bool stop_ = false;
  std::thread thread_;
};

/// What has changed between two configurations.
struct SettingsChange {
  std::vector<std::string> live;     ///< options that take effect in a running server
  std::vector<std::string> restart;  ///< options that take effect when it is started again
};

[[nodiscard]] SettingsChange compare(const ServeOptions& running, const ServeOptions& read);

/// Options, without dashes, whose change a running server takes.
[[nodiscard]] bool is_live(const std::string& option);

}  // namespace battery_twin::app
