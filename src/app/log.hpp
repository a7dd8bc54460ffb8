#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "battery_twin/plant/event.hpp"

namespace spdlog {
class logger;
}

namespace battery_twin::app {

/// The two logs, in uvicorn's format: what happens on stderr, one line per request on stdout. Lines are written by a
/// thread of their own from a bounded queue; when it is full the oldest are dropped, so that a slow terminal or a full
/// disk never holds up the server.
class Log {
 public:
  /// @param level  "critical", "error", "warning", "info", "debug" or "trace"
  Log(const std::string& level, bool access, bool colours);
  /// Writes what is queued.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void info(std::string_view text);
  void warning(std::string_view text);
  void error(std::string_view text);
  void event(const plant::Event& event);
  void access(std::string_view peer, std::string_view method, std::string_view target, std::string_view version,
              int status);
  [[nodiscard]] bool has_access_log() const { return access_ != nullptr; }

 private:
  std::shared_ptr<spdlog::logger> main_;
  std::shared_ptr<spdlog::logger> access_;
};

}  // namespace battery_twin::app
