#include "log.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "battery_twin/http/status.hpp"

namespace battery_twin::app {
namespace {

constexpr std::size_t kQueue = 8192;

// "INFO:     " as uvicorn writes it: the level, a colon, blanks up to the tenth column.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  explicit LevelFlag(bool colours) : colours_(colours) {}
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& out) override {
    std::string_view name = "INFO";
    std::string_view colour = "\033[32m";
    switch (message.level) {
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
    const auto put = [&out](std::string_view text) { out.append(text.data(), text.data() + text.size()); };
    if (colours_) put(colour);
    put(name);
    if (colours_) put("\033[0m");
    put(":");
    for (std::size_t column = name.size() + 1; column < 10; ++column) put(" ");
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelFlag>(colours_); }

 private:
  bool colours_;
};

std::shared_ptr<spdlog::logger> make_logger(const std::string& name, const spdlog::sink_ptr& sink, bool colours) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<LevelFlag>('*', colours).set_pattern("%*%v");
  sink->set_formatter(std::move(formatter));
  return std::make_shared<spdlog::async_logger>(name, sink, spdlog::thread_pool(),
                                                spdlog::async_overflow_policy::overrun_oldest);
}

// Request data is text of the outside world: one line stays one line, and no escape sequence reaches a terminal.
std::string escaped(std::string_view text) {
  std::string out;
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
  return out;
}

spdlog::level::level_enum level_from(const std::string& name) {
  if (name == "warning") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return spdlog::level::from_str(name);
}

}  // namespace

Log::Log(const std::string& level, bool access, bool colours) {
  spdlog::init_thread_pool(kQueue, 1);
  main_ = make_logger("main", std::make_shared<spdlog::sinks::stderr_sink_mt>(), colours);
  main_->set_level(level_from(level));
  main_->flush_on(spdlog::level::trace);
  if (access && main_->should_log(spdlog::level::info)) {
    access_ = make_logger("access", std::make_shared<spdlog::sinks::stdout_sink_mt>(), colours);
    access_->flush_on(spdlog::level::trace);
  }
}

Log::~Log() {
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
  std::string text = event.message;
  for (const std::string& warning : event.warnings) text += "; " + warning;
  main_->log(level, "{}", escaped(text));
}

void Log::access(std::string_view peer, std::string_view method, std::string_view target, std::string_view version,
                 int status) {
  if (!access_) return;
  access_->info("{} - \"{} {} HTTP/{}\" {} {}", peer, escaped(method), escaped(target), version, status,
                http::reason_phrase(status));
}

}  // namespace battery_twin::app
