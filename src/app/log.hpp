#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "battery_twin/plant/event.hpp"

namespace spdlog {
class logger;
}

namespace battery_twin::app {

struct LogConfig {
  std::string level = "info";  ///< "critical", "error", "warning", "info", "debug" or "trace"
  bool access = true;
  bool colours = false;
  bool json = false;  ///< one object a line
};

/// The two logs, in uvicorn's format or in JSON: what happens on stderr, one line per request on stdout. uvicorn has
/// those of WebSockets on stderr, in words of their own; in JSON they are like the others. Lines are
/// written by a thread of their own from a bounded queue; when it is full the oldest are dropped, so that a slow
/// terminal or a full disk never holds up the server. `access`, `flush_access` and `change` are for one thread, the
/// others for any.
class Log {
 public:
  explicit Log(const LogConfig& config);
  /// Writes what is queued.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void info(std::string_view text);
  void warning(std::string_view text);
  void error(std::string_view text);
  void event(const plant::Event& event);
  /// Takes the line; it is written with others by `flush_access`, at the latest when there are some 4 kB of them.
  /// @param websocket  the request asked for one
  void access(std::string_view peer, std::string_view method, std::string_view target, std::string_view version,
              int status, bool websocket);
  void flush_access();
  /// Another level, and lines per request or none.
  void change(const std::string& level, bool access);
  [[nodiscard]] bool has_access_log() const { return has_access_; }

 private:
  std::shared_ptr<spdlog::logger> main_;
  std::shared_ptr<spdlog::logger> access_;
  bool json_;
  bool has_access_ = false;
  std::string access_prefix_;
  std::string access_lines_;
};

}  // namespace battery_twin::app
