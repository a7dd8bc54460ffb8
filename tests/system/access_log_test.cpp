// A WebSocket in the log: as uvicorn has it in text, like every other request in JSON.
#include <gtest/gtest.h>

#include <csignal>

#include "twin.hpp"

namespace battery_twin::system {
namespace {

struct Written {
  std::string out, err;
};

// What a server has written once a WebSocket was opened, another refused, and a page asked for.
Written written_with(const std::vector<std::string>& options) {
  Twin twin(options);
  EXPECT_EQ(twin.listen("/ws/status?replay=0").handshake().status, 101);
  EXPECT_EQ(twin.http.raw(upgrade_text("/ws/\x22nothing", {})).status, 403);
  EXPECT_EQ(twin.http.get("/health/live").status, 200);
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  return {twin.server.out(), twin.server.err()};
}

TEST(AccessLog, HasWebSocketsAsUvicorn) {
  const Written written = written_with({});
  EXPECT_NE(written.err.find(" - \"WebSocket /ws/status?replay=0\" [accepted]\n"), std::string::npos) << written.err;
  EXPECT_NE(written.err.find(" - \"WebSocket /ws/\\x22nothing\" 403\n"), std::string::npos) << written.err;
  EXPECT_NE(written.err.find("\nINFO:     127.0.0.1:"), std::string::npos) << written.err;
  EXPECT_EQ(written.out.find("/ws/"), std::string::npos) << written.out;
  EXPECT_NE(written.out.find("\"GET /health/live HTTP/1.1\" 200 OK\n"), std::string::npos) << written.out;
}

TEST(AccessLog, HasWebSocketsAsOtherRequestsInJson) {
  const Written written = written_with({"--log-format", "json"});
  EXPECT_EQ(written.err.find("/ws/"), std::string::npos) << written.err;
  for (const char* part : {R"("method":"GET","target":"/ws/status?replay=0","version":"1.1","status":101})",
                           R"("method":"GET","target":"/ws/\"nothing","version":"1.1","status":403})",
                           R"("method":"GET","target":"/health/live","version":"1.1","status":200})"})
    EXPECT_NE(written.out.find(part), std::string::npos) << part << '\n' << written.out;
}

TEST(AccessLog, HasNoneOfThemWhereThereIsNone) {
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--no-access-log"}, {"--no-access-log", "--log-format", "json"}}) {
    const Written written = written_with(options);
    EXPECT_EQ(written.err.find("/ws/"), std::string::npos) << written.err;
    EXPECT_EQ(written.out, "");
  }
}

}  // namespace
}  // namespace battery_twin::system
