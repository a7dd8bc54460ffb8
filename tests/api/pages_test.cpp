// The pages for browsers and what they load, and the path below which a proxy serves everything. The files are made up.
#include <algorithm>

#include "api_under_test.hpp"

namespace battery_twin::api {
namespace {

std::shared_ptr<Compressed> zipped(std::string_view text) {
  return std::make_shared<Compressed>(Compressed{.gzip = text});
}

Assets made_up_assets(bool may_change = false) {
  return {.find = [](std::string_view name) -> std::optional<Asset> {
            if (name == "index.html") return Asset{.bytes = "<p>dashboard", .content_type = "text/html"};
            if (name == "docs.html") return Asset{.compressed = zipped("docs"), .content_type = "text/html"};
            if (name == "assets/app-1.js") return Asset{.compressed = zipped("js"), .content_type = "text/javascript"};
            return std::nullopt;
          },
          .may_change = may_change};
}

ApiUnderTest with_assets(Assets assets = made_up_assets(), std::string root_path = {}) {
  return ApiUnderTest(process::ModelSet::mechanistic, true, std::move(assets), std::move(root_path));
}

std::string field_of(const Response& response, std::string_view name) {
  const auto found = std::ranges::find(response.headers, name, &std::pair<std::string, std::string>::first);
  return found == response.headers.end() ? "" : found->second;
}

TEST(Pages, TheDashboardIsForWhoNamesHtml) {
  ApiUnderTest twin = with_assets();
  for (const char* accept :
       {"text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json, TEXT/HTML",
        "text/html;q=0.1", "text/html ; level=1 ; q=0.5", "\ttext/html\t", ",,text/html"}) {
    const Response response = twin.ask("GET", "/", {}, {}, accept);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "<p>dashboard") << accept;
    EXPECT_EQ(field_of(response, "Vary"), "Accept") << accept;
  }
  for (const char* accept : {"", "*/*", "text/*", "application/json", "text/html;q=0", "text/html; Q=0.000",
                             "text/htmlx", "xtext/html", "text", ",", ";", ";q=0,", "text/plain;x=text/html"}) {
    const Response response = twin.ask("GET", "/", {}, {}, accept);
    EXPECT_EQ(response.content_type, "application/json") << accept;
    EXPECT_EQ(Json::parse(response.body).at("success"), true) << accept;
    EXPECT_EQ(field_of(response, "Vary"), "Accept") << accept;
  }
}

TEST(Pages, RunNothingButTheirOwnScripts) {
  ApiUnderTest twin = with_assets();
  for (const char* path : {"/", "/docs"}) {
    const Response response = twin.ask("GET", path, {}, {}, "text/html");
    EXPECT_EQ(response.content_type, "text/html");
    const std::string policy = field_of(response, "Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self'; ")) << policy;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(field_of(response, "Referrer-Policy"), "no-referrer");
    EXPECT_EQ(field_of(response, "Cache-Control"), "no-cache");
    EXPECT_NE(response.etag, 0u);
  }
}

TEST(Pages, WhatTheyLoadIsGoodForEver) {
  ApiUnderTest twin = with_assets();
  const Response script = twin.ask("GET", "/assets/app-1.js");
  EXPECT_EQ(script.status, 200);
  ASSERT_TRUE(script.compressed);
  EXPECT_EQ(script.compressed->gzip, "js");
  EXPECT_EQ(script.content_type, "text/javascript");
  EXPECT_EQ(field_of(script, "Cache-Control"), "public, max-age=31536000, immutable");
  for (const char* path : {"/assets/none.js", "/assets/", "/assets", "/assets/index.html", "/assets/a/b", "/assets/..",
                           "/assets/../index.html"}) {
    const Response response = twin.ask("GET", path, {}, {}, "text/html");
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.content_type, "application/json") << path;
  }
}

TEST(Pages, NobodyKeepsWhatMayChange) {
  ApiUnderTest twin = with_assets(made_up_assets(true));
  for (const char* path : {"/", "/docs", "/assets/app-1.js"}) {
    const Response response = twin.ask("GET", path, {}, {}, "text/html");
    EXPECT_EQ(field_of(response, "Cache-Control"), "no-store") << path;
    EXPECT_EQ(response.etag, 0u) << path;
  }
}

TEST(Pages, WithoutTheDashboardSayHowToGetIt) {
  ApiUnderTest twin;
  for (const char* path : {"/", "/docs"}) {
    const Response response = twin.ask("GET", path, {}, {}, "text/html");
    EXPECT_EQ(response.status, 200);
    EXPECT_NE(response.body.find("BATTERY_TWIN_DASHBOARD"), std::string::npos);
    EXPECT_NE(response.body.find("openapi.json"), std::string::npos);
  }
  EXPECT_EQ(twin.ask("GET", "/assets/app-1.js").status, 404);
}

TEST(Pages, DocumentsHaveATagOfTheirContent) {
  ApiUnderTest twin;
  ApiUnderTest same;
  ApiUnderTest other(process::ModelSet::reference);
  for (const char* path : {"/openapi.json", "/asyncapi.json"}) {
    const Response response = twin.ask("GET", path);
    EXPECT_EQ(field_of(response, "Cache-Control"), "no-cache");
    EXPECT_NE(response.etag, 0u);
    EXPECT_EQ(response.etag, same.ask("GET", path).etag);
  }
  EXPECT_NE(twin.ask("GET", "/openapi.json").etag, other.ask("GET", "/openapi.json").etag);
}

TEST(RootPath, IsTakenOffWhereTheProxyHasLeftIt) {
  ApiUnderTest twin = with_assets(made_up_assets(), "/twin");
  for (const char* path : {"/health", "/twin/health", "/", "/twin/", "/twin/docs", "/twin/assets/app-1.js"})
    EXPECT_EQ(twin.ask("GET", path).status, 200) << path;
  for (const char* path : {"/twinhealth", "/twin//health", "/twin/twin/health", "/other/health", "/twins/"})
    EXPECT_EQ(twin.ask("GET", path).status, 404) << path;
  EXPECT_TRUE(twin.api().is_websocket("/ws/status"));
  EXPECT_TRUE(twin.api().is_websocket("/twin/ws/status"));
  EXPECT_FALSE(twin.api().is_websocket("/twin"));
  EXPECT_EQ(twin.ask("GET", "/twin/ws/status").status, 426);
  EXPECT_EQ(twin.ask("POST", "/twin/health").status, 405);
  EXPECT_EQ(twin.ask("OPTIONS", "/twin/health").status, 204);
  EXPECT_EQ(twin.ask("POST", "/twin/factory/start", "{}").status, 200);
  EXPECT_EQ(twin.get("/twin/openapi.json").at("servers"), Json::parse(R"([{"url": "/twin"}])"));
  EXPECT_EQ(ApiUnderTest().get("/openapi.json").at("servers"), Json::parse(R"([{"url": "/"}])"));
}

TEST(RootPath, MayBeCalledLikeTheBeginningOfARoute) {
  ApiUnderTest twin = with_assets(made_up_assets(), "/factory");
  for (const char* path : {"/factory/status", "/factory/factory/status", "/factory/", "/factory/health", "/health"})
    EXPECT_EQ(twin.ask("GET", path).status, 200) << path;
  EXPECT_EQ(twin.ask("GET", "/factory/status/").status, 307);
  EXPECT_EQ(twin.ask("GET", "/factory/none").status, 404);
  EXPECT_TRUE(ApiUnderTest(process::ModelSet::mechanistic, true, {}, "/ws").api().is_websocket("/ws/status"));
}

TEST(RootPath, StaysInRedirects) {
  ApiUnderTest twin = with_assets(made_up_assets(), "/plant/twin");
  const auto location = [&](std::string_view path, std::string_view query = {}) {
    const Response response = twin.ask("GET", path, {}, query);
    EXPECT_EQ(response.status, 307) << path;
    return field_of(response, "Location");
  };
  EXPECT_EQ(location("/plant/twin"), "/plant/twin/");
  EXPECT_EQ(location("/plant/twin", "a=b"), "/plant/twin/?a=b");
  EXPECT_EQ(location("/plant/twin/docs/"), "/plant/twin/docs");
  EXPECT_EQ(location("/factory/logs/", "limit=5"), "/plant/twin/factory/logs?limit=5");
  EXPECT_EQ(location("/batches/a\r\nb/"), "/plant/twin/batches/a%0D%0Ab");
  EXPECT_EQ(twin.ask("GET", "/plant").status, 404);
}

}  // namespace
}  // namespace battery_twin::api
