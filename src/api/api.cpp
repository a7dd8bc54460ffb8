#include "battery_twin/api/api.hpp"

#include <algorithm>

#include "broadcaster.hpp"
#include "routes.hpp"

namespace battery_twin::api {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// application/json and application/anything+json, with or without parameters.
bool is_json(std::string_view content_type) {
  std::string type = lower(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ') || type.ends_with('\t')) type.pop_back();
  return type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"));
}

class TheApi final : public Api {
 public:
  TheApi(plant::PlantSimulation& plant, plant::EventQueue& events, ApiConfig config)
      : config_(std::move(config)),
        broadcaster_(plant, events, config_.replay_capacity, config_.on_event, std::move(config_.history)),
        routes_(plant, broadcaster_, config_),
        table_(Routes::table(config_.compat)) {}

  Access access(const RequestHead& head) const override {
    std::string_view path = without_root(head.path);
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);  // is sent on to where it is without
    if (path == kWebSocketPath) return usual_access(head.method);       // has no row: who listens reads
    const Match found = match(table_, head.method == "OPTIONS" ? "GET" : head.method, path);
    if (found.route != nullptr) return access_of(*found.route);
    const bool leads_to_the_page = !config_.root_path.empty() && head.path == config_.root_path;
    return leads_to_the_page && usual_access(head.method) == Access::reading ? Access::everybody
                                                                             : usual_access(head.method);
  }

  std::optional<Response> refuse(const RequestHead& head) override {
    const std::string_view path = without_root(head.path);
    if (path == kWebSocketPath) return refuse_plain_on_websocket(head);
    if (path == "*") return Response{.status = 204, .content_type = {}, .headers = {{"Allow", all_methods()}}};
    const Match found = match(table_, head.method, path);
    if (found.route == nullptr) return without_route(head);
    return refuse_body(head, *found.route);
  }

  std::optional<Response> handle(const RequestHead& head, std::string_view body, const Later& later) override {
    const Match found = match(table_, head.method, without_root(head.path));
    if (found.route == nullptr) return refuse(head);
    if (auto refusal = refuse_body(head, *found.route)) return refusal;
    return (routes_.*found.route->handle)({head, body, found.parts, later, *found.route});
  }

  Response as_problem(const Response& response, std::string_view title) const override {
    const Json body = Json::parse(response.body, nullptr, false);
    if (!body.is_object() || !body.contains("detail")) return response;  // health: its status is a word
    Json problem{{"type", "about:blank"}, {"title", title}, {"status", response.status}};
    for (const auto& [key, value] : body.items()) {
      if (key == "detail" && value.is_array()) {
        problem["detail"] =
            "The request has " + std::to_string(value.size()) + (value.size() == 1 ? " error" : " errors");
        problem["errors"] = value;
      } else if (key == "detail" && value.is_object()) {  // of compat/
        problem["detail"] = value.at("message");
        for (const auto& [name, more] : value.items())
          if (name != "success" && name != "message" && name != "errors") problem[name] = more;
      } else {
        problem[key] = value;
      }
    }
    Response out = response;
    out.body = dump(problem);
    out.content_type = "application/problem+json";
    return out;
  }

  bool is_websocket(std::string_view path) const override { return without_root(path) == kWebSocketPath; }

  std::optional<Response> refuse_websocket(const RequestHead& head) override {
    Errors errors;
    Broadcaster::check({head.query, kWebSocketQuery}, errors);
    if (errors.empty()) return std::nullopt;
    return invalid(errors);
  }

  std::unique_ptr<Feed> open_feed(const RequestHead& head, Sink& sink) override {
    return broadcaster_.open({head.query, kWebSocketQuery}, sink);
  }

  void pump() override { broadcaster_.pump(); }
  bool pump_some() override { return broadcaster_.pump_some(); }
  void tick() override {
    broadcaster_.tick();
    routes_.tick();
  }
  void set_draining() override { routes_.set_draining(); }

 private:
  static std::optional<Response> refuse_body(const RequestHead& head, const Route& route) {
    if (head.oversized) return failure(413, "The body is larger than allowed");
    if (!head.has_body && head.content_type.empty()) return std::nullopt;
    // What is empty may have any type where it may be left out: axios and curl call nothing at all a form.
    const bool needs_body = !route.body.empty() && !route.may_lack_body;
    if ((head.has_body || needs_body) && !is_json(head.content_type))
      return failure(415, "The body must be JSON with Content-Type: application/json");
    if (!head.content_encoding.empty() && lower(head.content_encoding) != "identity")
      return failure(415, "The body must not be encoded, Content-Encoding is not supported");
    return std::nullopt;
  }

  // The path that the routes know: a proxy may have taken the root off, or may have left it.
  [[nodiscard]] std::string_view without_root(std::string_view path) const {
    const std::string& root = config_.root_path;
    if (root.empty() || path.size() <= root.size() || !path.starts_with(root) || path[root.size()] != '/') return path;
    const std::string_view rest = path.substr(root.size());
    // A root may be called like the beginning of a route: /factory, /batches.
    return !is_known(rest) && is_known(path) ? path : rest;
  }

  [[nodiscard]] bool is_known(std::string_view path) const {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return path == kWebSocketPath || !allowed_methods(table_, path).empty();
  }

  // OPTIONS, a wrong method or an unknown path.
  [[nodiscard]] Response without_route(const RequestHead& head) const {
    std::string allow = allowed_methods(table_, without_root(head.path));
    if (allow.empty()) return unknown_path(head);
    if (head.method == "OPTIONS") return {.status = 204, .content_type = {}, .headers = {{"Allow", std::move(allow)}}};
    Response response = failure(405, "Method Not Allowed");
    response.headers.emplace_back("Allow", std::move(allow));
    return response;
  }

  static Response refuse_plain_on_websocket(const RequestHead& head) {
    if (head.method == "OPTIONS") return {.status = 204, .content_type = {}, .headers = {{"Allow", "GET, OPTIONS"}}};
    if (head.method != "GET") {
      Response response = failure(405, "Method Not Allowed");
      response.headers.emplace_back("Allow", "GET, OPTIONS");
      return response;
    }
    Response response = failure(426, "This path speaks WebSocket only");
    response.headers.emplace_back("Upgrade", "websocket");
    return response;
  }

  // OPTIONS * asks about the server as a whole (RFC 9110 9.3.7).
  [[nodiscard]] std::string all_methods() const {
    std::string list;
    for (const Route& route : table_) {
      if (list.find(route.method) != std::string::npos) continue;
      list += std::string(route.method) + (route.method == "GET" ? ", HEAD, " : ", ");
    }
    return list + "OPTIONS";
  }

  [[nodiscard]] Response unknown_path(const RequestHead& head) const {
    // Pages there load what they need by relative addresses, so they must end with the slash.
    if (!config_.root_path.empty() && head.path == config_.root_path) return moved_to("/", head);
    std::string_view path = without_root(head.path);
    if (path.size() > 1 && path.ends_with('/')) {
      path.remove_suffix(1);
      if (path == kWebSocketPath || !allowed_methods(table_, path).empty()) return moved_to(path, head);
    }
    return failure(404, "Not Found");
  }

  [[nodiscard]] Response moved_to(std::string_view path, const RequestHead& head) const {
    // A machine's or batch's place in it holds what the client sent: only because that is escaped can it neither end
    // the field nor name another host.
    std::string location = config_.root_path;
    for (const char c : path) location += is_plain(c) ? std::string(1, c) : escaped(c);
    if (!head.query.empty()) location.append("?").append(head.query);
    return {.status = 307, .content_type = {}, .headers = {{"Location", location}}};
  }

  static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' ||
           c == '.' || c == '_' || c == '~';
  }

  static std::string escaped(char c) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    return {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }

  ApiConfig config_;
  Broadcaster broadcaster_;
  Routes routes_;
  std::span<const Route> table_;
};

}  // namespace

std::unique_ptr<Api> make_api(plant::PlantSimulation& plant, plant::EventQueue& events, ApiConfig config) {
  return std::make_unique<TheApi>(plant, events, std::move(config));
}

}  // namespace battery_twin::api
