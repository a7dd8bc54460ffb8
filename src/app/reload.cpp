#include "reload.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <set>
#include <string_view>
#include <tuple>

namespace battery_twin::app {
namespace {

constexpr std::chrono::milliseconds kLook{500};

// Other values: another file, or other bytes in it.
using Trace = std::vector<std::tuple<dev_t, ino_t, off_t, time_t, long>>;

Trace look_at(const std::vector<std::string>& files) {
  Trace trace;
  for (const std::string& file : files) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) status = {};
    trace.emplace_back(status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return trace;
}

bool is_newer(const Trace& trace, std::chrono::system_clock::time_point time) {
  return std::ranges::any_of(trace, [&](const auto& file) {
    const auto changed = std::chrono::seconds(std::get<3>(file)) + std::chrono::nanoseconds(std::get<4>(file));
    return changed > time.time_since_epoch();
  });
}

// Some files, and what is known of them.
class Watch {
 public:
  /// @param read_at  before they were read: what has changed since may not have been
  Watch(std::vector<std::string> files, std::chrono::system_clock::time_point read_at)
      : files_(std::move(files)), seen_(look_at(files_)), known_(is_newer(seen_, read_at) ? Trace{} : seen_) {}

  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  /// @return true where there is something new, and has been at the look before: a file that is being written waits
  [[nodiscard]] bool look() {
    Trace now = look_at(files_);
    const bool has_settled = now == seen_ && now != known_;
    seen_ = std::move(now);
    return has_settled;
  }
  /// What was seen last is about to be read.
  void take() { known_ = seen_; }

 private:
  std::vector<std::string> files_;
  Trace seen_;
  Trace known_;
};

std::variant<Settings, std::string> read_settings(const std::vector<std::string>& arguments) {
  try {
    auto options = reread_serve_options(arguments);
    if (auto* complaint = std::get_if<std::string>(&options)) return std::move(*complaint);
    Settings settings{.options = std::move(std::get<ServeOptions>(options)), .tls = nullptr, .tls_contents = {}};
    if (settings.options.tls) settings.tls = http::load_tls(*settings.options.tls);
    settings.tls_contents = tls_contents(settings.options);
    return settings;
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::vector<std::string> files_of(const ServeOptions& options) {
  std::vector<std::string> files{options.config_file, options.cell_file, options.token_file};
  if (options.tls) {
    for (const std::string& file : {options.tls->certificates, options.tls->key, options.tls->authorities})
      files.push_back(file);
  }
  std::erase(files, std::string{});
  return files;
}

bool is_same(process::CellDesign a, process::CellDesign b) {
  for (std::size_t i = 0; i < process::cell_design_fields().size(); ++i) {
    if (process::cell_design_value(a, i) != process::cell_design_value(b, i)) return false;
  }
  return a.name == b.name;
}

}  // namespace

TlsContents tls_contents(const ServeOptions& options) {
  TlsContents contents;
  if (!options.tls) return contents;
  for (const auto& [option, path] :
       std::initializer_list<std::pair<std::string, std::string>>{{"ssl-certfile", options.tls->certificates},
                                                                  {"ssl-keyfile", options.tls->key},
                                                                  {"ssl-ca-certs", options.tls->authorities}}) {
    std::ifstream file(path, std::ios::binary);
    if (path.empty() || !file) continue;
    contents[option] =
        std::hash<std::string>{}({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  }
  return contents;
}

bool is_live(const std::string& option) {
  static constexpr auto kLive = std::to_array<std::string_view>({"cors-origin",
                                                                 "allowed-host",
                                                                 "header",
                                                                 "no-server-header",
                                                                 "no-date-header",
                                                                 "no-proxy-headers",
                                                                 "forwarded-allow-ips",
                                                                 "limit-concurrency",
                                                                 "max-body",
                                                                 "ws-max-size",
                                                                 "timeout-keep-alive",
                                                                 "timeout-graceful-shutdown",
                                                                 "ws-ping-interval",
                                                                 "ws-ping-timeout",
                                                                 "log-level",
                                                                 "no-access-log",
                                                                 "step-interval",
                                                                 "ssl-keyfile",
                                                                 "ssl-certfile",
                                                                 "ssl-keyfile-password",
                                                                 "ssl-ca-certs",
                                                                 "ssl-cert-reqs",
                                                                 "ssl-ciphers",
                                                                 "token",
                                                                 "read-token",
                                                                 "token-file"});
  return std::ranges::find(kLive, option) != kLive.end();
}

SettingsChange compare(const ServeOptions& running, const ServeOptions& read) {
  std::set<std::string> names;
  for (const auto* options : {&running, &read}) {
    for (const auto& [name, values] : options->given) names.insert(name);
  }
  const auto values_in = [](const ServeOptions& options, const std::string& name) {
    const auto found = options.given.find(name);
    return found == options.given.end() ? std::vector<std::string>{} : found->second;
  };
  SettingsChange change;
  const bool tls_stays = running.tls.has_value() == read.tls.has_value();
  for (const std::string& name : names) {
    if (values_in(running, name) == values_in(read, name)) continue;
    const bool live = is_live(name) && (tls_stays || !name.starts_with("ssl-"));
    (live ? change.live : change.restart).push_back(name);
  }
  const auto is_among = [](const std::vector<std::string>& list, const char* name) {
    return std::ranges::find(list, name) != list.end();
  };
  const bool other_tokens = running.server.tokens != read.server.tokens;
  if (other_tokens && std::ranges::none_of(std::array{"token", "read-token", "token-file"},
                                           [&](const char* name) { return is_among(change.live, name); }))
    change.live.emplace_back("token-file");
  if (!is_among(change.restart, "cell") && !is_same(running.plant.design, read.plant.design))
    change.restart.emplace_back("cell");
  return change;
}

bool takes_last_token(const ServeOptions& running, const ServeOptions& read) {
  return !running.server.tokens.empty() && read.server.tokens.empty();
}

Reloader::Reloader(const ServeOptions& running, bool watch,
                   std::function<void(std::variant<Settings, std::string>)> on_read)
    : arguments_(running.arguments),
      is_watching_(watch),
      files_(watch ? files_of(running) : std::vector<std::string>{}),
      known_at_(running.read_at),
      on_read_(std::move(on_read)),
      thread_([this] { work(); }) {}

Reloader::~Reloader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Reloader::request() {
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  changed_.notify_all();
}

void Reloader::work() {
  Watch watch(files_, known_at_);
  const auto is_wanted = [this] { return requested_ || stop_; };
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (watch.files().empty())
      changed_.wait(lock, is_wanted);
    else
      changed_.wait_for(lock, kLook, is_wanted);
    if (stop_) return;
    const bool requested = std::exchange(requested_, false);
    lock.unlock();
    const bool has_settled = watch.look();
    if (requested || has_settled) {
      watch.take();
      auto read = read_settings(arguments_);
      // Which files are of interest stands in one of them.
      if (const auto* settings = std::get_if<Settings>(&read); is_watching_ && settings != nullptr) {
        if (auto files = files_of(settings->options); files != watch.files())
          watch = Watch(std::move(files), settings->options.read_at);
      }
      on_read_(std::move(read));
    }
    lock.lock();
  }
}

}  // namespace battery_twin::app
