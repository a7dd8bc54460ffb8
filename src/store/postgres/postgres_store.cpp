#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "../sqlite_store.hpp"
#include "address.hpp"
#include "forwarder.hpp"
#include "introduction.hpp"
#include "link.hpp"
#include "mirror.hpp"
#include "postgres_telemetry.hpp"
#include "probe.hpp"
#include "schema.hpp"
#include "watch.hpp"

namespace battery_twin::store {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeToWrite = 3s;   // at the end, into the file
constexpr auto kTimeToHandOn = 2s;  // then, to PostgreSQL
constexpr int kTriesToLock = 5;     // the connection of a server that was killed goes soon
constexpr auto kBetweenTries = 500ms;

class PostgresStore final : public SqliteStore {
 public:
  PostgresStore(const plant::Layout& layout, std::unique_ptr<const SqliteFile> file, const SqliteConfig& spool,
                Address address, std::unique_ptr<Watch> watch, std::unique_ptr<Forwarder> forwarder,
                std::unique_ptr<Link> link)
      : SqliteStore(
            layout, std::move(file), spool,
            {.at_open = outbox_triggers(), .on_written = [to = forwarder.get()](std::size_t rows) { to->told(rows); }}),
        on_error_(spool.on_error),
        address_(std::move(address)),
        watch_(std::move(watch)),
        forwarder_(std::move(forwarder)),
        link_(std::move(link)),
        probe_(address_, *watch_, link_ != nullptr),
        reading_link_(this->file(), address_, *watch_, [this] { return is_there(); }) {}

  ~PostgresStore() override { PostgresStore::close(); }
  PostgresStore(const PostgresStore&) = delete;
  PostgresStore& operator=(const PostgresStore&) = delete;

  plant::Kept load(process::ModelSet models, std::size_t history, std::size_t events) override {
    plant::Kept kept = SqliteStore::load(models, history, events);
    forwarder_->start(std::move(link_), [this](Delivered delivered) { writer().tell(std::move(delivered)); });
    return kept;
  }

  bool has_room() const override { return SqliteStore::has_room() && forwarder_->has_room(); }

  Health health() const override {
    Health health = SqliteStore::health();
    const Probe::State state = probe_.state();
    health.backend = "postgresql";
    health.backlog += forwarder_->waiting_rows();
    health.latency_ms = state.latency_ms;
    if (health.status == Health::Status::connected && (!state.is_reached || forwarder_->is_failing())) {
      health.status = Health::Status::unreachable;
    }
    return health;
  }

  std::unique_ptr<TelemetryReader> telemetry(std::uint64_t batch, std::optional<std::size_t> station,
                                             std::uint32_t from_step) override {
    return read_telemetry(file(), layout(), reading_link_, batch, station, from_step);
  }

  void close() override {
    if (std::exchange(is_closed_, true)) return;
    std::promise<void> is_written;
    auto written = is_written.get_future();
    sync([promise = std::make_shared<std::promise<void>>(std::move(is_written))](bool) { promise->set_value(); });
    (void)written.wait_for(kTimeToWrite);
    probe_.stop_soon();
    forwarder_->stop(std::chrono::steady_clock::now() + kTimeToHandOn);
    probe_.stop();
    SqliteStore::close();
    watch_->end_by(std::chrono::steady_clock::time_point::max());  // reading goes on
    if (const std::size_t rows = forwarder_->waiting_rows(); rows > 0) {
      on_error_(std::to_string(rows) + " rows of telemetry wait in " + file().path().string() +
                " and are handed on to PostgreSQL at the next start");
    }
  }

 private:
  [[nodiscard]] bool is_there() const { return probe_.state().is_reached; }

  std::function<void(std::string_view)> on_error_;
  Address address_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<Forwarder> forwarder_;
  std::unique_ptr<Link> link_;
  Probe probe_;
  ReadingLink reading_link_;
  bool is_closed_ = false;
};

template <class Action>
void once_free(const Action& action) {
  for (int tries = 1;; ++tries) {
    try {
      action();
      return;
    } catch (const InUse&) {
      if (tries == kTriesToLock) throw;
      std::this_thread::sleep_for(kBetweenTries);
    }
  }
}

// @throws Refused  when there is a PostgreSQL, just not for us
std::unique_ptr<Link> connect(const Address& address, Watch& watch) {
  try {
    return std::make_unique<Link>(address, watch);
  } catch (const std::exception&) {
    if (!is_refused(address)) throw;
  }
  // It may have come just between the two questions.
  try {
    return std::make_unique<Link>(address, watch);
  } catch (const std::exception& problem) {
    // Of a host with several addresses each has its sentence; the one that was answered says it.
    const std::string said = why(problem);
    const std::size_t answer = said.rfind("FATAL: ");
    throw Refused(answer == std::string::npos ? said : said.substr(answer));
  }
}

// Nothing when PostgreSQL is not there yet.
std::unique_ptr<Link> first_link(const Address& address, Watch& watch, const SqliteConfig& spool) {
  const std::string name = "The database " + address.shown;
  try {
    return connect(address, watch);
  } catch (const Refused& problem) {
    throw std::runtime_error(name + " refuses us: " + problem.what());
  } catch (const std::exception& problem) {
    if (spool.fresh) throw std::runtime_error(name + " cannot be emptied: " + why(problem));
    spool.on_error(name + " cannot be reached: " + ended(why(problem)) + " Until it can, all is kept in " + spool.path);
    return nullptr;
  }
}

}  // namespace

std::unique_ptr<Store> open_postgres(const plant::Layout& layout, PostgresConfig config) {
  Address address = postgres_address(config.url);
  // What is deleted for its age is deleted in PostgreSQL: the file holds only what is not there yet.
  SqliteConfig spool = config.spool;
  spool.retention.reset();
  auto watch = std::make_unique<Watch>();
  std::unique_ptr<Link> link = first_link(address, *watch, spool);
  const auto using_it = [&](const auto& action) {
    try {
      if (link) once_free(action);
    } catch (const std::exception& problem) {
      throw std::runtime_error("The database " + address.shown + " cannot be used: " + why(problem));
    }
  };
  if (spool.fresh) {
    const SqliteFile ours(spool.path, false);  // nothing is deleted before it is known that both can be
    using_it([&] { start_afresh(*link); });
  }
  auto file = std::make_unique<const SqliteFile>(spool.path, spool.fresh);
  using_it([&] { introduce(*link, *file, layout, Welcome::may_restore); });
  auto forwarder = std::make_unique<Forwarder>(*file, layout, *watch,
                                               ForwarderConfig{.address = address,
                                                               .most_rows = config.spool_rows,
                                                               .retention = config.spool.retention,
                                                               .on_error = spool.on_error,
                                                               .on_news = spool.on_news});
  return std::make_unique<PostgresStore>(layout, std::move(file), spool, std::move(address), std::move(watch),
                                         std::move(forwarder), std::move(link));
}

}  // namespace battery_twin::store
