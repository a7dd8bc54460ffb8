#include "postgres_plant.hpp"

#include <map>
#include <stdexcept>

namespace battery_twin::system {

std::string PostgresPlant::url_by(std::uint16_t port) const {
  return "postgresql://twin:secret@127.0.0.1:" + std::to_string(port) + "/" + database_;
}

void PostgresPlant::lose_spool() {
  std::filesystem::remove_all(folder_.path());
  std::filesystem::create_directory(folder_.path());
}

std::vector<std::string> PostgresPlant::options_by(const std::string& url, const std::vector<std::string>& more) const {
  std::vector<std::string> all{"--db", url, "--spool", spool(), "--seed", "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::int64_t PostgresPlant::number(const std::string& sql) const {
  return std::stoll(postgres::query(url(), sql).at(0).at(0).value());
}

std::vector<std::string> PostgresPlant::texts(const std::string& sql) const {
  std::vector<std::string> all;
  for (const auto& row : postgres::query(url(), sql)) all.push_back(row.at(0).value_or("null"));
  return all;
}

bool PostgresPlant::holds_all_of(const Twin& twin) const {
  return Twin::eventually([&] {
    const Json newest = twin.get("/factory/logs?limit=1").at("logs");
    return health_of(twin).at("database").at("backlog") == 0 &&
           number("select coalesce(max(seq), 0) from battery_twin.event") == newest.front().at("seq") &&
           number(
               "select (select count(*) from battery_twin.telemetry) - "
               "(select coalesce(sum(steps), 0) from battery_twin.machine)") == 0;
  });
}

std::string PostgresPlant::steps_problem(const Twin& twin, const std::vector<std::string>& batches) const {
  std::map<std::string, Json> machines;
  for (const std::string& batch : batches) machines[batch] = twin.get("/batches/" + batch).at("machines");
  for (const MachineName& machine : kMachines) {
    const postgres::Rows rows = postgres::query(
        url(), "select batch, count(*), count(distinct duration), min(duration)::int, max(duration)::int from \"" +
                   view_of(machine) + "\" group by batch");
    std::map<std::string, Json> found;
    for (const auto& row : rows) {
      Json& numbers = found[row.at(0).value()];
      for (std::size_t i = 1; i < row.size(); ++i) numbers.push_back(std::stoll(row[i].value()));
    }
    for (const auto& [batch, told] : machines) {
      const auto steps = told.at(machine.process()).at("steps").get<std::int64_t>();
      const Json expected = Json::array({steps, steps, 0, steps - 1});
      if (found[batch] != expected) {
        return batch + " in " + machine.process() + ": rows, steps, first and last are " + found[batch].dump() +
               " instead of " + expected.dump();
      }
    }
  }
  return {};
}

std::string PostgresPlant::events_problem(const Twin& twin) const {
  const Json logs = twin.get("/factory/logs?limit=1000").at("logs");
  const std::vector<std::string> rows = texts(
      "select json_build_object('seq', seq, 'timestamp', to_char(time at time zone 'UTC', "
      "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'level', level, 'event', type, 'message', message, 'batch_id', batch_id, "
      "'machine', station) from battery_twin.log order by seq");
  std::string last_time;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Json row = Json::parse(rows[i]);
    if (row.at("seq") != i + 1) return "event " + row.at("seq").dump() + " has place " + std::to_string(i + 1);
    const std::string time = row.at("timestamp");
    if (time < last_time) return "event " + row.at("seq").dump() + " is older than the one before";
    last_time = time;
  }
  if (logs.size() > rows.size()) return "there are fewer events than in /factory/logs";
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const Json row = Json::parse(rows[rows.size() - logs.size() + i]);
    for (const auto& [name, value] : row.items()) {
      const Json told = logs[i].contains(name) ? logs[i].at(name) : Json();
      if (told != value) return name + " is " + value.dump() + ", in /factory/logs it is " + logs[i].dump();
    }
  }
  return {};
}

std::string view_of(const MachineName& machine) {
  return machine.line == "cell" ? std::string(machine.machine) : machine.process();
}

bool is_completed(const Twin& twin, const std::string& batch) {
  return twin.get("/batches/" + batch).at("status") == "completed";
}

Json health_of(const Twin& twin) { return twin.http.get("/health").json(); }

std::string database_status(const Twin& twin) { return health_of(twin).at("database").at("status"); }

Json telemetry_of(const Twin& twin, const std::string& batch) {
  Json rows = twin.get("/batches/" + batch + "/telemetry").at("telemetry");
  for (Json& row : rows) row.erase("timestamp");
  return rows;
}

}  // namespace battery_twin::system
