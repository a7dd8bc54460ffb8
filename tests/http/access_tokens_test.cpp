#include "battery_twin/http/access_tokens.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "../../src/http/bearer.hpp"

namespace battery_twin::http {
namespace {

using Verdict = Admission::Verdict;

constexpr const char* kOperator = "operator-0123456789";
constexpr const char* kReader = "reader.0123456789~+/==";

AccessTokens two_tokens() {
  AccessTokens tokens;
  EXPECT_EQ(tokens.add(kOperator, api::Access::changing), "");
  EXPECT_EQ(tokens.add(kReader, api::Access::reading), "");
  return tokens;
}

RequestHeader with(std::string_view authorization, std::string_view query = {}) {
  RequestHeader header;
  header.authorization = authorization;
  header.authorizations = authorization.empty() ? 0 : 1;
  header.query = query;
  return header;
}

Verdict verdict_on(const RequestHeader& header, api::Access needed = api::Access::reading, bool with_query = false) {
  return admit(two_tokens(), needed, header, with_query).verdict;
}

TEST(AccessTokens, TakesTokensThatAreLongAndPlain) {
  AccessTokens tokens;
  EXPECT_TRUE(tokens.empty());
  EXPECT_EQ(tokens.add(std::string(16, 'a'), api::Access::changing), "");
  EXPECT_EQ(tokens.add(std::string(512, 'a'), api::Access::changing), "");
  EXPECT_EQ(tokens.add("AZaz09-._~+/AZaz==", api::Access::changing), "");
  for (const std::string& token :
       {std::string(), std::string(15, 'a'), std::string(513, 'a'), std::string(16, '='),
        std::string("0123456789abcde f"), std::string("0123456789=abcdef"), std::string("0123456789abcde\xC3\xA4"),
        std::string("0123456789abcde,"), std::string("0123456789abcde\0", 16)}) {
    const std::string wrong = tokens.add(token, api::Access::changing);
    EXPECT_NE(wrong, "") << token;
    if (token.size() > 1) {
      EXPECT_EQ(wrong.find(token), std::string::npos) << wrong;
    }
  }
  EXPECT_EQ(tokens.count(api::Access::changing), 3u);
}

TEST(AccessTokens, ATokenIsOfOneKind) {
  AccessTokens tokens = two_tokens();
  EXPECT_EQ(tokens.add(kReader, api::Access::reading), "");
  EXPECT_NE(tokens.add(kReader, api::Access::changing), "");
  EXPECT_EQ(tokens.count(api::Access::changing), 1u);
  EXPECT_EQ(tokens.count(api::Access::reading), 1u);
  EXPECT_EQ(tokens, two_tokens());
  EXPECT_NE(tokens, AccessTokens{});
}

TEST(AccessTokens, KnowsItsOwnOnly) {
  const AccessTokens tokens = two_tokens();
  EXPECT_EQ(tokens.grant(kOperator).access, api::Access::changing);
  EXPECT_EQ(tokens.grant(kReader).access, api::Access::reading);
  EXPECT_NE(tokens.grant(kOperator).id, tokens.grant(kReader).id);
  for (const std::string& other : {std::string(), std::string(kOperator).substr(1), std::string(kOperator) + "=",
                                   std::string("Operator-0123456789"), std::string(kOperator) + '\0'}) {
    EXPECT_EQ(tokens.grant(other).access, api::Access::everybody) << other;
    EXPECT_EQ(tokens.grant(other).id, 0u) << other;
  }
}

TEST(AccessTokens, WhoMayStay) {
  AccessTokens tokens = two_tokens();
  EXPECT_TRUE(tokens.knows(tokens.grant(kReader).id));
  EXPECT_FALSE(tokens.knows(0));
  AccessTokens other;
  EXPECT_EQ(other.add(kOperator, api::Access::reading), "");
  EXPECT_TRUE(other.knows(tokens.grant(kOperator).id));
  EXPECT_FALSE(other.knows(tokens.grant(kReader).id));
  EXPECT_TRUE(AccessTokens{}.knows(tokens.grant(kReader).id));
  EXPECT_TRUE(AccessTokens{}.knows(0));
}

TEST(Bearer, TheSchemeIsReadAsRfc6750HasIt) {
  EXPECT_EQ(verdict_on(with("Bearer operator-0123456789")), Verdict::admitted);
  EXPECT_EQ(verdict_on(with("bearer  operator-0123456789")), Verdict::admitted);
  for (const char* none :
       {"", "Basic dXNlcjpwYXNzd29yZA==", "operator-0123456789", "Bearers operator-0123456789", "Bear"})
    EXPECT_EQ(verdict_on(with(none)), Verdict::no_token) << none;
  for (const char* unknown :
       {"Bearer", "Bearer ", "Bearer operator-0123456788", "Bearer\toperator-0123456789x",
        "Bearer operator-0123456789, Bearer operator-0123456789", "Bearer operator-0123456789 x"}) {
    const Verdict verdict = verdict_on(with(unknown));
    EXPECT_TRUE(verdict == Verdict::unknown_token || verdict == Verdict::no_token) << unknown;
  }
}

TEST(Bearer, EachKindHasItsReach) {
  const RequestHeader reader = with("Bearer reader.0123456789~+/==");
  const RequestHeader driver = with("Bearer operator-0123456789");
  EXPECT_EQ(verdict_on(with(""), api::Access::everybody), Verdict::admitted);
  EXPECT_EQ(verdict_on(with("Bearer nonsense"), api::Access::everybody), Verdict::admitted);
  EXPECT_EQ(verdict_on(reader, api::Access::reading), Verdict::admitted);
  EXPECT_EQ(verdict_on(reader, api::Access::changing), Verdict::read_only);
  EXPECT_EQ(verdict_on(driver, api::Access::reading), Verdict::admitted);
  EXPECT_EQ(verdict_on(driver, api::Access::changing), Verdict::admitted);
  EXPECT_EQ(verdict_on(with(""), api::Access::changing), Verdict::no_token);
  EXPECT_EQ(admit(two_tokens(), api::Access::reading, reader, false).token, two_tokens().grant(kReader).id);
}

TEST(Bearer, TheQueryCountsWhereItMay) {
  const auto verdict_of_query = [](std::string_view query, bool with_query = true) {
    return verdict_on(with("", query), api::Access::reading, with_query);
  };
  for (const char* good : {"access_token=operator-0123456789", "replay=0&access_token=operator-0123456789&telemetry=1",
                           "access%5Ftoken=operator%2D0123456789", "access_token=reader.0123456789~%2B%2F%3D%3D",
                           "access_token=reader.0123456789~+/=="}) {
    EXPECT_EQ(verdict_of_query(good), Verdict::admitted) << good;
    EXPECT_EQ(verdict_of_query(good, false), Verdict::no_token) << good;
  }
  for (const char* wrong : {"access_token=", "access_token", "access_token=operator-012345678", "access_token=%FF"})
    EXPECT_EQ(verdict_of_query(wrong), Verdict::unknown_token) << wrong;
  for (const char* none : {"", "token=operator-0123456789", "&&", "replay=0"})
    EXPECT_EQ(verdict_of_query(none), Verdict::no_token) << none;
}

TEST(Bearer, OneTokenIsEnough) {
  constexpr const char* kTwice = "access_token=operator-0123456789&access_token=operator-0123456789";
  EXPECT_EQ(verdict_on(with("", kTwice), api::Access::reading, true), Verdict::two_tokens);
  const RequestHeader both = with("Bearer operator-0123456789", "access_token=operator-0123456789");
  EXPECT_EQ(verdict_on(both, api::Access::reading, true), Verdict::two_tokens);
  EXPECT_EQ(verdict_on(both, api::Access::reading, false), Verdict::admitted);
  RequestHeader fields = with("Bearer operator-0123456789");
  fields.authorizations = 2;
  EXPECT_EQ(verdict_on(fields), Verdict::two_tokens);
  // What a proxy asks its clients for is no token of ours.
  EXPECT_EQ(verdict_on(with("Basic dTpw", "access_token=operator-0123456789"), api::Access::reading, true),
            Verdict::admitted);
}

TEST(Bearer, NoTokenIsLogged) {
  const std::vector<std::pair<std::string, std::string>> targets{
      {"/ws/status", "/ws/status"},
      {"/ws/status?", "/ws/status?"},
      {"/a?replay=0&&limit=1", "/a?replay=0&&limit=1"},
      {"/a?access_token=secret", "/a?access_token=..."},
      {"/a?access_token=secret&b=1", "/a?access_token=...&b=1"},
      {"/a?b=1&Access_Token=secret&access_token=secret", "/a?b=1&Access_Token=...&access_token=..."},
      {"/a?access%5ftoken=secret", "/a?access%5ftoken=..."},
      {"/a?b=1;access_token=secret?access_token=secret", "/a?b=1;access_token=...?access_token=..."},
      {"/a?access_token==secret=", "/a?access_token=..."},
      {"/access_token=x?access_token", "/access_token=x?access_token"},
      {"http://h/a?access_token=secret", "http://h/a?access_token=..."},
      {"", ""}};
  for (const auto& [target, shown] : targets) EXPECT_EQ(without_token(target), shown);
}

// However a query is put together: what lets somebody in is not in what is logged.
TEST(Bearer, WhatIsReadAsATokenIsNotLogged) {
  constexpr std::array kPieces{"?",
                               "&",
                               ";",
                               "=",
                               "%",
                               "a",
                               "&a=",
                               "access_token",
                               "access_token=",
                               "&access%5Ftoken=",
                               "ACCESS_TOKEN=",
                               "operator-0123456789",
                               "operator%2D0123456789",
                               "%6Fperator-0123456789"};
  std::mt19937 random(1);
  int admitted = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string query;
    for (auto pieces = random() % 9; pieces > 0; --pieces) query += kPieces[random() % kPieces.size()];
    if (verdict_on(with("", query), api::Access::reading, true) != Verdict::admitted) continue;
    ++admitted;
    const std::string logged = without_token("/ws/status?" + query);
    const std::string shown_query = logged.substr(logged.find('?') + 1);
    EXPECT_NE(verdict_on(with("", shown_query), api::Access::reading, true), Verdict::admitted) << query;
    EXPECT_NE(logged.find("=..."), std::string::npos) << query;
    EXPECT_EQ(without_token(logged), logged);
  }
  EXPECT_GT(admitted, 100);
}

}  // namespace
}  // namespace battery_twin::http
