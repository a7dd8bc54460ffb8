// Frames that break the protocol, and clients that go away: each costs its sender the connection and nobody else.
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

TEST(WsFrames, KindsAndTextsThatAreNotTaken) {
  const Twin twin;
  expect_closes(twin, {
                          {"binary", frame_bytes(Opcode::binary, "data"), 1003},
                          {"invalid UTF-8", frame_bytes(Opcode::text, "\xC0\xAF"), 1007},
                          {"UTF-8 cut off", frame_bytes(Opcode::text, "gr\xC3"), 1007},
                          {"surrogate", frame_bytes(Opcode::text, "\xED\xA0\x80"), 1007},
                          {"too long", frame_bytes(Opcode::text, std::string(1024 * 1024 + 1, 'x')), 1009},
                          {"too long in parts",
                           frame_bytes(Opcode::text, std::string(1024 * 1024, 'x'), false) +
                               frame_bytes(Opcode::continuation, "x"),
                           1009},
                      });
}

TEST(WsFrames, BrokenOnesAreProtocolErrors) {
  const Twin twin;
  const std::string masked_hello = frame_bytes(Opcode::text, "hello");
  std::string reserved_bit = masked_hello;
  reserved_bit[0] = static_cast<char>(reserved_bit[0] | 0x40);
  std::string reserved_opcode = masked_hello;
  reserved_opcode[0] = static_cast<char>(0x83);
  expect_closes(twin,
                {
                    {"unmasked", frame_bytes(Opcode::text, "hello", true, false), 1002},
                    {"reserved bit", reserved_bit, 1002},
                    {"reserved opcode", reserved_opcode, 1002},
                    {"continuation of nothing", frame_bytes(Opcode::continuation, "x"), 1002},
                    {"text within text", frame_bytes(Opcode::text, "x", false) + frame_bytes(Opcode::text, "y"), 1002},
                    {"fragmented ping", frame_bytes(Opcode::ping, "x", false), 1002},
                    {"long ping", frame_bytes(Opcode::ping, std::string(126, 'x')), 1002},
                    {"close of one byte", frame_bytes(Opcode::close, "x"), 1002},
                    {"non-minimal length", raw({0x81, 0x80 | 126, 0, 1, 0, 0, 0, 0, 'x'}), 1002},
                });
}

TEST(WsFrames, CloseCodesAreChecked) {
  const Twin twin;
  std::vector<Wrong> cases;
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2999})
    cases.push_back({"a code that may not be sent", frame_bytes(Opcode::close, close_payload(code)), 1002});
  for (const int code : {1000, 1001, 3000, 4999})
    cases.push_back({"a good code comes back", frame_bytes(Opcode::close, close_payload(code)), code});
  expect_closes(twin, cases);
  EXPECT_TRUE(Twin::eventually([&] { return twin.get("/health").at("websocket_clients") == 0; }));
}

TEST(WsFrames, AMessageOfTheGreatestSizeIsEchoed) {
  const Twin twin;
  WsClient client = twin.listen();
  const std::string text(1024 * 1024 - 6, 'x');  // "Echo: " before it fills the limit of unread bytes
  client.send_text(text);
  EXPECT_EQ(client.receive(), "Echo: " + text);
}

TEST(WsClients, ThatDieWithinAFrameAreForgotten) {
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

TEST(WsClients, ThatSendWithoutReadingAreBounded) {
  const Twin twin;
  WsClient greedy(twin.server.port(), WsClient::Options{.connection = {.receive_buffer = 4096}});
  // The server stops to read, or closes; either way it does not hoard what it would have to send.
  const std::string frame = frame_bytes(Opcode::text, std::string(64 * 1024, 'x'));
  constexpr std::size_t kMost = 64 * 1024 * 1024;
  std::size_t sent = 0;
  std::string rest;
  for (int refusals = 0; sent < kMost && refusals < 3;) {
    if (rest.empty()) rest = frame;
    const ssize_t size =
        ::send(greedy.connection().descriptor(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      rest.erase(0, static_cast<std::size_t>(size));
      refusals = 0;
    } else {
      // Full. Another answer shows that the server had its turn and still does not read.
      ++refusals;
      ASSERT_EQ(twin.http.get("/health/live").status, 200);
    }
  }
  EXPECT_LT(sent, kMost);
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
}

}  // namespace
}  // namespace battery_twin::system
