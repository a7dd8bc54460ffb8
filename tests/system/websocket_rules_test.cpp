// What every WebSocket of the server keeps to, whatever goes over it: rules W4 to W10, over raw sockets. W1 to W3 are
// in websocket_flow_rules_test.cpp.
#include "websocket_rules.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace battery_twin::system {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A frame header of a client, its mask all zeros, that announces a length in eight bytes.
std::string long_header(int first_byte, std::uint64_t length) {
  std::string header = raw({first_byte, 0x80 | 127});
  for (int shift = 56; shift >= 0; shift -= 8) header += static_cast<char>(length >> shift & 0xFF);
  return header + std::string(4, '\0');
}

struct Wrong {
  const char* name;
  std::string bytes;
  int code;
};

// Each costs its sender the connection, which the server ends, and nobody else anything.
void expect_closes(const Twin& twin, const std::vector<Wrong>& cases) {
  WsClient other = twin.listen();
  for (const Wrong& one : cases) {
    WsClient client = twin.listen();
    client.send_bytes(one.bytes);
    EXPECT_EQ(client.wait_for_close(), one.code) << one.name;
    while (client.connection().receive()) {
    }
    EXPECT_EQ(client.connection().buffer(), "") << one.name;
  }
  other.send_text("still here");
  EXPECT_EQ(other.receive(), "Echo: still here");
}

TEST(W4, AMessageIsTooLongAsSoonAsItSaysSo) {
  const Twin twin;
  expect_closes(twin, {
                          {"a byte too long", long_header(0x81, kMaxMessage + 1), 1009},
                          {"as long as can be", long_header(0x81, (std::uint64_t{1} << 63) - 1), 1009},
                          {"too long in parts",
                           frame_bytes(Opcode::text, std::string(kMaxMessage, 'x'), false) +
                               frame_bytes(Opcode::continuation, "x").substr(0, 6),  // only announced
                           1009},
                          {"longer than a length may be", long_header(0x81, std::uint64_t{1} << 63), 1002},
                      });
  const Twin small({"--ws-max-size", "10"});
  expect_closes(small, {{"longer than configured", frame_bytes(Opcode::text, "12345678901"), 1009}});
}

TEST(W4, ADeclaredSizeIsNotAllocated) {
  const Twin twin;
  std::vector<WsClient> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(twin.listen("/ws/status?replay=0"));
  const std::size_t before = resident_bytes(twin);
  for (WsClient& client : clients) client.send_bytes(long_header(0x81, kMaxMessage) + "the beginning");
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
  EXPECT_LT(resident_bytes(twin), before + clients.size() * kMaxMessage / 10);
}

TEST(W4, AMessageOfTheGreatestSizeIsEchoed) {
  const Twin twin;
  WsClient client = twin.listen();
  EventMaker maker(twin);
  const std::string text(kMaxMessage, 'x');
  for (int i = 0; i < 3; ++i) {
    client.send_text(text);
    maker.make(50);  // other messages on the way do not make it one too many
    std::optional<std::string> answer;
    while ((answer = client.receive()) && !answer->starts_with("Echo: ")) {
    }
    EXPECT_EQ(answer, "Echo: " + text);
  }
  // In parts, and these in small pieces.
  client.send_bytes(frame_bytes(Opcode::text, text.substr(0, 500'000), false));
  client.send_bytes(frame_bytes(Opcode::continuation, "", false) + frame_bytes(Opcode::ping, "between"));
  client.send_bytes(frame_bytes(Opcode::continuation, text.substr(500'000)));
  std::optional<std::string> answer;
  while ((answer = client.receive()) && !answer->starts_with("Echo: ")) {
  }
  EXPECT_EQ(answer, "Echo: " + text);
  EXPECT_EQ(client.pongs().size(), 1u);
}

TEST(W5, FramesAgainstTheProtocolAre1002) {
  const Twin twin;
  const std::string hello = frame_bytes(Opcode::text, "hello");
  const auto with_first_byte = [&](int byte) {
    std::string bytes = hello;
    bytes[0] = static_cast<char>(byte);
    return bytes;
  };
  std::vector<Wrong> cases{
      {"unmasked", frame_bytes(Opcode::text, "hello", true, false), 1002},
      {"unmasked ping", frame_bytes(Opcode::ping, "", true, false), 1002},
      {"unmasked close", frame_bytes(Opcode::close, close_payload(1000), true, false), 1002},
      {"continuation of nothing", frame_bytes(Opcode::continuation, "x"), 1002},
      {"continuation after the end",
       frame_bytes(Opcode::text, "x", false) + frame_bytes(Opcode::continuation, "y") +
           frame_bytes(Opcode::continuation, "z"),
       1002},
      {"text within text", frame_bytes(Opcode::text, "x", false) + frame_bytes(Opcode::text, "y"), 1002},
      {"binary within text", frame_bytes(Opcode::text, "x", false) + frame_bytes(Opcode::binary, "y"), 1002},
      {"close of one byte", frame_bytes(Opcode::close, "x"), 1002},
      {"two bytes for a length of 125", raw({0x81, 0x80 | 126, 0, 125}) + std::string(4 + 125, '\0'), 1002},
      {"eight bytes for a length of 65535", long_header(0x81, 0xFFFF), 1002},
      {"eight bytes for a ping", long_header(0x89, 5), 1002},
  };
  for (const int bits : {0x40, 0x20, 0x10, 0x70})
    cases.push_back({"reserved bits", with_first_byte(0x81 | bits), 1002});
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
    cases.push_back({"reserved opcode", with_first_byte(0x80 | opcode), 1002});
  for (const Opcode opcode : {Opcode::close, Opcode::ping, Opcode::pong}) {
    cases.push_back({"control frame in parts", frame_bytes(opcode, "", false), 1002});
    cases.push_back({"control frame of 126 bytes", frame_bytes(opcode, std::string(126, 'x')), 1002});
  }
  expect_closes(twin, cases);
}

TEST(W5, WhatCameBeforeABrokenFrameIsAnswered) {
  const Twin twin;
  WsClient client = twin.listen("/ws/status?replay=0");
  client.send_bytes(frame_bytes(Opcode::text, "good") + frame_bytes(Opcode::continuation, "bad") +
                    frame_bytes(Opcode::text, "too late"));
  EXPECT_EQ(client.receive(), "Echo: good");
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_EQ(client.close_code(), 1002);
}

TEST(W5, BinaryIs1003) {
  const Twin twin;
  expect_closes(twin, {{"binary", frame_bytes(Opcode::binary, "data"), 1003},
                       {"empty binary", frame_bytes(Opcode::binary, ""), 1003},
                       {"binary in parts", frame_bytes(Opcode::binary, "da", false), 1003}});
}

TEST(W5, InvalidUtf8Is1007AtTheFirstBadByte) {
  const Twin twin;
  std::vector<Wrong> cases{
      {"cut off", frame_bytes(Opcode::text, "gr\xC3"), 1007},
      {"cut off in parts", frame_bytes(Opcode::text, "gr\xC3", false) + frame_bytes(Opcode::continuation, ""), 1007},
      {"in a close reason", frame_bytes(Opcode::close, close_payload(1000) + "\xC0\xAF"), 1007},
      {"cut off in a close reason", frame_bytes(Opcode::close, close_payload(1000) + "\xE2\x82"), 1007},
      {"bad in a second part",
       frame_bytes(Opcode::text, "gr\xC3", false) + frame_bytes(Opcode::continuation, "x", false), 1007},
  };
  for (const std::string bad :
       {"\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE0\x9F\xBF", "\xF0\x80\x80\xAF", "\xF0\x8F\xBF\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE", "\x80", "\xBF", "\xC3(", "\xE2\x28\xA1",
        "\xE2\x82\x28"}) {
    // The message goes on for long; what is sent of it ends with the bad byte.
    const std::string whole = frame_bytes(Opcode::text, "0123456789" + bad + std::string(1000, 'x'));
    cases.push_back({"first of many bytes", whole.substr(0, 8 + 10 + bad.size()), 1007});
    cases.push_back({"unfinished message", frame_bytes(Opcode::text, bad, false), 1007});
  }
  expect_closes(twin, cases);
}

TEST(W5, ValidUtf8IsTakenHoweverItIsCut) {
  const Twin twin;
  WsClient client = twin.listen("/ws/status?replay=0");
  const std::string text =
      "\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    client.send_bytes(frame_bytes(Opcode::text, text.substr(0, cut), false));
    client.send_bytes(frame_bytes(Opcode::continuation, text.substr(cut)));
    EXPECT_EQ(client.receive(), "Echo: " + text);
  }
  for (const char byte : frame_bytes(Opcode::text, text)) client.send_bytes(std::string(1, byte));
  EXPECT_EQ(client.receive(), "Echo: " + text);
}

TEST(W5, CloseCodesAreChecked) {
  const Twin twin;
  std::vector<Wrong> cases;
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535})
    cases.push_back({"a code that may not be sent", frame_bytes(Opcode::close, close_payload(code)), 1002});
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999})
    cases.push_back({"a good code comes back", frame_bytes(Opcode::close, close_payload(code) + "reason"), code});
  cases.push_back({"no code", frame_bytes(Opcode::close, ""), 1005});
  cases.push_back(
      {"the longest reason", frame_bytes(Opcode::close, close_payload(1000) + std::string(123, 'x')), 1000});
  expect_closes(twin, cases);
  EXPECT_TRUE(freed(twin, 0));
}

TEST(W6, BytesSentWithTheHandshakeAreNotLost) {
  const Twin twin;
  const std::string target = "/ws/status?replay=0";
  WsClient client(twin.server.port(), WsClient::Options{.target = target,
                                                        .sent_ahead = frame_bytes(Opcode::text, "early") +
                                                                      frame_bytes(Opcode::text, "second") +
                                                                      frame_bytes(Opcode::text, "third").substr(0, 7)});
  client.send_bytes(frame_bytes(Opcode::text, "third").substr(7));
  for (const char* text : {"early", "second", "third"}) EXPECT_EQ(client.receive(), "Echo: " + std::string(text));
  const std::string long_text(50'000, 'x');
  WsClient more(twin.server.port(),
                WsClient::Options{.target = target, .sent_ahead = frame_bytes(Opcode::text, long_text)});
  EXPECT_EQ(more.receive(), "Echo: " + long_text);
  const WsClient::Options closing{.target = target, .sent_ahead = frame_bytes(Opcode::close, close_payload(1001))};
  EXPECT_EQ(WsClient(twin.server.port(), closing).wait_for_close(), 1001);
  const WsClient::Options wrong{.target = target, .sent_ahead = "rubbish"};
  EXPECT_EQ(WsClient(twin.server.port(), wrong).wait_for_close(), 1002);
}

TEST(W7, TheHandshakeFollowsTheRfc) {
  const Twin twin;
  WsClient client = twin.listen();
  EXPECT_EQ(client.handshake().field("Sec-WebSocket-Accept"), kWebSocketAccept);
  EXPECT_EQ(client.handshake().header("Sec-WebSocket-Protocol"), std::nullopt);
  EXPECT_EQ(client.handshake().header("Sec-WebSocket-Extensions"), std::nullopt);
  const WsClient offering(twin.server.port(), WsClient::Options{.headers = {{"Sec-WebSocket-Protocol", "chat"}}});
  EXPECT_EQ(offering.handshake().header("Sec-WebSocket-Protocol"), std::nullopt);
}

TEST(W7, AHandshakeThatIsNoneIsRefused) {
  const Twin twin;
  const auto status = [&](std::string text) { return twin.http.raw(text); };
  const std::string good = upgrade_text("/ws/status");
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const HttpResponse version = status(with("Version: 13", "Version: 8"));
  EXPECT_EQ(version.status, 426);
  EXPECT_EQ(version.field("Sec-WebSocket-Version"), "13");
  EXPECT_EQ(status(with(kWebSocketKey, "c2hvcnQ=")).status, 400);
  EXPECT_EQ(status(with(kWebSocketKey, "")).status, 400);
  EXPECT_EQ(status(with("HTTP/1.1", "HTTP/1.0")).status, 400);
  for (const char* query : {"since=abc", "since=-1", "replay=x", "telemetry=maybe"}) {
    const HttpResponse response = status(upgrade_text("/ws/status?" + std::string(query)));
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_EQ(response.json().at("detail").at(0).at("loc").at(0), "query") << query;
  }
}

TEST(W8, TheOriginIsLookedAt) {
  const Twin twin({"--cors-origin", "https://plant.example"});
  for (const char* origin : {"https://evil.example", "null", "http://localhost.evil.example",
                             "https://plant.example.evil", "https://plant.example:444"}) {
    EXPECT_EQ(twin.http.raw(upgrade_text("/ws/status", {{"Origin", origin}})).status, 403) << origin;
  }
  for (const std::string& origin :
       {std::string("http://localhost:3000"), std::string("https://plant.example"), twin.server.url()}) {
    Connection connection(twin.server.port());
    connection.send(upgrade_text("/ws/status", {{"Origin", origin}}));
    EXPECT_EQ(read_response(connection).status, 101) << origin;
  }
  EXPECT_EQ(twin.http.raw(upgrade_text("/ws/status", {{"Host", "evil.example"}})).status, 421);
}

TEST(W9, CompressionIsNotOfferedAndNotTaken) {
  const Twin twin;
  WsClient client(
      twin.server.port(),
      WsClient::Options{.headers = {{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}}});
  EXPECT_EQ(client.handshake().header("Sec-WebSocket-Extensions"), std::nullopt);
  std::string compressed = frame_bytes(Opcode::text, "hello");
  compressed[0] = static_cast<char>(0xC1);
  client.send_bytes(compressed);
  EXPECT_EQ(client.wait_for_close(), 1002);
}

TEST(W10, TheServerEndsTheConnectionAfterTheClose) {
  const Twin twin;
  WsClient client = twin.listen("/ws/status?replay=0");
  // What comes behind the close is not answered.
  client.send_bytes(frame_bytes(Opcode::close, close_payload(1000)) + frame_bytes(Opcode::text, "late") +
                    frame_bytes(Opcode::ping, "late"));
  while (client.connection().receive()) {
  }
  EXPECT_EQ(client.connection().buffer(), raw({0x88, 2}) + close_payload(1000));
  // The client has not closed its side and need not for the server to be rid of it.
  EXPECT_TRUE(freed(twin, 0));
}

TEST(W10, NothingIsSentBehindTheClose) {
  const Twin twin;
  WsClient client = twin.listen("/ws/status?replay=0");
  EventMaker maker(twin);
  client.send_bytes(frame_bytes(Opcode::close, close_payload(1000)));
  maker.make(100);
  (void)client.wait_for_close();
  EXPECT_EQ(client.close_code(), 1000);
  while (client.connection().receive()) {
  }
  EXPECT_EQ(client.connection().buffer(), "");
}

TEST(W10, ClientsThatDieAreFreedInTime) {
  const Twin twin({"--step-interval", "0"});
  WsClient witness = twin.listen();
  const std::string frame = frame_bytes(Opcode::text, std::string(1000, 'x'));
  std::vector<WsClient> half_closed;
  for (std::size_t cut = 0; cut < frame.size(); cut += 97) {
    WsClient reset = twin.listen();
    reset.send_bytes(frame.substr(0, cut));
    reset.connection().reset();
    half_closed.push_back(twin.listen());
    half_closed.back().send_bytes(frame.substr(0, cut));
    half_closed.back().connection().shutdown_send();
  }
  EXPECT_TRUE(freed(twin, 1));
  for (WsClient& client : half_closed) {
    while (client.connection().receive()) {
    }
  }
  twin.start({{"id", "after"}});
  std::vector<Json> messages;
  witness.wait_for_status("batch_completed", "after", &messages);
  EXPECT_EQ(order_problem(messages, "after"), "");
}

TEST(W10, ADrainWaitsForNobodyWhoDoesNotAnswer) {
  Twin twin;
  WsClient answers = twin.listen("/ws/status?replay=0");
  WsClient says_nothing = twin.listen("/ws/status?replay=0");
  twin.server.signal(SIGTERM);
  EXPECT_EQ(answers.wait_for_close(), 1012);
  const std::string expected = raw({0x88, 2}) + close_payload(1012);
  while (says_nothing.connection().receive()) {
  }
  EXPECT_EQ(says_nothing.connection().buffer(), expected);
  EXPECT_EQ(twin.server.wait(seconds(10)), 0);
}

}  // namespace
}  // namespace battery_twin::system
