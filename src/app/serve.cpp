#include "serve.hpp"

#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cmath>
#include <csignal>
#include <functional>
#include <optional>

#include "assets.hpp"
#include "battery_twin/api/api.hpp"
#include "battery_twin/http/io_loop.hpp"
#include "battery_twin/plant/event_queue.hpp"
#include "battery_twin/plant/plant_simulation.hpp"
#include "log.hpp"
#include "reload.hpp"
#include "service_manager.hpp"
#include "version.hpp"

namespace battery_twin::app {
namespace {

namespace asio = boost::asio;

constexpr int kExitForced = 1;
// Some batches' worth: more would be a longer way from the plant to the clients, less would stop it now and then.
constexpr std::size_t kRoomForEvents = 512;
constexpr std::size_t kBatchesAtStart = 200;  // that are read before serving; older ones are read when asked for
constexpr std::size_t kHistory = 10'000;      // events that clients may ask for
constexpr std::chrono::seconds kBlocked{5};   // longer than anything on the I/O thread may take

// Passes on what the plant tells, in parts: between them others have their turn.
class Pump {
 public:
  Pump(asio::io_context& io, api::Api& api) : io_(io), api_(api) {}

  /// From any thread.
  void start() {
    if (is_due_.exchange(true)) return;
    try {
      asio::post(io_, [this] {
        is_due_ = false;
        if (api_.pump_some()) start();
      });
    } catch (const std::exception&) {
      is_due_ = false;  // out of memory: the ticker tries again
    }
  }

 private:
  asio::io_context& io_;
  api::Api& api_;
  std::atomic<bool> is_due_ = false;
};

// Counts WebSocket clients that do not read, and says so once a second at most: there may be many.
class LeftBehind {
 public:
  explicit LeftBehind(Log& log) : log_(log) {}

  void note() { ++clients_; }
  void tell() {
    const auto now = std::chrono::steady_clock::now();
    if (clients_ == 0 || now - told_ < std::chrono::seconds(1)) return;
    log_.warning(std::to_string(clients_) + (clients_ == 1 ? " WebSocket client" : " WebSocket clients") +
                 " that did not read what came " + (clients_ == 1 ? "was" : "were") + " closed with 1013");
    clients_ = 0;
    told_ = now;
  }

 private:
  Log& log_;
  std::size_t clients_ = 0;
  std::chrono::steady_clock::time_point told_{};
};

class Ticker {
 public:
  Ticker(asio::io_context& io, api::Api& api, Pump& pump, LeftBehind& left_behind, Log& log)
      : timer_(io), api_(api), pump_(pump), left_behind_(left_behind), log_(log) {
    wait();
  }
  void stop() { timer_.cancel(); }

 private:
  void wait() {
    timer_.expires_after(api::Api::kTick);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      wait();
      pump_.start();  // also where the last part failed, for want of memory
      api_.tick();
      left_behind_.tell();
      log_.flush_access();
    });
  }

  asio::steady_timer timer_;
  api::Api& api_;
  Pump& pump_;
  LeftBehind& left_behind_;
  Log& log_;
};

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

// As short as it can be: "100", "0.25".
std::string milliseconds_of(plant::Interval interval) {
  return process::to_text(static_cast<double>(interval.count()) / 1000);
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// What there is to say of the files of TLS, which are read each time, by the option that names the file.
std::string about_tls(const TlsContents& before, const TlsContents& now) {
  std::vector<std::string> others;
  for (const auto& [option, content] : now) {
    const auto found = before.find(option);
    if (found == before.end() || found->second != content) others.push_back(option);
  }
  if (others.empty()) return "; certificate and key were read again and are the same";
  return "; certificate and key were read again, with other contents: " + listed(others);
}

// What can change has changed, the rest is as it was.
void take(ServeOptions& running, ServeOptions read, const SettingsChange& change) {
  for (const std::string& name : change.live) {
    if (const auto given = read.given.find(name); given != read.given.end())
      running.given[name] = given->second;
    else
      running.given.erase(name);
  }
  running.server.tokens = std::move(read.server.tokens);
  running.graceful_timeout = read.graceful_timeout;
  running.plant.step_interval = read.plant.step_interval;
}

bool names_no_file(const ServeOptions& options) {
  return options.config_file.empty() && options.cell_file.empty() && options.token_file.empty() && !options.tls;
}

void tell_of_tokens(const ServeOptions& options, const http::Server& server, Log& log) {
  const http::AccessTokens& tokens = options.server.tokens;
  if (!tokens.empty()) {
    log.info("Clients must show an access token: " + std::to_string(tokens.count(api::Access::changing)) +
             " of operators and " + std::to_string(tokens.count(api::Access::reading)) + " read-only ones are known");
    if (!server.is_private() && !options.tls)
      log.warning("The tokens travel as plain text: --ssl-certfile, or a proxy in front that has TLS, hides them");
  } else if (!server.is_private()) {
    log.warning("Everybody who can reach this address can drive the plant: --token-file lets in who has a token only");
  }
}

std::unique_ptr<store::Store> open_store(const ServeOptions& options, const plant::Layout& layout, Log& log) {
  if (options.database.empty()) return nullptr;
  store::SqliteConfig config{.path = options.database, .fresh = options.fresh};
  if (options.retention_days > 0)
    config.retention = std::chrono::hours(std::max(1L, std::lround(options.retention_days * 24)));
  config.on_error = [&log](std::string_view text) { log.error(text); };
  config.on_news = [&log](std::string_view text) { log.info(text); };
  if (options.postgres.empty()) return store::open_sqlite(layout, std::move(config));
  return store::open_postgres(layout,
                              {.url = options.postgres, .spool = std::move(config), .spool_rows = options.spool_rows});
}

// The store as it was left, and the plant as it was when it was last stopped.
struct Restored {
  std::unique_ptr<store::Store> store;  // or null: nothing is kept
  plant::Kept kept;
};

Restored restore(const ServeOptions& options, plant::PlantConfig& plant, plant::EventQueue& events, Log& log) {
  Restored restored{.store = open_store(options, plant::standard_layout(), log), .kept = {}};
  auto& [store, kept] = restored;
  if (!store) return restored;
  kept = store->load(plant.models, std::min(plant.history_limit, kBatchesAtStart), kHistory);
  events.keep(*store, kept.last_seq);
  store->on_kept([&events](std::uint64_t seq) { events.kept(seq); });
  if (kept.step_interval_us && !options.step_interval_given)
    plant.step_interval = plant::Interval(*kept.step_interval_us);
  plant.paused = kept.paused;
  log.info((options.postgres.empty() ? "Database " : "PostgreSQL, by way of ") + options.database + ": " +
           counted(kept.ids.size(), "batch", "batches") + ", of which " +
           counted(kept.open.size(), "goes on", "go on"));
  if (plant.step_interval != options.plant.step_interval)
    log.info("The pacing is as it was when it was last set: " + milliseconds_of(plant.step_interval) +
             " ms per step: PATCH /factory/pacing");
  if (kept.paused) log.warning("The plant is paused, as it was when it was last stopped: PATCH /factory/pacing");
  return restored;
}

http::ServerConfig server_config(const ServeOptions& options, std::shared_ptr<const http::Tls> tls,
                                 LeftBehind& left_behind, Log& log) {
  http::ServerConfig config = options.server;
  config.tls = std::move(tls);
  config.on_error = [&log](std::string_view text) { log.error(text); };
  config.on_left_behind = [&left_behind] { left_behind.note(); };
  if (log.has_access_log()) {
    config.on_access = [&log](auto... parts) { log.access(parts...); };
  }
  return config;
}

// Takes what has changed in the configuration, at SIGHUP and, where that is wanted, by itself.
class Reloading {
 public:
  Reloading(asio::io_context& io, const ServeOptions& options, http::Server& server, plant::PlantSimulation& plant,
            LeftBehind& left_behind, Log& log)
      : io_(io),
        server_(server),
        plant_(plant),
        left_behind_(left_behind),
        log_(log),
        running_(options),
        running_tls_(tls_contents(options)),
        hangup_(io, SIGHUP),
        reloader_(options, options.reload, [this](auto read) { when_read(std::move(read)); }) {
    wait_for_hangup();
  }

  /// What of the configuration holds now.
  [[nodiscard]] const ServeOptions& running() const { return running_; }
  void stop() { hangup_.cancel(); }

 private:
  void wait_for_hangup() {
    hangup_.async_wait([this](boost::system::error_code error, int) {
      if (error) return;
      tell_service_manager_of_reload();
      reloader_.request();
      wait_for_hangup();
    });
  }

  // On the reloader's thread.
  void when_read(std::variant<Settings, std::string> read) {
    asio::post(io_, [this, read = std::move(read)]() mutable {
      if (auto* settings = std::get_if<Settings>(&read))
        change_to(std::move(*settings));
      else
        log_.error("the configuration stays as it was: " + std::get<std::string>(read));
      tell_service_manager("READY=1");
    });
  }

  void change_to(Settings settings) {
    if (takes_last_token(running_, settings.options)) {
      log_.error(
          "the configuration stays as it was: without a token it would let everybody in: restart the server for that");
      return;
    }
    const SettingsChange change = compare(running_, settings.options);
    if (!change.restart.empty()) log_.warning(listed(change.restart) + ": needs a restart");
    log_.change(settings.options.log_level, settings.options.access_log);
    server_.configure(server_config(settings.options, settings.tls, left_behind_, log_));
    if (settings.options.plant.step_interval != running_.plant.step_interval)
      plant_.set_pacing({settings.options.plant.step_interval, plant_.pacing().paused});
    log_.info("The configuration was read again: " +
              (change.live.empty() ? "no option that can change now has" : listed(change.live)) +
              (settings.tls && running_.tls ? about_tls(running_tls_, settings.tls_contents) : ""));
    running_tls_ = std::move(settings.tls_contents);
    if (settings.options.server.tokens != running_.server.tokens) tell_of_tokens(settings.options, server_, log_);
    take(running_, std::move(settings.options), change);
  }

  asio::io_context& io_;
  http::Server& server_;
  plant::PlantSimulation& plant_;
  LeftBehind& left_behind_;
  Log& log_;
  ServeOptions running_;
  TlsContents running_tls_;
  asio::signal_set hangup_;
  Reloader reloader_;  // the last: its thread may use all of these at once
};

void tell_where(const ServeOptions& options, const http::Server& server, bool has_dashboard, Log& log) {
  if (!has_dashboard) {
    log.info("Without dashboard and Swagger UI: the server was built with -DBATTERY_TWIN_DASHBOARD=OFF");
  } else if (const std::string url = server.browser_url(); !url.empty()) {
    const std::string root = url + options.root_path;
    log.info("Dashboard: " + root + "/, API documentation: " + root + "/docs");
  }
  log.info("battery-twin running on " + server.url() + " (Press CTRL+C to quit)");
}

// Handlers that are left over hold sessions.
void run_what_is_left(asio::io_context& io, Log& log) {
  io.restart();
  for (bool done = false; !done;) {
    try {
      io.poll();
      done = true;
    } catch (const std::exception& error) {  // it ends that handler; others may still hold sessions
      log.error(std::string("a handler failed: ") + error.what());
    } catch (...) {
      log.error("a handler failed: unknown exception");
    }
  }
}

}  // namespace

int serve(const ServeOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c)
  std::signal(SIGXFSZ, SIG_IGN);  // NOLINT(cert-err33-c): a file that may not grow is an error like a full disk
  http::raise_descriptor_limit();
  // It takes variables away, so it comes before there are other threads, some of which read them.
  const bool may_be_passed = options.server.fd < 0 && options.server.uds.empty();
  const std::optional<int> passed_socket = may_be_passed ? socket_of_service_manager() : std::nullopt;
  Log log(
      {.level = options.log_level, .access = options.access_log, .colours = options.colours, .json = options.log_json});
  const std::string pid = std::to_string(::getpid());
  log.info("Started server process [" + pid + "]");
  for (const std::string& note : options.notes) log.info(note);
  for (const std::string& warning : options.warnings) log.warning(warning);
  log.info("Models: " + std::string(to_string(options.plant.models)) + ", cell " + options.plant.design.name +
           ", noise " + (options.plant.noise ? "on" : "off") + ", seed " + std::to_string(options.plant.seed));

  api::Assets assets;
  try {
    assets = options.ui_dir.empty() ? embedded_assets() : assets_in(options.ui_dir);
  } catch (const std::exception& error) {
    log.error(error.what());
    return kExitStart;
  }
  const bool has_dashboard = assets.find != nullptr;

  // Sockets and timers belong to the thread that runs it; others only post.
  asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO);
  plant::EventQueue events(kRoomForEvents);
  plant::PlantConfig plant_config = options.plant;
  Restored restored;
  try {
    restored = restore(options, plant_config, events, log);
  } catch (const std::exception& error) {
    log.error(error.what());
    return kExitStart;
  }
  store::Store* const store = restored.store.get();
  std::vector<plant::Event> history = std::move(restored.kept.events);
  plant::PlantSimulation plant(plant::standard_layout(), plant_config, events, store, std::move(restored.kept));
  const auto api = api::make_api(
      plant, events,
      {.version = version(),
       .limits = {.models = options.plant.models, .design = options.plant.design, .max_steps = options.max_steps},
       .replay_capacity = kHistory,
       .on_event = [&log](const plant::Event& event) { log.event(event); },
       .store = store,
       .history = std::move(history),
       .assets = std::move(assets),
       .compat = options.compat,
       .root_path = options.root_path});
  Pump pump(io, *api);
  events.notify([&pump] { pump.start(); });

  LeftBehind left_behind(log);
  std::unique_ptr<http::Server> server;
  try {
    http::ServerConfig config =
        server_config(options, options.tls ? http::load_tls(*options.tls) : nullptr, left_behind, log);
    config.fd = passed_socket.value_or(config.fd);
    server = http::make_server(io, *api, std::move(config));
  } catch (const std::exception& error) {
    log.error(error.what());
    return kExitStart;
  }
  Ticker ticker(io, *api, pump, left_behind, log);
  Reloading reloading(io, options, *server, plant, left_behind, log);

  bool forced = false;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    log.info("Shutting down");
    tell_service_manager("STOPPING=1");
    reloading.stop();
    api->set_draining();
    plant.stop_accepting();
    server->drain(reloading.running().graceful_timeout, [&] {
      ticker.stop();
      signals.cancel();
      io.stop();
    });
    signals.async_wait([&](boost::system::error_code cancelled, int) {
      if (cancelled) return;
      log.warning("Forced to quit, open requests are cut off");
      forced = true;
      io.stop();
    });
  });

  tell_of_tokens(options, *server, log);
  if (options.reload && names_no_file(options))
    log.warning("--reload has no file to watch: there is no --config, --cell, --token-file or --ssl-certfile");
  log.info("Application startup complete.");
  tell_where(options, *server, has_dashboard, log);
  tell_service_manager("READY=1");
  {
    const auto on_error = [&log](std::string_view text) { log.error(text); };
    const http::Watchdog watchdog(io, kBlocked, on_error);
    http::run_loop(io, on_error);
  }

  // Sessions hold on to server and api: they must be gone before those.
  server->cut();
  run_what_is_left(io, log);
  events.notify({});
  const std::size_t open = plant.stop();
  if (store) {
    store->close();
    if (open > 0) log.info(counted(open, "batch goes", "batches go") + " on at the next start");
  } else if (open > 0) {
    log.warning(counted(open, "batch that was queued or running is", "batches that were queued or running are") +
                " lost: there is no database");
  }
  api->pump();
  server.reset();
  log.info("Finished server process [" + pid + "]");
  return forced ? kExitForced : 0;
}

}  // namespace battery_twin::app
