// The pages and files for browsers, as they come over the wire. What the pages do is tests/dashboard's.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>

#include "temporary_folder.hpp"
#include "twin.hpp"

namespace battery_twin::system {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

constexpr bool kHasDashboard = BATTERY_TWIN_HAS_DASHBOARD;
const Headers kBrowser{{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}};

Headers browser_with(const std::string& name, const std::string& value) {
  Headers headers = kBrowser;
  headers.emplace_back(name, value);
  return headers;
}

// What a page names.
std::vector<std::string> addresses_in(const std::string& html) {
  static const std::regex pattern("(?:src|href)=\"([^\"]*)\"");
  std::vector<std::string> found;
  for (std::sregex_iterator at(html.begin(), html.end(), pattern), end; at != end; ++at)
    found.push_back((*at)[1].str());
  return found;
}

// The program's own dashboard.
class EmbeddedDashboard : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kHasDashboard) GTEST_SKIP() << "built without it";
  }
};

TEST_F(EmbeddedDashboard, PagesLoadWhatIsThere) {
  const Twin twin({"--db", "none"});
  for (const char* page : {"/", "/docs"}) {
    const HttpResponse html = twin.http.get(page, kBrowser);
    ASSERT_EQ(html.status, 200) << page;
    EXPECT_EQ(html.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(html.field("X-Content-Type-Options"), "nosniff");
    EXPECT_NE(html.field("Content-Security-Policy").find("script-src 'self'"), std::string::npos);
    std::size_t files = 0;
    for (const std::string& file : addresses_in(html.body)) {
      // Nothing from elsewhere, and nothing that does not work below another path.
      EXPECT_TRUE(file.starts_with("data:") || (file.find("//") == std::string::npos && !file.starts_with('/')))
          << file;
      if (!file.ends_with(".js") && !file.ends_with(".css")) continue;
      ++files;
      const HttpResponse plain = twin.http.get("/" + file);
      EXPECT_EQ(plain.status, 200) << file;
      EXPECT_EQ(plain.field("Content-Type"),
                file.ends_with(".js") ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8");
      EXPECT_EQ(plain.field("Cache-Control"), "public, max-age=31536000, immutable");
      EXPECT_FALSE(plain.header("Content-Encoding"));
      EXPECT_FALSE(plain.body.starts_with("\x1f\x8b")) << file;
      const HttpResponse zipped = twin.http.get("/" + file, {{"Accept-Encoding", "gzip, deflate, br"}});
      EXPECT_EQ(zipped.field("Content-Encoding"), "gzip");
      EXPECT_TRUE(zipped.body.starts_with("\x1f\x8b")) << file;
    }
    EXPECT_GE(files, 2u) << html.body;
  }
}

// What is bundled wants its licences to go with it.
TEST_F(EmbeddedDashboard, PagesSayWhereTheLicencesAre) {
  const Twin twin({"--db", "none"});
  for (const char* page : {"/", "/docs"}) {
    const std::string html = twin.http.get(page, kBrowser).body;
    std::smatch link;
    ASSERT_TRUE(std::regex_search(html, link, std::regex("<link rel=\"license\" href=\"([^\"]*)\">"))) << html;
    const HttpResponse licences = twin.http.get("/" + link[1].str());
    EXPECT_EQ(licences.status, 200);
    EXPECT_EQ(licences.field("Content-Type"), "text/plain; charset=utf-8");
    for (const char* part : {"preact ", "@preact/signals ", "@preact/signals-core ", "uplot ", "swagger-ui-dist ",
                             "Leon Sorokin", "Jason Miller", "SmartBear", "Apache License", "Jed Watson"})
      EXPECT_NE(licences.body.find(part), std::string::npos) << part;
  }
}

TEST_F(EmbeddedDashboard, ProgramsGetTheGreeting) {
  const Twin twin({"--db", "none"});
  for (const Headers& headers : {Headers{}, Headers{{"Accept", "*/*"}}, Headers{{"Accept", "application/json"}}}) {
    const HttpResponse response = twin.http.get("/", headers);
    EXPECT_EQ(response.field("Content-Type"), "application/json");
    EXPECT_EQ(response.field("Vary"), "Accept");
    EXPECT_EQ(response.json().at("success"), true);
  }
}

TEST_F(EmbeddedDashboard, WhoHasAPageGets304) {
  Twin twin({"--db", "none"});
  for (const char* path : {"/", "/docs", "/openapi.json", "/asyncapi.json"}) {
    for (const char* encoding : {"identity", "gzip"}) {
      Headers headers = browser_with("Accept-Encoding", encoding);
      const HttpResponse first = twin.http.get(path, headers);
      EXPECT_EQ(first.field("Cache-Control"), "no-cache") << path;
      headers.emplace_back("If-None-Match", first.field("ETag"));
      const HttpResponse second = twin.http.get(path, headers);
      EXPECT_EQ(second.status, 304) << path;
      EXPECT_EQ(second.body, "");
      EXPECT_EQ(second.field("ETag"), first.field("ETag"));
    }
    EXPECT_EQ(twin.http.get(path, browser_with("If-None-Match", "\"1\"")).status, 200);
  }
  twin.server.signal(SIGTERM);
  EXPECT_EQ(twin.server.wait(), 0);
  EXPECT_NE(twin.server.out().find("\"GET /docs HTTP/1.1\" 304"), std::string::npos) << twin.server.out();
}

TEST_F(EmbeddedDashboard, HeadTellsTheSameLength) {
  const Twin twin({"--db", "none"});
  for (const char* encoding : {"identity", "gzip"}) {
    const Headers headers = browser_with("Accept-Encoding", encoding);
    for (const char* path : {"/", "/openapi.json"}) {
      const HttpResponse get = twin.http.get(path, headers);
      Connection connection(twin.server.port());
      connection.send(request_text("HEAD", path, {}, headers));
      const HttpResponse head = read_response(connection, true);
      for (const char* name : {"Content-Length", "Content-Type", "ETag", "Content-Encoding"})
        EXPECT_EQ(head.header(name), get.header(name)) << path << " " << name;
    }
  }
}

TEST_F(EmbeddedDashboard, TheLogSaysWhereItIs) {
  const ServerProcess server({"--db", "none", "--root-path", "/twin"});
  const std::string root = server.url() + "/twin/";
  EXPECT_NE(server.err().find("Dashboard: " + root + ", API documentation: " + root + "docs\n"), std::string::npos)
      << server.err();
}

TEST(WithoutDashboard, PageAndLogSaySo) {
  if (kHasDashboard) GTEST_SKIP() << "built with it";
  const Twin twin({"--db", "none"});
  EXPECT_NE(twin.http.get("/", kBrowser).body.find("BATTERY_TWIN_DASHBOARD=ON"), std::string::npos);
  EXPECT_NE(twin.server.err().find("BATTERY_TWIN_DASHBOARD=OFF"), std::string::npos);
}

TEST(BehindAProxy, BothPathsAreServed) {
  const Twin twin({"--db", "none", "--root-path", "/twin"});
  EXPECT_EQ(twin.http.get("/health").status, 200);
  EXPECT_EQ(twin.http.get("/twin/health").status, 200);
  EXPECT_EQ(twin.http.get("/twin/docs").status, 200);
  EXPECT_EQ(twin.http.get("/twin").field("Location"), "/twin/");
  EXPECT_EQ(twin.http.get("/health/").field("Location"), "/twin/health");
  EXPECT_EQ(twin.http.get("/twin/factory/logs/?limit=1").field("Location"), "/twin/factory/logs?limit=1");
  EXPECT_EQ(twin.http.post("/twin/factory/start", Json::object()).status, 200);
  EXPECT_EQ(twin.get("/openapi.json").at("servers").at(0).at("url"), "/twin");
  EXPECT_EQ(twin.listen("/twin/ws/status").handshake().status, 101);
  EXPECT_EQ(twin.listen().handshake().status, 101);
}

// A folder as build.mjs makes it.
class UiFolder {
 public:
  UiFolder() {
    fs::create_directory(path() / "assets");
    write("index.html", "<p>mine");
    write("assets/app.js", "first");
    write("secret.txt", "secret");
    write(".hidden", "secret");
    write("assets/.hidden", "secret");
  }
  void write(const std::string& name, std::string_view text) const { std::ofstream(path() / name) << text; }
  [[nodiscard]] const fs::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

TEST(UiDir, IsReadAtEveryRequest) {
  const UiFolder folder;
  const Twin twin({"--db", "none", "--ui-dir", folder.path().string()});
  const HttpResponse page = twin.http.get("/", kBrowser);
  EXPECT_EQ(page.body, "<p>mine");
  EXPECT_EQ(page.field("Cache-Control"), "no-store");
  EXPECT_FALSE(page.header("ETag"));
  EXPECT_NE(page.field("Content-Security-Policy"), "");
  EXPECT_EQ(twin.http.get("/docs").status, 404);
  folder.write("docs.html", "<p>docs");
  EXPECT_EQ(twin.http.get("/docs").body, "<p>docs");
  const HttpResponse script = twin.http.get("/assets/app.js");
  EXPECT_EQ(script.body, "first");
  EXPECT_EQ(script.field("Content-Type"), "text/javascript; charset=utf-8");
  folder.write("assets/app.js", "second");
  EXPECT_EQ(twin.http.get("/assets/app.js").body, "second");
  EXPECT_EQ(twin.http.get("/assets/app.js").field("Cache-Control"), "no-store");
  const std::string large(300'000, 'x');
  folder.write("assets/large.css", large);
  EXPECT_EQ(twin.http.get("/assets/large.css").body, large);
}

TEST(UiDir, GivesNothingElse) {
  const UiFolder folder;
  fs::create_directory(folder.path() / "assets/folder");
  fs::create_symlink("/etc/passwd", folder.path() / "assets/link.txt");
  ASSERT_EQ(::mkfifo((folder.path() / "assets/pipe.js").c_str(), 0600), 0);
  const Twin twin({"--db", "none", "--ui-dir", folder.path().string()});
  for (const char* target : {"/assets/../secret.txt",
                             "/assets/..%2fsecret.txt",
                             "/assets/..%2Fsecret.txt",
                             "/assets/%2e%2e%2fsecret.txt",
                             "/assets/%2e%2e/secret.txt",
                             "/assets/..%5csecret.txt",
                             "/assets/..",
                             "/assets/.",
                             "/assets/%2e%2e",
                             "/assets/.hidden",
                             "/assets/folder",
                             "/assets/link.txt",
                             "/assets/pipe.js",
                             "/assets/%2fetc%2fpasswd",
                             "/assets//etc/passwd",
                             "/assets/app.js%20",
                             "/assets/app.js/",
                             "/assets/assets%2fapp.js",
                             "/assets/secret.txt",
                             "/secret.txt",
                             "/.hidden",
                             "/index.html"}) {
    const HttpResponse response = twin.http.get(target, kBrowser);
    EXPECT_TRUE(response.status == 404 || response.status == 307) << target << " " << response.status;
    EXPECT_EQ(response.body.find("secret"), std::string::npos) << target;
    EXPECT_EQ(response.body.find("root:"), std::string::npos) << target;
  }
  for (const char* target : {"/assets/app.js%00", "/assets/app.js%00.css", "/assets/%c0%ae%c0%ae%c0%afsecret.txt"})
    EXPECT_EQ(twin.http.get(target).status, 400) << target;
  EXPECT_EQ(twin.http.get("/assets/" + std::string(5000, 'a')).status, 404);
}

TEST(UiDir, WithoutAPageIsExit3) {
  const TemporaryFolder empty;
  for (const std::string& folder : {empty.path().string(), std::string("/no/such/folder")}) {
    Process process({binary(), "--db", "none", "--port", "0", "--ui-dir", folder});
    EXPECT_EQ(process.wait(), 3);
    EXPECT_NE(process.err().find("--ui-dir: there is no index.html in " + folder), std::string::npos) << process.err();
  }
}

}  // namespace
}  // namespace battery_twin::system
