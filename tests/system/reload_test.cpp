// SIGHUP and --reload: what takes effect in a running server, what is said of the rest.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "certificates.hpp"
#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

constexpr std::string_view kRead = "The configuration was read again: ";

// A server with a file of its own.
struct Configured {
  explicit Configured(const std::string& text, std::vector<std::string> options = {}) : twin(start(text, options)) {}

  void write(const std::string& text) const {
    // As an editor does it: the name is never without a whole file.
    std::ofstream(folder.file("new")) << text;
    std::filesystem::rename(folder.file("new"), file());
  }
  [[nodiscard]] std::string file() const { return folder.file("twin.toml"); }

  testing::TemporaryFolder folder;
  Twin twin;

 private:
  std::vector<std::string> start(const std::string& text, std::vector<std::string>& options) const {
    write(text);
    options.insert(options.end(), {"--config", file()});
    return options;
  }
};

TEST(Reload, SighupMakesWhatCanChangeChange) {
  Configured one("timeout-keep-alive = 5\n");
  Connection open(one.twin.server.port());
  const Headers from{{"Origin", "https://a.example"}};
  open.send(request_text("GET", "/health/live", {}, from));
  EXPECT_FALSE(read_response(open).header("access-control-allow-origin"));
  EXPECT_EQ(one.twin.get("/factory/status")["pacing"]["step_interval_ms"], 100);

  one.write(
      "header = [\"X-New: 1\"]\ncors-origin = [\"https://a.example\"]\nallowed-host = [\"twin.example\"]\n"
      "no-server-header = true\nno-access-log = true\nstep-interval = 7\nmax-body = 100\nlimit-concurrency = 50\n");
  one.twin.server.signal(SIGHUP);
  ASSERT_TRUE(one.twin.server.wait_for_error_text(kRead)) << one.twin.server.err();
  ASSERT_TRUE(one.twin.server.wait_for_error_text("step-interval, timeout-keep-alive\n")) << one.twin.server.err();

  // Also where the same bytes came before, on a connection that was open.
  open.send(request_text("GET", "/health/live", {}, from));
  const auto answer = read_response(open);
  EXPECT_EQ(answer.field("access-control-allow-origin"), "https://a.example");
  EXPECT_EQ(answer.field("x-new"), "1");
  EXPECT_FALSE(answer.header("server"));
  EXPECT_EQ(one.twin.http.get("/health/live", {{"Host", "twin.example"}}).status, 200);
  EXPECT_EQ(one.twin.http.post("/factory/start", {{"id", std::string(200, 'a')}}).status, 413);
  EXPECT_EQ(one.twin.get("/factory/status")["pacing"]["step_interval_ms"], 7);

  one.twin.server.signal(SIGTERM);
  EXPECT_EQ(one.twin.server.wait(), 0);
  const std::string log = one.twin.server.out();
  EXPECT_NE(log.find("/factory/status"), std::string::npos) << log;
  EXPECT_EQ(log.find("/factory/start "), std::string::npos) << log;
}

TEST(Reload, TheLogLevelChanges) {
  Configured one("");
  one.write("log-level = \"debug\"\n");
  one.twin.server.signal(SIGHUP);
  ASSERT_TRUE(one.twin.server.wait_for_error_text(std::string(kRead) + "log-level"));
  one.twin.start(Json::object());
  EXPECT_TRUE(one.twin.server.wait_for_error_text("DEBUG:"));
}

TEST(Reload, WhatCannotChangeIsNamedInOneLine) {
  Configured one("models = \"mechanistic\"\n");
  one.write("models = \"reference\"\nport = 1\nqueue-limit = 5\nheader = [\"X-New: 1\"]\n");
  one.twin.server.signal(SIGHUP);
  ASSERT_TRUE(one.twin.server.wait_for_error_text("WARNING:  models, queue-limit: needs a restart"))
      << one.twin.server.err();  // the port is on the command line, which comes first
  ASSERT_TRUE(one.twin.server.wait_for_error_text(std::string(kRead) + "header"));
  EXPECT_EQ(one.twin.http.get("/health/live").field("x-new"), "1");
  // It still needs it when nothing else has changed.
  one.twin.server.signal(SIGHUP);
  EXPECT_TRUE(one.twin.server.wait_for_error_text(std::string(kRead) + "no option that can change now has"));
  EXPECT_EQ(count(one.twin.server.err(), "WARNING:  models, queue-limit: needs a restart\n"), 2)
      << one.twin.server.err();
}

TEST(Reload, AnInvalidFileChangesNothing) {
  Configured one("header = [\"X-Old: 1\"]\n");
  for (const char* text : {"nonsense", "header = [\"no colon\"]\n", "no-such = 1\nheader = [\"X-New: 1\"]\n",
                           "log-level = \"loud\"\n", "ssl-keyfile = \"/no/such\"\n", "help = true\n"}) {
    one.write(text);
    const auto lines_before = one.twin.server.err().size();
    one.twin.server.signal(SIGHUP);
    EXPECT_TRUE(Twin::eventually([&] {
      const std::string said = one.twin.server.err().substr(lines_before);
      return said.starts_with("ERROR:    the configuration stays as it was: ") && said.ends_with('\n');
    })) << text
        << one.twin.server.err();
    const std::string said = one.twin.server.err().substr(lines_before);
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_EQ(one.twin.http.get("/health/live").field("x-old"), "1") << text;
  }
  one.write("header = [\"X-New: 1\"]\n");
  one.twin.server.signal(SIGHUP);
  EXPECT_TRUE(one.twin.server.wait_for_error_text(std::string(kRead) + "header"));
  EXPECT_EQ(one.twin.http.get("/health/live").field("x-new"), "1");
}

TEST(Reload, FilesAreWatchedWhenWanted) {
  Configured one("", {"--reload"});
  one.write("header = [\"X-New: 1\"]\n");
  ASSERT_TRUE(one.twin.server.wait_for_error_text(std::string(kRead) + "header"));
  EXPECT_EQ(one.twin.http.get("/health/live").field("x-new"), "1");
  EXPECT_EQ(one.twin.server.err().find("no file to watch"), std::string::npos);
}

TEST(Reload, AFileThatIsNamedLaterIsWatchedToo) {
  const testing::TemporaryFolder folder;
  const std::string first = folder.file("first.tokens");
  const std::string second = folder.file("second.tokens");
  const auto write_token = [](const std::string& file, const std::string& token) {
    std::ofstream(file + ".new") << "operator " << token << '\n';
    std::filesystem::rename(file + ".new", file);
  };
  write_token(first, "first-0123456789");
  write_token(second, "second-0123456789");
  Configured one("token-file = \"" + first + "\"\n", {"--reload"});
  const auto is_good = [&](const std::string& token) {
    return one.twin.http.get("/factory/status", {{"Authorization", "Bearer " + token}}).status == 200;
  };
  EXPECT_TRUE(is_good("first-0123456789"));
  one.write("token-file = \"" + second + "\"\n");
  ASSERT_TRUE(Twin::eventually([&] { return is_good("second-0123456789"); })) << one.twin.server.err();
  EXPECT_FALSE(is_good("first-0123456789"));
  write_token(second, "third-0123456789");
  ASSERT_TRUE(Twin::eventually([&] { return is_good("third-0123456789"); })) << one.twin.server.err();
  EXPECT_FALSE(is_good("second-0123456789"));
}

TEST(Reload, AnotherCellNeedsARestart) {
  const testing::TemporaryFolder folder;
  const std::string cell = folder.file("cell.json");
  std::ofstream(cell) << R"({"tab_resistance": 0.001})";
  ServerProcess server({"--cell", cell, "--reload"});
  std::ofstream(cell) << R"({"tab_resistance": 0.002})";
  EXPECT_TRUE(server.wait_for_error_text("cell: needs a restart")) << server.err();
}

// What the server says when a file that it has read has become a pipe into which nobody writes; then it must end.
std::string complaint_about_pipe(ServerProcess& server, const std::string& file) {
  std::filesystem::remove(file);
  EXPECT_EQ(::mkfifo(file.c_str(), 0600), 0);
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_error_text("the configuration stays as it was: ", seconds(20))) << server.err();
  const std::string log = server.err();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(seconds(20)), 0);
  const auto start = log.find("the configuration stays as it was: ");
  return start == std::string::npos ? log : log.substr(start + 35, log.find('\n', start) - start - 35);
}

TEST(Reload, WhatWouldHaveToBeWaitedForIsNotRead) {
  {
    Configured one("");
    EXPECT_EQ(complaint_about_pipe(one.twin.server, one.file()),
              "--config: " + one.file() + " is no regular file, it cannot be read again");
  }
  const testing::TemporaryFolder folder;
  const std::string cell = folder.file("cell.json");
  std::ofstream(cell) << R"({"tab_resistance": 0.001})";
  ServerProcess server({"--db", "none", "--cell", cell});
  EXPECT_EQ(complaint_about_pipe(server, cell), "--cell: " + cell + " is no regular file, it cannot be read again");

  const std::string certificate = folder.file("server.pem");
  const std::string key = folder.file("server.key");
  for (const std::string& file : {certificate, key}) {
    std::filesystem::remove(certificate);
    std::filesystem::remove(key);
    std::filesystem::copy_file(certificates().certificate("server"), certificate);
    std::filesystem::copy_file(certificates().key("server"), key);
    ServerProcess secure({"--db", "none", "--ssl-certfile", certificate, "--ssl-keyfile", key});
    EXPECT_EQ(complaint_about_pipe(secure, file),
              (file == key ? "--ssl-keyfile: " : "--ssl-certfile: ") + file + " is no regular file");
  }
}

TEST(Reload, APipeMayBeReadAtTheStart) {
  ServerProcess server({"--config", "/dev/fd/5"},
                       {"bash", "-c", "exec \"$0\" \"$@\" 5< <(echo 'header = [\"X-New: 1\"]')"});
  EXPECT_EQ(HttpClient(server.port()).get("/health/live").field("x-new"), "1");
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_error_text("is no regular file")) << server.err();
}

TEST(Reload, WorksWithoutAFile) {
  ServerProcess server({"--reload"});
  EXPECT_NE(server.err().find("--reload has no file to watch"), std::string::npos) << server.err();
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_error_text(kRead));
  EXPECT_EQ(HttpClient(server.port()).get("/health/live").status, 200);
}

}  // namespace
}  // namespace battery_twin::system
