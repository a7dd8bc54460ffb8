#include "options.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <thread>
#include <type_traits>

#include "battery_twin/process/random.hpp"
#include "cell_file.hpp"
#include "config_file.hpp"
#include "environment.hpp"
#include "option_reader.hpp"
#include "token_file.hpp"
#include "version.hpp"

namespace battery_twin::app {
namespace {

unsigned cores() { return std::max(1u, std::thread::hardware_concurrency()); }

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) & process::kMaxSeed;
}

// CLI::Range lets NaN pass, and prints many zeros.
template <class Number>
CLI::Validator between(Number low, Number high) {
  std::ostringstream range;
  range << std::setprecision(12) << low << " to " << high;
  const std::string kind = std::is_integral_v<Number> ? "whole number from " : "number from ";
  const auto complaint = [low, high, text = kind + range.str()](const std::string& word) {
    Number value{};
    const bool is_inside = CLI::detail::lexical_cast(word, value) && value >= low && value <= high;
    return is_inside ? std::string{} : "should be a " + text;
  };
  return {complaint, range.str()};
}

// An empty path or address is a variable of a script that was to be filled in: it is not to mean everywhere, or no TLS.
CLI::Validator not_empty() {
  return {[](const std::string& text) { return text.empty() ? "should not be empty" : std::string{}; }, ""};
}

Exit say(const Complaint& complaint) {
  (complaint.code == 0 ? std::cout : std::cerr) << complaint.text;
  return Exit{complaint.code};
}

void add_simulation_options(CLI::App& app, std::string& models, std::string& cell, std::string& noise,
                            std::uint64_t& seed) {
  app.add_option("--models", models, "Equations of the machines; reference: those of the Python server")
      ->check(CLI::IsMember({"mechanistic", "reference"}));
  app.add_option("--cell", cell,
                 "What mechanistic builds: pouch_5Ah, 18650_2p6Ah or a JSON file like config/cells/*.json");
  app.add_option("--noise", noise, "Random variation of process and measurement")->check(CLI::IsMember({"on", "off"}));
  app.add_option("--seed", seed, "Seed that every batch's seed is derived from")
      ->default_str("random, logged")
      ->check(between(std::uint64_t{0}, process::kMaxSeed));
}

// One that may be repeated. It takes one word each time: the next may be the application.
template <class Value>
CLI::Option* add_list(CLI::App& app, const char* name, Value& value, const char* text) {
  return app.add_option(name, value, text)->allow_extra_args(false);
}

// Options of uvicorn that have no meaning here, so that a command line from there works as it is.
void add_foreign_options(CLI::App& app, std::vector<std::string>& notes) {
  const auto note = [&notes](const std::string& name) {
    notes.push_back(name + " has no meaning here and is ignored");
  };
  for (const std::string name :
       {"--loop", "--http", "--ws", "--ws-max-queue", "--lifespan", "--interface", "--app-dir", "--limit-max-requests",
        "--limit-max-requests-jitter", "--reload-dir", "--reload-include", "--reload-exclude", "--reload-delay",
        "--log-config", "--ssl-version", "--h11-max-incomplete-event-size", "--timeout-worker-healthcheck"}) {
    app.add_option_function<std::vector<std::string>>(
           name, [note, name](const std::vector<std::string>&) { note(name); }, "Accepted and ignored")
        ->allow_extra_args(false)
        ->group("uvicorn only");
  }
  for (const std::string name : {"--factory", "--reset-contextvars"}) {
    app.add_flag_callback(
           name, [note, name] { note(name); }, "Accepted and ignored")
        ->group("uvicorn only");
  }
  app.add_option_function<bool>(
         "--ws-per-message-deflate",
         [&notes](bool wanted) {
           if (wanted) notes.emplace_back("--ws-per-message-deflate is ignored: messages are never compressed");
         },
         "Accepted; messages are never compressed")
      ->group("uvicorn only");
}

std::pair<std::string, std::string> header_from(const std::string& text) {
  const auto colon = text.find(':');
  const auto is_token = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; };
  const auto is_control = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7F; };
  const std::string name = text.substr(0, colon);
  if (colon == std::string::npos || name.empty() || !std::ranges::all_of(name, is_token) ||
      std::ranges::any_of(text, is_control))
    throw CLI::ValidationError("--header", "should be NAME:VALUE");
  const auto start = text.find_first_not_of(' ', colon + 1);
  return {name, start == std::string::npos ? std::string{} : text.substr(start)};
}

// What is wrong with it, or nothing. It comes to stand in Location and in documents as it is.
std::string complaint_about_root_path(const std::string& path) {
  const auto is_sane = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("/-._~").find(c) != std::string::npos;
  };
  const bool is_path = path.starts_with('/') && !path.ends_with('/') && std::ranges::all_of(path, is_sane) &&
                       path.find("//") == std::string::npos && (path + "/").find("/./") == std::string::npos &&
                       (path + "/").find("/../") == std::string::npos;
  return path.empty() || is_path ? std::string{}
                                 : "should be like /twin: a slash first and none at the end, letters, digits, - . _ ~";
}

// TLS is what is wanted when one of its files is named, or clients are to be verified: without a certificate of ours
// that is refused later, and not taken for plain text.
std::optional<http::TlsConfig> tls_from(http::TlsConfig tls, int clients) {
  if (tls.certificates.empty() && tls.key.empty() && tls.authorities.empty() && clients == 0) return std::nullopt;
  using Clients = http::TlsConfig::Clients;
  tls.clients = clients == 0 ? Clients::any : clients == 1 ? Clients::verified_if_given : Clients::verified;
  return tls;
}

// A token's variable that is there and says nothing is one that was to be filled in: no server is to be open for that.
std::optional<std::string> empty_token_variable() {
  for (const char* name : {"BATTERY_TWIN_TOKEN", "BATTERY_TWIN_READ_TOKEN", "BATTERY_TWIN_TOKEN_FILE"}) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): --env-file sets some, before there are threads
    const char* value = std::getenv(name);
    if (value != nullptr && std::string_view(value).find_first_not_of(" \t\n") == std::string_view::npos) return name;
  }
  return std::nullopt;
}

// No message has the token in it.
std::optional<Complaint> add_tokens(const OptionReader& reader, http::AccessTokens& tokens, const std::string& option,
                                    const std::vector<std::string>& given, api::Access access) {
  for (const std::string& token : given) {
    if (const std::string wrong = tokens.add(token, access); !wrong.empty())
      return reader.complaint(kExitUsage, option + ": " + wrong);
  }
  return std::nullopt;
}

std::map<std::string, std::vector<std::string>> given_to(const CLI::App& app) {
  std::map<std::string, std::vector<std::string>> given;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0 && !option->get_lnames().empty()) given[option->get_lnames().front()] = option->results();
  }
  return given;
}

// Whether the process serves already: then nothing may be waited for, as for somebody who writes into a pipe.
enum class Reading { first, again };

std::string complaint_about_pipe(const std::string& path) {
  struct stat status {};
  const bool is_other = ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  return is_other ? path + " is no regular file, it cannot be read again" : std::string{};
}

std::variant<ServeOptions, Complaint> read_options(std::vector<std::string> arguments, Reading reading) {
  ServeOptions options;
  options.arguments = arguments;
  options.read_at = std::chrono::system_clock::now();
  CLI::App app("Serves the battery plant over HTTP and WebSocket.", "battery-twin [serve]");
  app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.footer("battery-twin simulate --help: many batches without a server.");
  CLI::Option* const config =
      app.set_config("--config", "", "TOML file with these options by name; the command line and the environment win");
  config->check(not_empty());
  if (reading == Reading::again) config->check(complaint_about_pipe);
  app.allow_config_extras(CLI::config_extras_mode::error);
  const auto file = std::make_shared<ConfigFile>();
  app.config_formatter(file);

  std::string application;
  app.add_option("APP", application, "Accepted and ignored, as in uvicorn module:app")
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw)
      ->check([&words = options.arguments](const std::string& text) {
        if (text.find(':') != std::string::npos) return std::string{};
        // Behind other words it may be a second token.
        const bool is_first = !words.empty() && words.front() == text;
        return is_first ? text + " is no command: there are serve and simulate"
                        : std::string("the word that belongs to no option should be like module:app");
      })
      ->group("uvicorn only");

  http::ServerConfig& server = options.server;
  app.add_option("--host", server.host, "Address to listen on")->check(not_empty());
  app.add_option("--port", server.port, "Port to listen on; 0: any free one, which is printed")
      ->check(between(0, 65535));
  app.add_option("--uds", server.uds, "Path of a Unix socket to listen on instead")->check(not_empty());
  app.add_option("--fd", server.fd, "Number of an inherited socket to listen on instead")
      ->default_str("")
      ->check(between(0, std::numeric_limits<int>::max()));
  app.add_option("--backlog", server.backlog, "Connections that may wait to be accepted")->check(between(1, 65535));
  app.add_option("--limit-concurrency", server.limit_concurrency, "Connections at once, beyond it 503; 0: no limit");
  add_list(app, "--cors-origin", server.cors_origins, "Origin that browsers may come from; may be repeated");
  add_list(app, "--allowed-host", server.allowed_hosts, "Host name that is served; may be repeated");
  std::vector<std::string> tokens;
  std::vector<std::string> read_tokens;
  add_list(app, "--token", tokens,
           "Access token that clients must show, with which they may do everything; may be repeated");
  add_list(app, "--read-token", read_tokens, "One with which they may read and listen only; may be repeated");
  app.add_option("--token-file", options.token_file,
                 "File of access tokens: lines with \"operator TOKEN\" or \"read TOKEN\"")
      ->check(not_empty());
  app.add_option("--root-path", options.root_path, "Path below which a proxy serves this server, e.g. /twin")
      ->check(CLI::Validator(complaint_about_root_path, "PATH"));
  bool no_proxy_headers = false;
  app.add_flag("--no-proxy-headers,!--proxy-headers", no_proxy_headers,
               "X-Forwarded-For and X-Forwarded-Proto count from nobody");
  std::string proxies = "127.0.0.1";
  app.add_option("--forwarded-allow-ips", proxies,
                 "Proxies whose X-Forwarded-For and X-Forwarded-Proto count: addresses and networks with commas "
                 "between, unix: for those by a Unix socket, * for everybody");
  app.add_option("--ui-dir", options.ui_dir,
                 "Folder with the dashboard's files, read at every request, instead of those in the program");
  bool no_compat = false;
  app.add_flag("--no-compat,!--compat", no_compat, "Without /api/* and the other routes of the Python front end");
  std::vector<std::string> headers;
  add_list(app, "--header", headers, "NAME:VALUE on every answer; may be repeated");
  bool no_server_header = false;
  bool no_date_header = false;
  app.add_flag("--no-server-header,!--server-header", no_server_header, "No Server field");
  app.add_flag("--no-date-header,!--date-header", no_date_header, "No Date field");
  app.add_option("--max-body", server.max_body, "Largest body, bytes")->check(between(1, 1 << 30));
  app.add_option("--ws-max-size", server.ws_max_message, "Largest WebSocket message of a client, bytes")
      ->check(between(1, 1 << 30));

  http::TlsConfig tls;
  app.add_option("--ssl-certfile", tls.certificates, "PEM file with the certificate: TLS instead of plain text")
      ->check(not_empty());
  app.add_option("--ssl-keyfile", tls.key, "PEM file with its key, where that stands in a file of its own")
      ->check(not_empty());
  app.add_option("--ssl-keyfile-password", tls.password, "Password of the key");
  app.add_option("--ssl-ca-certs", tls.authorities, "PEM file with the authorities that clients' certificates are of")
      ->check(not_empty());
  int client_certificates = 0;
  app.add_option("--ssl-cert-reqs", client_certificates,
                 "Certificates of clients: 0 none, 1 verified where there is one, 2 wanted from everybody")
      ->check(between(0, 2));
  app.add_option("--ssl-ciphers", tls.ciphers, "Ciphers of TLS 1.2, in OpenSSL's words");

  double keep_alive = 5;
  double graceful = 8;  // and all of the end within 10
  double ping_interval = 20;
  double ping_timeout = 20;
  const auto seconds = [&app](const char* name, double& value, const char* text) {
    app.add_option(name, value, text)->check(between(0.001, 86'400.0));
  };
  seconds("--timeout-keep-alive", keep_alive, "Seconds an idle connection is kept");
  seconds("--timeout-graceful-shutdown", graceful, "Seconds requests may take to finish at shutdown");
  seconds("--ws-ping-interval", ping_interval, "Seconds after which a silent WebSocket client is pinged");
  seconds("--ws-ping-timeout", ping_timeout, "Seconds after which a client that does not answer the ping is dropped");

  app.add_option("--log-level", options.log_level, "Least level that is logged")
      ->check(CLI::IsMember({"critical", "error", "warning", "info", "debug", "trace"}));
  std::string log_format = "text";
  app.add_option("--log-format", log_format, "json: one object a line")->check(CLI::IsMember({"text", "json"}));
  bool no_access_log = false;
  app.add_flag("--no-access-log,!--access-log", no_access_log, "No line per request on stdout");
  options.colours = ::isatty(STDERR_FILENO) == 1;
  bool no_colours = !options.colours;
  app.add_flag("--no-use-colors,!--use-colors", no_colours, "No colours in the log");

  std::string models = "mechanistic";
  std::string noise = "on";
  std::uint64_t seed = random_seed();
  std::string cell = process::cell_designs().front().name;
  add_simulation_options(app, models, cell, noise, seed);
  double step_interval = 100;
  app.add_option("--step-interval", step_interval, "Milliseconds per step; 0: as fast as possible")
      ->check(between(0.0, 60'000.0));
  app.add_option("--queue-limit", options.plant.queue_limit, "Batches that may wait")->check(between(1, 1'000'000));
  app.add_option("--history-limit", options.plant.history_limit,
                 "Finished batches that are held in memory; older ones are read from the database")
      ->check(between(1, 10'000'000));
  app.add_option("--max-steps", options.max_steps, "Longest run of a machine that is accepted, steps")
      ->check(between(1, 1'000'000'000));
  options.plant.threads = cores();
  app.add_option("--threads", options.plant.threads, "Threads of the simulation")->check(between(1u, 1024u));
  std::string database = "sqlite:battery-twin.db";
  app.add_option("--db", database,
                 "Where batches and results are kept: sqlite:PATH, postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE "
                 "(POSTGRES_USER, _PASSWORD, _HOST, _PORT and _DB fill in what it leaves out) or none");
  std::string spool = "battery-twin.db";
  app.add_option("--spool", spool, "With PostgreSQL: the file that keeps what has not arrived there yet");
  app.add_option("--spool-rows", options.spool_rows, "Rows of telemetry that may wait there before the plant does")
      ->check(between(std::size_t{1}, std::size_t{10'000'000'000}));
  app.add_flag("--fresh", options.fresh, "Delete what the database holds, and start empty");
  app.add_option("--retention-days", options.retention_days,
                 "Days after which telemetry of a finished batch is deleted; 0: never")
      ->check(between(0.0, 36'500.0));
  app.add_flag("--reload", options.reload, "Read configuration, cell file and certificates again when they change");
  app.add_option(
         "--env-file", options.environment_file,
         "File of NAME=value lines, which join the environment: POSTGRES_*, FORWARDED_ALLOW_IPS, WEB_CONCURRENCY")
      ->check(not_empty());
  unsigned workers = 1;
  app.add_option("--workers", workers, "Accepted; the plant is one state, so there is one process")
      ->group("uvicorn only");
  add_foreign_options(app, options.notes);

  OptionReader reader(app, std::move(arguments), file);
  if (auto wrong = reader.parse()) return std::move(*wrong);
  if (reading == Reading::first && !options.environment_file.empty()) {
    if (auto wrong = reader.join(options.environment_file, options.warnings)) return std::move(*wrong);
  }
  auto unknown = about_unknown_variables(
      app, {"batches", "parameters", "cells", "vary", "per-cell", "stepping", "output", "trace"});  // those of simulate
  std::ranges::move(unknown, std::back_inserter(options.warnings));
  try {
    for (const std::string& header : headers) server.extra_headers.push_back(header_from(header));
  } catch (const CLI::Error& error) {
    return reader.complaint(kExitUsage, error.what());
  }
  const auto trusted = http::TrustedProxies::from(no_proxy_headers ? std::string{} : proxies);
  if (!trusted)
    return reader.complaint(kExitUsage,
                            "--forwarded-allow-ips: should be addresses and networks, unix: or *, with commas");
  server.trusted_proxies = *trusted;
  if (const auto name = empty_token_variable())
    return complaint(kExitUsage, *name + " is empty: without a token everybody could drive the plant");
  if (auto wrong = add_tokens(reader, server.tokens, "--token", tokens, api::Access::changing))
    return std::move(*wrong);
  if (auto wrong = add_tokens(reader, server.tokens, "--read-token", read_tokens, api::Access::reading))
    return std::move(*wrong);
  if (reading == Reading::again) {
    if (const auto wrong = complaint_about_pipe(options.token_file); !wrong.empty())
      return reader.complaint(kExitStart, "--token-file: " + wrong);
  }
  try {
    if (app.count("--token-file") > 0 && add_token_file(options.token_file, server.tokens))
      options.warnings.push_back("--token-file: everybody on this machine may read " + options.token_file);
  } catch (const std::runtime_error& error) {
    return reader.complaint(kExitStart, std::string("--token-file: ") + error.what());
  }
  options.tls = tls_from(std::move(tls), client_certificates);
  options.log_json = log_format == "json";
  options.given = given_to(app);
  if (app.get_config_ptr()->count() > 0) options.config_file = app.get_config_ptr()->as<std::string>();
  const auto milliseconds = [](double value) { return std::chrono::milliseconds(static_cast<long>(value * 1000)); };
  server.keep_alive_timeout = milliseconds(keep_alive);
  server.ws_ping_interval = milliseconds(ping_interval);
  server.ws_ping_timeout = milliseconds(ping_timeout);
  options.graceful_timeout = milliseconds(graceful);
  if (no_server_header) server.server_header.clear();
  server.date_header = !no_date_header;
  options.access_log = !no_access_log;
  options.compat = !no_compat;
  options.colours = !no_colours;
  options.plant.models = *process::model_set_from(models);
  const auto& designs = process::cell_designs();
  if (std::ranges::find(designs, cell, &process::CellDesign::name) == designs.end()) options.cell_file = cell;
  if (reading == Reading::again) {
    if (const auto wrong = complaint_about_pipe(options.cell_file); !wrong.empty())
      return reader.complaint(kExitStart, "--cell: " + wrong);
  }
  try {
    options.plant.design = read_cell(cell);
  } catch (const std::runtime_error& error) {
    return reader.complaint(kExitStart, std::string("--cell: ") + error.what());
  }
  constexpr std::string_view kSqlite = "sqlite:";
  if (database.starts_with(kSqlite) && database.size() > kSqlite.size()) {
    options.database = database.substr(kSqlite.size());
  } else if (database.starts_with("postgresql://") || database.starts_with("postgres://")) {
    options.postgres = database;
    options.database = spool;
  } else if (database != "none") {
    // Without what was given: it may hold a password.
    return reader.complaint(kExitUsage, "--db: should be sqlite:PATH, postgresql://… or none");
  }
  options.step_interval_given = app.count("--step-interval") > 0;
  options.plant.noise = noise == "on";
  options.plant.seed = seed;
  options.plant.step_interval = plant::Interval(static_cast<plant::Interval::rep>(step_interval * 1000));
  if (!application.empty())
    options.notes.push_back("application " + application + " has no meaning here and is ignored");
  if (!options.environment_file.empty())
    options.notes.push_back("Loading environment from '" + options.environment_file + "'");
  if (const auto name = postgres_variable(); name && options.postgres.empty())
    options.warnings.push_back(*name + " is set, but PostgreSQL is not asked for: --db postgresql:// uses it");
  if (workers > 1) options.notes.emplace_back("--workers is ignored: the plant is one state in one process");
  return options;
}

}  // namespace

std::variant<ServeOptions, Exit> read_serve_options(std::vector<std::string> arguments) {
  auto read = read_options(std::move(arguments), Reading::first);
  if (const auto* wrong = std::get_if<Complaint>(&read)) return say(*wrong);
  return std::move(std::get<ServeOptions>(read));
}

std::variant<ServeOptions, std::string> reread_serve_options(std::vector<std::string> arguments) {
  auto read = read_options(std::move(arguments), Reading::again);
  if (auto* options = std::get_if<ServeOptions>(&read)) return std::move(*options);
  const auto& wrong = std::get<Complaint>(read);
  if (wrong.code == 0) return "the configuration asks for help or for the version";
  constexpr std::string_view kName = "battery-twin: ";
  return wrong.text.substr(kName.size(), wrong.text.find('\n') - kName.size());
}

std::variant<SimulateOptions, Exit> read_simulate_options(std::vector<std::string> arguments) {
  SimulateOptions options;
  CLI::App app("Takes batches through the plant as fast as the machine allows, without a server.",
               "battery-twin simulate");
  app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--batches", options.batches, "Number of batches")
      ->check(between(std::uint64_t{1}, process::kMaxSeed));
  options.threads = cores();
  app.add_option("--threads", options.threads, "Threads; the result does not depend on it")->check(between(1u, 1024u));
  std::string models = "mechanistic";
  std::string noise = "on";
  options.seed = random_seed();
  std::string cell = process::cell_designs().front().name;
  add_simulation_options(app, models, cell, noise, options.seed);
  app.add_option("--parameters", options.parameters, "JSON file: a body of POST /factory/start, or a list of them");
  app.add_option("--cells", options.population.cells,
                 "Most cells computed per batch; 1: the nominal cell with the batch's noise only")
      ->check(between(1u, plant::kMostCells));
  app.add_option("--vary", options.vary, "GROUP.FIELD=LOW:HIGH: every batch draws it evenly; may be repeated");
  app.add_flag("--per-cell", options.per_cell, "A row per cell in --output, with what noise moved");
  std::string stepping = "wide";
  app.add_option("--stepping", stepping, "literal: the paced plant's steps instead of the widest that are exact enough")
      ->check(CLI::IsMember({"wide", "literal"}));
  app.add_option("--output", options.output, "One row per batch into this .csv or .jsonl file");
  app.add_option("--trace", options.trace, "Every step of every machine into this .jsonl file");
  if (const auto wrong = OptionReader(app, std::move(arguments)).parse()) return say(*wrong);
  options.batches_given = app.count("--batches") > 0;
  options.models = *process::model_set_from(models);
  try {
    options.population.design = read_cell(cell);
  } catch (const std::runtime_error& error) {
    std::cerr << "battery-twin: --cell: " << error.what() << '\n';
    return Exit{kExitUsage};
  }
  options.population.noise = noise == "on";
  options.population.literal = stepping == "literal";
  if (!options.output.empty() && !options.output.ends_with(".csv") && !options.output.ends_with(".jsonl")) {
    std::cerr << "battery-twin: --output should end in .csv or .jsonl\n";
    return Exit{kExitUsage};
  }
  return options;
}

}  // namespace battery_twin::app
