#include "../../src/http/access_policy.hpp"

#include <gtest/gtest.h>

namespace battery_twin::http {
namespace {

TEST(AccessPolicy, AllowsItsOwnOriginAndLoopback) {
  const AccessPolicy policy({}, {}, true);
  for (const char* origin : {"http://localhost", "http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080"})
    EXPECT_TRUE(policy.allows_origin(origin, "127.0.0.1:8000")) << origin;
  EXPECT_TRUE(policy.allows_origin("http://twin.example:8000", "twin.example:8000"));
}

TEST(AccessPolicy, RefusesForeignOrigins) {
  const AccessPolicy policy({"https://grafana.example"}, {}, true);
  for (const char* origin :
       {"null", "http://evil.example", "http://localhost.evil.example", "http://localhost:80@evil.example",
        "https://grafana.example.evil", "http://grafana.example", "https://grafana.example:444",
        "http://127.0.0.1.evil", "http://twin.example:8001", "file://", ""})
    EXPECT_FALSE(policy.allows_origin(origin, "twin.example:8000")) << origin;
  EXPECT_TRUE(policy.allows_origin("https://grafana.example", "twin.example:8000"));
}

TEST(AccessPolicy, TheOwnOriginHasTheSchemeOfTheRequest) {
  const AccessPolicy policy({}, {}, true);
  EXPECT_TRUE(policy.allows_origin("https://twin.example", "twin.example", true));
  EXPECT_TRUE(policy.allows_origin("https://Twin.example:8443", "twin.example:8443", true));
  EXPECT_FALSE(policy.allows_origin("http://twin.example", "twin.example", true));
  EXPECT_FALSE(policy.allows_origin("https://twin.example", "twin.example", false));
  EXPECT_FALSE(policy.allows_origin("https://twin.example:1", "twin.example", true));
  EXPECT_TRUE(policy.allows_origin("http://localhost:3000", "twin.example", true));
}

TEST(AccessPolicy, StopsDnsRebinding) {
  const AccessPolicy policy({}, {"twin.example"}, true);
  for (const char* host : {"127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "10.0.0.7", "Twin.Example:80"})
    EXPECT_TRUE(policy.allows_host(host)) << host;
  for (const char* host : {"evil.example", "twin.example.evil", "localhost.evil", "xtwin.example"})
    EXPECT_FALSE(policy.allows_host(host)) << host;
  EXPECT_TRUE(AccessPolicy({}, {}, false).allows_host("anything.example"));
}

TEST(AccessPolicy, AllowsThePagesFieldsButThoseOfProxies) {
  EXPECT_EQ(allowed_fields("authorization,content-type,x-request-id"), "authorization, content-type, x-request-id");
  EXPECT_EQ(allowed_fields(" X-Requested-With ,\tIf-None-Match"), "X-Requested-With, If-None-Match");
  EXPECT_EQ(allowed_fields("x-forwarded-for,accept,X-Forwarded-Proto"), "accept");
  EXPECT_EQ(allowed_fields(std::string(1024, 'x')), std::string(1024, 'x'));
  for (const std::string& asked : {std::string(), std::string(","), std::string("a\r\nb: c"), std::string("a b"),
                                   std::string("accept,\"x\""), std::string("\xC3\xA4"), std::string(1025, 'x')})
    EXPECT_EQ(allowed_fields(asked), "") << asked;
}

TEST(AccessPolicy, KnowsAWellFormedHost) {
  for (const char* host : {"localhost", "a-b.c", "127.0.0.1:8000", "[::1]", "[fe80::1]:80"})
    EXPECT_TRUE(is_host(host)) << host;
  for (const char* host : {"", ":80", "a b", "a:b", "[::1", "[x]", "a/b", "a@b", "a:123456"})
    EXPECT_FALSE(is_host(host)) << host;
}

}  // namespace
}  // namespace battery_twin::http
