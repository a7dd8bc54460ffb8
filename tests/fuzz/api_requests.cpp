// Routes and JSON bodies, through the real API. The input is the request line without a version, then the body:
// "PATCH /factory/pacing\n{…}". The path is the one behind percent-decoding. "reference " before the line asks for the
// plant with those models, "full " behind it for one that takes no further batch. "{id}" in the line is a batch in the
// plant.

#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "../../src/api/routes.hpp"
#include "../../src/http/characters.hpp"
#include "../../src/http/utf8.hpp"
#include "battery_twin/http/status.hpp"
#include "fuzzing.hpp"
#include "plant_under_test.hpp"

namespace battery_twin::fuzz {
namespace {

using api::Json;

constexpr std::size_t kLongestRefusal = 64 * 1024;
constexpr std::size_t kDeepest = 64;

// What our reader of JSON accepts is JSON, means the same to the library's own parser, and keeps our rules.
class DocumentCheck final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t value, const string_t&) override { return std::isfinite(value); }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override { return keys_.back().insert(name).second; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool open() {
    keys_.emplace_back();
    return keys_.size() <= kDeepest;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  std::vector<std::set<std::string>> keys_;
};

void check_document(std::string_view text) {
  const auto parsed = api::parse_json(text);
  if (const auto* error = std::get_if<api::JsonError>(&parsed)) {
    require(http::is_utf8(error->message), "what is wrong with a document is said in UTF-8");
    require(error->message.size() <= 300, "and shortly, without the document");
    return;
  }
  const auto& document = std::get<Json>(parsed);
  require(http::is_utf8(text), "a document is UTF-8");
  DocumentCheck check;
  require(Json::sax_parse(text, &check), "a document is JSON, not too deep, without a key twice, with finite numbers");
  require(document == Json::parse(text), "a document means what it means to others");
  require(document == Json::parse(api::dump(document)), "a document is the same once written");
}

void check_values(const process::MachineType& type, const process::Values& values) {
  require(values.size() == type.fields.size(), "every field has its place");
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(values[i] || type.fields[i].optional, "only what may be left open is");
    if (!values[i]) continue;
    require(std::isfinite(*values[i]), "an accepted number is finite");
    require(type.fields[i].hard.contains(*values[i]), "an accepted number is in its hard range");
  }
}

// Whatever was accepted.
void check_plant(plant::PlantSimulation& plant, const api::Response& response) {
  const auto pacing = plant.pacing();
  require(pacing.step_interval >= plant::Interval::zero() && pacing.step_interval <= std::chrono::seconds(60),
          "the pacing is in its range");
  for (const plant::Station& station : plant.layout().stations())
    check_values(*station.type, plant.parameters(station));
  const Json answer = Json::parse(response.body, nullptr, false);
  if (!answer.is_object() || !answer.contains("batch_id") || !answer["batch_id"].is_string()) return;
  const auto batch = plant.batch(answer["batch_id"].get<std::string>());
  require(batch.has_value(), "a batch that was accepted is there");
  require(batch->seed <= process::kMaxSeed, "its seed is in its range");
  for (const plant::Station& station : plant.layout().stations()) {
    if (const auto& values = batch->parameters[station.index]) check_values(*station.type, *values);
  }
}

void check_response(const api::Response& response) {
  const int status = response.status;
  require((status >= 200 && status < 300) || status == 307 || (status >= 400 && status < 500) || status == 503,
          "whatever is sent is no internal error");
  require(!http::reason_phrase(status).empty(), "the status has a name");
  const bool is_page = response.status == 200 && response.content_type.starts_with("text/html");
  const bool is_text = response.status == 200 && response.content_type.starts_with("text/plain");  // metrics
  const std::string& body = response.compressed ? response.compressed->plain : response.body;
  require(body.empty() || is_page || is_text || Json::accept(body), "an answer is JSON");
  require(status < 400 || response.body.size() <= kLongestRefusal, "a refusal is short whatever was sent");
  for (const auto& [name, value] : response.headers) {
    require(std::ranges::all_of(name, http::is_token_char), "a field's name is one");
    require(std::ranges::all_of(value, http::is_field_char), "a field's value has no control characters");
  }
}

// The answer, or nothing when it does not come.
std::optional<api::Response> answer(PlantUnderTest& under_test, const api::RequestHead& head, std::string_view body) {
  api::Api& api = under_test.api();
  if (head.has_body) {
    if (auto refusal = api.refuse(head)) return refusal;
  }
  const auto answered = std::make_shared<std::promise<api::Response>>();  // of a reset, or made by another thread
  auto response = answered->get_future();
  bool promised = false;
  auto at_once = api.handle(head, body, [&] {
    require(!promised, "an answer is promised once");
    promised = true;
    return [answered](api::Response one) { answered->set_value(std::move(one)); };
  });
  require(at_once.has_value() != promised, "an answer is given or promised");
  if (at_once) return at_once;
  // A reset may wait for the plant to be idle: nobody here is patient for as long as it would be.
  if (!under_test.plant().status().is_idle()) under_test.empty();
  api.tick();
  if (response.wait_for(PlantUnderTest::kPatience) != std::future_status::ready) return std::nullopt;
  return response.get();
}

// What became of each route's requests so far.
struct Told {
  bool success = false, refusal = false;
};
std::map<const api::Route*, Told>& told() {
  static std::map<const api::Route*, Told> all;
  return all;
}

void note(const api::RequestHead& head, int status) {
  const auto found = api::match(api::Routes::table(), head.method, head.path);
  if (found.route == nullptr || found.route->method != head.method) return;
  Told& route = told()[found.route];
  route.success = route.success || status < 300;
  route.refusal = route.refusal || status >= 400;
}

PlantUnderTest& plant_with(process::ModelSet models) {
  static PlantUnderTest mechanistic(process::ModelSet::mechanistic);
  static PlantUnderTest reference(process::ModelSet::reference);
  return models == process::ModelSet::reference ? reference : mechanistic;
}

bool takes(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// True when it may have changed something.
bool ask(PlantUnderTest& under_test, std::string_view line, std::string_view body) {
  const std::string_view target = line.substr(std::min(line.find(' ') + 1, line.size()));
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query = target.substr(std::min(path.size() + 1, target.size()));
  const bool comes_through = path.starts_with('/') && path.find('\0') == std::string_view::npos &&
                             http::is_utf8(path) &&
                             std::ranges::all_of(query, [](char c) { return c > ' ' && c < 0x7F; });
  if (!comes_through) return false;  // the HTTP session lets no other through

  const api::RequestHead head{.method = line.substr(0, line.find(' ')),
                              .path = path,
                              .query = query,
                              .content_type = body.empty() ? "" : "application/json",
                              .content_encoding = {},
                              .has_body = !body.empty()};
  check_document(body);
  const auto response = answer(under_test, head, body);
  require(response.has_value(), "an answer comes");
  check_response(*response);
  note(head, response->status);
  if (response->status >= 400)
    check_response(under_test.api().as_problem(*response, http::reason_phrase(response->status)));
  if (response->status >= 300) return false;
  check_plant(under_test.plant(), *response);
  return head.method != "GET" && head.method != "OPTIONS" && head.method != "HEAD";
}

void check(std::string_view text) {
  constexpr std::string_view kBatch = "{id}";
  PlantUnderTest& under_test =
      plant_with(takes(text, "reference ") ? process::ModelSet::reference : process::ModelSet::mechanistic);
  const bool full = takes(text, "full ");
  std::string line(text.substr(0, text.find('\n')));
  const std::string_view body = text.substr(std::min(line.size() + 1, text.size()));
  const auto place = line.find(kBatch);
  const bool has_batch = place != std::string::npos;
  if (full) {
    under_test.fill();
  } else if (has_batch) {
    under_test.add_batch();
  }
  if (has_batch) line.replace(place, kBatch.size(), under_test.plant().status().running.at(0).id);
  const bool changed = ask(under_test, line, body);
  if (changed || full || has_batch) under_test.restore();
}

// What nobody can ask for in a wrong way.
bool takes_anything(const api::Route& route) {
  if (route.pattern == "/api/db/{table}") return true;  // 200 that there is no such table, as the Python server
  const bool asks = route.method == "GET" || route.pattern.ends_with("/reset");
  return asks && route.query.front().name.empty() && route.pattern.find('{') == std::string_view::npos;
}

// What neither this API's store nor its files have: there are none.
bool is_never_there(const api::Route& route) {
  return route.pattern == "/batches/{id}/telemetry" || route.pattern == "/docs" || route.pattern == "/assets/{name}";
}

}  // namespace
}  // namespace battery_twin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  battery_twin::fuzz::check(battery_twin::fuzz::Input(data, size).rest());
  return 0;
}

// Mutation finds a route's rules only from a request that came so far.
bool after_replay() {
  using namespace battery_twin;
  bool complete = true;
  for (const api::Route& route : api::Routes::table()) {
    const fuzz::Told& told = fuzz::told()[&route];
    if ((told.success || fuzz::is_never_there(route)) && (told.refusal || fuzz::takes_anything(route))) continue;
    complete = false;
    std::fprintf(stderr, "the corpus has no %s request for %.*s %.*s\n", told.success ? "refused" : "successful",
                 static_cast<int>(route.method.size()), route.method.data(), static_cast<int>(route.pattern.size()),
                 route.pattern.data());
  }
  return complete;
}
