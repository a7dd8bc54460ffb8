#include <algorithm>
#include <functional>

#include "openapi.hpp"
#include "routes.hpp"

namespace battery_twin::api {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";

// Everything from here and nothing written into the page, so that a text which comes to stand in one runs no script.
// Swagger UI's icons are data: addresses.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::string_view kWithoutDashboard = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>battery-twin</title>
<h1>battery-twin</h1>
<p>The plant runs. Its dashboard and Swagger UI were not built into this server: that needs Node.js 18 or newer and npm
(Debian: <code>apt install nodejs npm</code>), and a build with <code>-DBATTERY_TWIN_DASHBOARD=ON</code>.</p>
<p>All routes are there: <a href="factory/status">factory/status</a>, <a href="openapi.json">openapi.json</a>.</p>
</html>
)";

// Another one for another text.
std::uint64_t tag_of(std::string_view text) { return std::hash<std::string_view>{}(text) | 1; }

std::string_view without_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_named(std::string_view text, std::string_view name) {
  return std::ranges::equal(text, name, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

// `Accept` names text/html, as browsers do, and not with the weight 0. Not through a range: programs send */*.
bool wants_html(std::string_view accept) {
  while (!accept.empty()) {
    std::string_view one = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(one.size() + 1, accept.size()));
    const std::string_view type = one.substr(0, one.find(';'));
    if (!is_named(without_blanks(type), "text/html")) continue;
    for (one.remove_prefix(type.size()); !one.empty();) {
      one.remove_prefix(1);
      const std::string_view parameter = one.substr(0, one.find(';'));
      const std::string_view text = without_blanks(parameter);
      if ((text.starts_with("q=") || text.starts_with("Q=")) && text.find_first_of("123456789") == text.npos)
        return false;
      one.remove_prefix(parameter.size());
    }
    return true;
  }
  return false;
}

}  // namespace

// Made when somebody asks for the first time: most servers end without.

std::optional<Response> Routes::openapi(const Call& /*call*/) {
  if (openapi_.forms == nullptr) {
    const std::string_view server = config_.root_path.empty() ? "/" : std::string_view(config_.root_path);
    openapi_ = keep(openapi_document(plant_.layout(), config_.limits, config_.version, server, config_.compat));
  }
  return answer_with(openapi_);
}

std::optional<Response> Routes::asyncapi(const Call& /*call*/) {
  if (asyncapi_.forms == nullptr) asyncapi_ = keep(asyncapi_document(plant_.layout(), config_.version));
  return answer_with(asyncapi_);
}

Routes::Document Routes::keep(const Json& document) {
  std::string text = dump(document);
  const std::uint64_t etag = tag_of(text);
  return {.forms = std::make_shared<Compressed>(Compressed{.plain = std::move(text)}), .etag = etag};
}

Response Routes::answer_with(const Document& document) {
  return {.headers = {{"Cache-Control", "no-cache"}}, .compressed = document.forms, .etag = document.etag};
}

std::optional<Response> Routes::greeting(const Call& call) {
  Response response;
  if (wants_html(call.head.accept)) {
    response = page("index.html");
  } else {
    response =
        json_response(200, Json{{"success", true},
                                {"message", "Battery Manufacturing Digital Twin, battery-twin " + config_.version},
                                {"version", config_.version}});
  }
  response.headers.emplace_back("Vary", "Accept");
  return response;
}

std::optional<Response> Routes::docs(const Call& /*call*/) { return page("docs.html"); }

std::optional<Response> Routes::asset(const Call& call) {
  const Assets& assets = config_.assets;
  std::optional<Asset> asset;
  if (assets.find) asset = assets.find("assets/" + std::string(call.parts.at(0)));
  if (!asset) return failure(404, "Not Found");
  return Response{
      .body = std::move(asset->bytes),
      .content_type = asset->content_type,
      .headers = {{"Cache-Control", assets.may_change ? "no-store" : "public, max-age=31536000, immutable"}},
      .compressed = asset->compressed};
}

Response Routes::page(std::string_view name) const {
  const Assets& assets = config_.assets;
  std::optional<Asset> asset;
  if (assets.find) {
    asset = assets.find(name);
    if (!asset) return failure(404, "Not Found");
  } else {
    asset = {.bytes = std::string(kWithoutDashboard), .content_type = kHtml};
  }
  const std::uint64_t etag =
      assets.may_change ? 0 : tag_of(asset->compressed ? asset->compressed->gzip : std::string_view(asset->bytes));
  return {.body = std::move(asset->bytes),
          .content_type = asset->content_type,
          .headers = {{"Cache-Control", assets.may_change ? "no-store" : "no-cache"},
                      {"Content-Security-Policy", kPagePolicy},
                      {"Referrer-Policy", "no-referrer"}},
          .compressed = asset->compressed,
          .etag = etag};
}

}  // namespace battery_twin::api
