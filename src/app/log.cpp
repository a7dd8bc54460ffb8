#include "log.hpp"

#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>

#include "battery_twin/api/json.hpp"
#include "battery_twin/http/status.hpp"

namespace battery_twin::app {
namespace {

// Messages. One of the access log is at most 4 kB of lines and one line more, of 9 kB when every byte of its target has
// to be escaped: 13 kB, 105 MB for a queue that is full of them.
constexpr std::size_t kQueue = 8192;
constexpr std::size_t kAccessAtOnce = 4000;  // bytes: what a pipe takes in one write
constexpr std::size_t kMostOfTarget = 2048;  // bytes that are shown of it, before they are escaped
constexpr std::size_t kMostOfMethod = 64;
constexpr int kSwitchingProtocols = 101;
constexpr std::chrono::seconds kLastLines{1};  // for what is queued at the end

using Clock = std::chrono::steady_clock;

// "INFO:     " as uvicorn writes it: the level, a colon, blanks up to the tenth column.
std::string prefix_of(spdlog::level::level_enum level, bool colours) {
  std::string_view name = "INFO";
  std::string_view colour = "\033[32m";
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      name = "DEBUG";
      colour = "\033[36m";
      break;
    case spdlog::level::warn:
      name = "WARNING";
      colour = "\033[33m";
      break;
    case spdlog::level::err:
    case spdlog::level::critical:
      name = "ERROR";
      colour = "\033[31m";
      break;
    default:
      break;
  }
  std::string prefix(name);
  if (colours) prefix = std::string(colour) + prefix + "\033[0m";
  return prefix + ":" + std::string(9 - name.size(), ' ');
}

class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  explicit LevelFlag(bool colours) : colours_(colours) {}
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& out) override {
    const std::string prefix = prefix_of(message.level, colours_);
    out.append(prefix.data(), prefix.data() + prefix.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelFlag>(colours_); }

 private:
  bool colours_;
};

// "2026-01-31T12:00:00.123Z"
std::string time_text(std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  size += static_cast<std::size_t>(
      std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(milliseconds % 1000)));
  return {text.data(), size};
}

std::string_view json_level(spdlog::level::level_enum level) {
  if (level == spdlog::level::warn) return "warning";
  if (level == spdlog::level::err) return "error";
  const auto name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

// The message as one JSON object.
class JsonFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& out) override {
    const std::string text(message.payload.data(), message.payload.size());
    const std::string line = "{\"timestamp\":\"" + time_text(message.time) + "\",\"level\":\"" +
                             std::string(json_level(message.level)) + "\",\"message\":" + api::dump(api::Json(text)) +
                             "}";
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonFlag>(); }
};

std::unique_ptr<spdlog::pattern_formatter> main_formatter(const LogConfig& config) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (config.json)
    formatter->add_flag<JsonFlag>('*').set_pattern("%*");
  else
    formatter->add_flag<LevelFlag>('*', config.colours).set_pattern("%*%v");
  return formatter;
}

// Writes to a descriptor. Where it blocks, as a pipe that nobody reads does, the thread of the log waits, until the
// server ends: that must not wait for ever.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DescriptorSink(int descriptor) : descriptor_(descriptor) {}

  /// From then on what cannot be written at once is dropped.
  static void give_up_at(Clock::time_point time) { give_up_at_ = time; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    for (std::string_view rest(text.data(), text.size()); !rest.empty();) {
      if (!wait()) return;
      // A pipe that is ready takes this much without blocking.
      const ssize_t size = ::write(descriptor_, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
      if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (size < 0) return;  // a full disk, a reader that has gone: nobody can be told
      rest.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  void flush_() override {}

 private:
  bool wait() const {
    for (;;) {
      constexpr int kLookAgain = 100;  // ms
      const bool late = Clock::now() >= give_up_at_.load();
      pollfd entry{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      if (::poll(&entry, 1, late ? 0 : kLookAgain) > 0) return true;
      if (late) return false;
    }
  }

  static inline std::atomic<Clock::time_point> give_up_at_{Clock::time_point::max()};
  int descriptor_;
};

std::shared_ptr<spdlog::logger> make_logger(const std::string& name, int descriptor,
                                            std::unique_ptr<spdlog::pattern_formatter> formatter) {
  const auto sink = std::make_shared<DescriptorSink>(descriptor);
  sink->set_formatter(std::move(formatter));
  return std::make_shared<spdlog::async_logger>(name, sink, spdlog::thread_pool(),
                                                spdlog::async_overflow_policy::overrun_oldest);
}

// Request data is text of the outside world: one line stays one line, and no escape sequence reaches a terminal.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\') {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

void append_cut(std::string& out, std::string_view text, std::size_t most) {
  append_escaped(out, text.substr(0, most));
  if (text.size() > most) out += "...";
}

// The same inside a JSON string. A byte that is no ASCII stands for the character of that number.
void append_json_cut(std::string& out, std::string_view text, std::size_t most) {
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7F) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  if (text.size() > most) out += "...";
}

spdlog::level::level_enum level_from(const std::string& name) {
  if (name == "warning") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return spdlog::level::from_str(name);
}

}  // namespace

Log::Log(const LogConfig& config) : json_(config.json) {
  spdlog::init_thread_pool(kQueue, 1);
  main_ = make_logger("main", STDERR_FILENO, main_formatter(config));
  access_prefix_ = prefix_of(spdlog::level::info, config.colours);
  access_ =
      make_logger("access", STDOUT_FILENO,
                  std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::local, std::string()));
  change(config.level, config.access);
}

void Log::change(const std::string& level, bool access) {
  main_->set_level(level_from(level));
  has_access_ = access && main_->should_log(spdlog::level::info);
}

Log::~Log() {
  flush_access();
  DescriptorSink::give_up_at(Clock::now() + kLastLines);
  if (const std::size_t dropped = spdlog::thread_pool()->overrun_counter(); dropped > 0)
    main_->warn("{} messages of the log were dropped: they were written faster than they were taken", dropped);
  main_.reset();
  access_.reset();
  spdlog::shutdown();
}

void Log::info(std::string_view text) { main_->info("{}", text); }
void Log::warning(std::string_view text) { main_->warn("{}", text); }
void Log::error(std::string_view text) { main_->error("{}", text); }

void Log::event(const plant::Event& event) {
  spdlog::level::level_enum level = spdlog::level::debug;
  switch (event.level()) {
    case plant::Level::debug:
      break;
    case plant::Level::info:
      level = spdlog::level::info;
      break;
    case plant::Level::warning:
      level = spdlog::level::warn;
      break;
    case plant::Level::error:
      level = spdlog::level::err;
      break;
  }
  if (!main_->should_log(level)) return;
  std::string text;
  const auto append = [&](const std::string& part) {
    if (json_)
      text += part;  // is escaped as a whole
    else
      append_escaped(text, part);
  };
  append(event.message);
  for (const std::string& warning : event.warnings) append("; " + warning);
  main_->log(level, "{}", text);
}

void Log::access(std::string_view peer, std::string_view method, std::string_view target, std::string_view version,
                 int status, bool websocket) {
  if (!has_access_) return;
  if (websocket && !json_) {
    std::string line(peer);
    line.append(" - \"WebSocket ");
    append_cut(line, target, kMostOfTarget);
    line.append("\" ").append(status == kSwitchingProtocols ? "[accepted]" : std::to_string(status));
    main_->info("{}", line);
    return;
  }
  std::string& lines = access_lines_;
  if (json_) {
    lines.append("{\"timestamp\":\"").append(time_text(std::chrono::system_clock::now()));
    lines.append("\",\"level\":\"info\",\"peer\":\"").append(peer).append("\",\"method\":\"");
    append_json_cut(lines, method, kMostOfMethod);
    lines.append("\",\"target\":\"");
    append_json_cut(lines, target, kMostOfTarget);
    lines.append("\",\"version\":\"").append(version).append("\",\"status\":");
    lines.append(std::to_string(status)).append("}\n");
  } else {
    lines.append(access_prefix_).append(peer).append(" - \"");
    append_cut(lines, method, kMostOfMethod);
    lines += ' ';
    append_cut(lines, target, kMostOfTarget);
    lines.append(" HTTP/").append(version).append("\" ").append(std::to_string(status)).append(" ");
    lines.append(http::reason_phrase(status)).append("\n");
  }
  if (lines.size() > kAccessAtOnce) flush_access();
}

void Log::flush_access() {
  if (access_lines_.empty()) return;
  access_->info("{}", access_lines_);
  access_lines_.clear();
}

}  // namespace battery_twin::app
