// What must hold for every WebSocket client, one test or more per rule; those that need limits a test can wait for are
// in tests/http. A client that breaks the protocol loses its connection, and nobody else notices.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

std::string raw(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text += static_cast<char>(byte);
  return text;
}

std::string close_payload(int code) { return raw({code >> 8, code & 0xFF}); }

constexpr std::size_t kMaxMessage = 1024 * 1024;

struct Wrong {
  const char* name;
  std::string bytes;
  int code;
};

void expect_closes(const Twin& twin, const std::vector<Wrong>& cases) {
  WsClient other = twin.listen();
  for (const Wrong& one : cases) {
    WsClient client = twin.listen();
    client.send_bytes(one.bytes);
    EXPECT_EQ(client.wait_for_close(), one.code) << one.name;
    while (client.connection().receive()) {  // the server ends the connection
    }
  }
  other.send_text("still here");
  EXPECT_EQ(other.receive(), "Echo: still here");
}

TEST(W5, KindsAndTextsThatAreNotTaken) {
  const Twin twin;
  expect_closes(
      twin,
      {
          {"binary", frame_bytes(Opcode::binary, "data"), 1003},
          {"invalid UTF-8", frame_bytes(Opcode::text, "\xC0\xAF"), 1007},
          {"UTF-8 cut off", frame_bytes(Opcode::text, "gr\xC3"), 1007},
          {"surrogate", frame_bytes(Opcode::text, "\xED\xA0\x80"), 1007},
          {"UTF-8 longer than needed", frame_bytes(Opcode::text, "\xE0\x80\xAF"), 1007},
          {"above U+10FFFF", frame_bytes(Opcode::text, "\xF4\x90\x80\x80"), 1007},
          {"UTF-8 cut by the next part",
           frame_bytes(Opcode::text, "gr\xC3", false) + frame_bytes(Opcode::continuation, "x"), 1007},
          {"at the first bad byte of a message that does not end",
           frame_bytes(Opcode::text, std::string(100, 'x') + "\xFF" + std::string(1000, 'x')).substr(0, 120), 1007},
          {"binary, at its first byte", raw({0x82}), 1003},
      });
}

TEST(W5, BrokenFramesAreProtocolErrors) {
  const Twin twin;
  for (const int bit : {0x10, 0x20, 0x40}) {
    for (const int opcode : {0x80, 0x81, 0x88, 0x89, 0x8A})
      expect_closes(twin, {{"reserved bit", raw({opcode | bit, 0x80, 0, 0, 0, 0}), 1002}});
  }
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
    expect_closes(twin, {{"reserved opcode", raw({0x80 | opcode, 0x80, 0, 0, 0, 0}), 1002}});
  expect_closes(
      twin, {
                {"unmasked", frame_bytes(Opcode::text, "hello", true, false), 1002},
                {"continuation of nothing", frame_bytes(Opcode::continuation, "x"), 1002},
                {"text within text", frame_bytes(Opcode::text, "x", false) + frame_bytes(Opcode::text, "y"), 1002},
                {"fragmented ping", frame_bytes(Opcode::ping, "x", false), 1002},
                {"long ping", frame_bytes(Opcode::ping, std::string(126, 'x')), 1002},
                {"close of one byte", frame_bytes(Opcode::close, "x"), 1002},
                {"close of one byte within a message",
                 frame_bytes(Opcode::text, "x", false) + frame_bytes(Opcode::close, "x"), 1002},
                {"unmasked, at its second byte", raw({0x81, 5}), 1002},
                {"non-minimal length", raw({0x81, 0x80 | 126, 0, 1, 0, 0, 0, 0, 'x'}), 1002},
                {"non-minimal long length", raw({0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0}), 1002},
                {"ping with a long length", raw({0x89, 0x80 | 126}), 1002},
            });
}

TEST(W5, CloseCodesAreChecked) {
  const Twin twin;
  std::vector<Wrong> cases;
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 9999, 65535})
    cases.push_back({"a code that may not be sent", frame_bytes(Opcode::close, close_payload(code)), 1002});
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999})
    cases.push_back({"a good code comes back", frame_bytes(Opcode::close, close_payload(code)), code});
  cases.push_back({"none", frame_bytes(Opcode::close, ""), 1000});
  cases.push_back({"a reason", frame_bytes(Opcode::close, close_payload(1000) + "gr\xC3\xBC\xC3\x9F"), 1000});
  cases.push_back({"a reason that is no text", frame_bytes(Opcode::close, close_payload(1000) + "\xC3"), 1007});
  cases.push_back({"a reason too long", frame_bytes(Opcode::close, close_payload(1000) + std::string(124, 'x')), 1002});
  expect_closes(twin, cases);
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("websocket_clients") == 0; }));
}

TEST(W4, LongerMessagesAreClosedWith1009) {
  const Twin twin;
  expect_closes(
      twin,
      {
          {"one frame", frame_bytes(Opcode::text, std::string(kMaxMessage + 1, 'x')), 1009},
          {"its head alone", frame_bytes(Opcode::text, std::string(kMaxMessage + 1, 'x')).substr(0, 14), 1009},
          {"in parts",
           frame_bytes(Opcode::text, std::string(kMaxMessage, 'x'), false) + frame_bytes(Opcode::continuation, "x"),
           1009},
          {"63 bits", raw({0x81, 0x80 | 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}), 1009},
          {"the top bit", raw({0x81, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}), 1002},
      });
}

TEST(W4, AMessageOfTheGreatestSizeIsEchoed) {
  const Twin twin;
  WsClient client = twin.listen();
  const std::string text(kMaxMessage, 'x');
  for (int i = 0; i < 3; ++i) client.send_text(text);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.receive(), "Echo: " + text);
}

// Every length that is written in another way, and frames that come byte by byte.
TEST(W5, WholeFramesComeBack) {
  const Twin twin;
  WsClient client = twin.listen();
  for (const std::size_t size : {0, 1, 119, 120, 125, 126, 127, 128, 65529, 65530, 65535, 65536, 70000}) {
    const std::string text(size, 'x');
    client.send_text(text);
    EXPECT_EQ(client.receive(), "Echo: " + text);
  }
  const std::string wide = "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x94\x8B \xF4\x8F\xBF\xBF";
  for (const char byte : frame_bytes(Opcode::text, wide)) client.send_bytes(std::string(1, byte));
  EXPECT_EQ(client.receive(), "Echo: " + wide);
  // A character cut by two fragments, a ping between them, empty ones around.
  client.send_bytes(frame_bytes(Opcode::text, "", false) + frame_bytes(Opcode::continuation, "\xE2\x82", false) +
                    frame_bytes(Opcode::ping, "p") + frame_bytes(Opcode::continuation, "\xAC", false) +
                    frame_bytes(Opcode::continuation, ""));
  EXPECT_EQ(client.receive(), "Echo: \xE2\x82\xAC");
}

// Pings, texts and the close of a client all at once: what comes back is whole frames, in order.
TEST(W1, OneWriteAtATime) {
  const Twin twin({"--step-interval", "0"});
  WsClient client = twin.listen("/ws/status?telemetry=1");
  twin.start(Json::object());
  std::string bytes;
  constexpr int kTexts = 500;
  for (int i = 0; i < kTexts; ++i)
    bytes += frame_bytes(Opcode::ping, std::string(static_cast<std::size_t>(i % 126), 'p')) +
             frame_bytes(Opcode::text, std::to_string(i)) + frame_bytes(Opcode::pong, "");
  client.send_bytes(bytes + frame_bytes(Opcode::close, close_payload(1000)));
  int echoed = 0;
  while (const auto text = client.receive()) {
    if (text->starts_with("Echo: ")) {
      EXPECT_EQ(*text, "Echo: " + std::to_string(echoed++));
    }
  }
  EXPECT_EQ(client.close_code(), 1000);
  EXPECT_LE(echoed, kTexts);
}

TEST(W10, CloseIsAnsweredAndTcpIsEndedByTheServer) {
  const Twin twin;
  for (const bool shut_down : {false, true}) {
    WsClient client = twin.listen("/ws/status?replay=0");
    client.send_bytes(frame_bytes(Opcode::close, close_payload(4000)) + frame_bytes(Opcode::text, "too late"));
    Connection& connection = client.connection();
    if (shut_down) connection.shutdown_send();
    while (connection.receive()) {
    }
    EXPECT_EQ(connection.buffer(), "\x88\x02" + close_payload(4000));  // and nothing behind it
  }
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("websocket_clients") == 0; }));
}

TEST(W10, ClientsThatDieWithinAFrameAreForgotten) {
  const Twin twin({"--step-interval", "0"});
  WsClient witness = twin.listen();
  const std::string frame = frame_bytes(Opcode::text, std::string(1000, 'x'));
  for (std::size_t cut = 1; cut < frame.size(); cut += 97) {
    WsClient reset = twin.listen();
    reset.send_bytes(frame.substr(0, cut));
    reset.connection().reset();
    WsClient half_closed = twin.listen();
    half_closed.send_bytes(frame.substr(0, cut));
    half_closed.connection().shutdown_send();
    while (half_closed.connection().receive()) {
    }
  }
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("websocket_clients") == 1; }));
  twin.start({{"id", "after"}});
  std::vector<Json> messages;
  witness.wait_for_status("batch_completed", "after", &messages);
  EXPECT_EQ(order_problem(messages, "after"), "");
}

TEST(W2, ClientsThatSendWithoutReadingAreBounded) {
  const Twin twin;
  WsClient greedy(twin.server.port(), WsClient::Options{.connection = {.receive_buffer = 4096}});
  // The server stops to read, or closes; either way it does not hoard what it would have to send.
  const std::string frame = frame_bytes(Opcode::text, std::string(64 * 1024, 'x'));
  constexpr std::size_t kMost = 64 * 1024 * 1024;
  std::size_t sent = 0;
  std::string rest;
  for (int refusals = 0; sent < kMost && refusals < 100;) {
    if (rest.empty()) rest = frame;
    const ssize_t size =
        ::send(greedy.connection().descriptor(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      rest.erase(0, static_cast<std::size_t>(size));
      refusals = 0;
    } else {
      // Full. So many answers show that the server had its turn and still does not read.
      ++refusals;
      ASSERT_EQ(twin.http.get("/health/live").status, 200);
    }
  }
  EXPECT_LT(sent, kMost);
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
}

TEST(W6, BytesSentWithTheHandshakeAreNotLost) {
  const Twin twin;
  WsClient client(twin.server.port(), WsClient::Options{.sent_ahead = frame_bytes(Opcode::text, "early") +
                                                                      frame_bytes(Opcode::text, "second")});
  EXPECT_EQ(client.receive(), "Echo: early");
  EXPECT_EQ(client.receive(), "Echo: second");
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

TEST(W7, WhatIsNoHandshakeIsRefused) {
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
  for (const char* key : {"dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ",
                          "dGhlIHNhbXBsZSBub25jZ%==", "dGhlIHNhbXBsZSBub25jZQ==x", "dGhlIHNhbXBsZSBub25jZTE2Ynl0ZXM="})
    EXPECT_EQ(status(with(kWebSocketKey, key)).status, 400) << key;
  EXPECT_EQ(status(with("HTTP/1.1", "HTTP/1.0")).status, 400);
  EXPECT_EQ(status(with("GET", "POST")).status, 400);
  EXPECT_EQ(status(with("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\n{}")).status, 400);
  for (const char* path : {"/ws", "/ws/other", "/nothing", "/"})
    EXPECT_EQ(status(upgrade_text(path)).status, 403) << path;
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

TEST(W9, NoCompressionIsOffered) {
  const Twin twin;
  WsClient client(
      twin.server.port(),
      WsClient::Options{.headers = {{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}}});
  EXPECT_EQ(client.handshake().header("Sec-WebSocket-Extensions"), std::nullopt);
  client.send_bytes(raw({0xC1, 0x80, 0, 0, 0, 0}));  // as if it had been
  EXPECT_EQ(client.wait_for_close(), 1002);
}

}  // namespace
}  // namespace battery_twin::system
