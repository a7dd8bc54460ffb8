// The rooms of the house and the arrows between them (docs/architecture.md): every #include is held against what the
// room may know.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Room {
  std::string_view name;
  std::vector<std::string_view> may_know;  // beginnings of what it may include beside itself and the standard library
  std::string_view folder{};               // inside src/<room>, where it has one
};

// From the ground up: no room knows one that stands after it.
const std::vector<Room>& rooms() {
  static const std::vector<Room> all{
      {"process", {"immintrin.h"}, "mechanistic"},
      {"plant", {"battery_twin/process/", "boost/asio/"}},
      {"store",
       {"battery_twin/process/", "battery_twin/plant/", "nlohmann/json.hpp", "SQLiteCpp/", "sqlite3.h", "libpq-fe.h",
        "pqxx/", "sys/", "fcntl.h", "unistd.h"},
       "postgres"},
      {"api", {"battery_twin/process/", "battery_twin/plant/", "battery_twin/store/", "nlohmann/json.hpp"}, "compat"},
      {"http",
       {"battery_twin/api/handler.hpp", "battery_twin/api/message.hpp", "boost/asio/", "boost/beast/", "boost/uuid/",
        "openssl/", "sys/", "unistd.h", "zlib.h"}},
      {"app",
       {"battery_twin/", "boost/asio/", "CLI/", "spdlog/", "nlohmann/json.hpp", "fcntl.h", "poll.h", "sys/",
        "unistd.h"}},
  };
  return all;
}

const Room* find_room(std::string_view name) {
  const auto found = std::ranges::find(rooms(), name, &Room::name);
  return found == rooms().end() ? nullptr : &*found;
}

bool is_standard(std::string_view header) {
  return std::ranges::all_of(header, [](char c) {
    return std::islower(static_cast<unsigned char>(c)) || std::isdigit(static_cast<unsigned char>(c)) || c == '_';
  });
}

struct Include {
  std::string header;
  bool quoted;
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::erase_if(line, [](char c) { return c == ' ' || c == '\t'; });
    if (!line.starts_with("#include")) continue;
    const auto start = line.find_first_of("<\"");
    const auto end = line.find_first_of(">\"", start + 1);
    if (start == std::string::npos || end == std::string::npos) continue;
    found.push_back({line.substr(start + 1, end - start - 1), line[start] == '"'});
  }
  return found;
}

std::vector<std::string> parts_of(const fs::path& path) {
  std::vector<std::string> parts;
  for (const fs::path& part : path) parts.push_back(part.string());
  return parts;
}

// The room of a file src/<room>/<file> or, where it has a folder, src/<room>/<folder>/<file>.
const Room* room_of_private(const std::vector<std::string>& parts) {
  if (parts.size() < 3 || parts.size() > 4 || parts[0] != "src") return nullptr;
  const Room* room = find_room(parts[1]);
  if (room == nullptr || parts.size() == 3) return room;
  return !room->folder.empty() && parts[2] == room->folder ? room : nullptr;
}

// What is wrong with one file. `path` is relative to the top: include/battery_twin/<room>/<file> or as above.
std::vector<std::string> problems(const fs::path& path, const std::string& text) {
  const std::string shown = path.generic_string();
  const std::vector<std::string> parts = parts_of(path);
  const bool is_public = parts.size() == 4 && parts[0] == "include" && parts[1] == "battery_twin";
  const Room* room = is_public ? find_room(parts[2]) : room_of_private(parts);
  if (room == nullptr) return {shown + " is in no room"};

  std::vector<std::string> found;
  for (const auto& [header, quoted] : includes_of(text)) {
    if (is_standard(header) && !quoted) continue;
    if (header.starts_with("battery_twin/" + std::string(room->name) + "/")) continue;
    if (quoted && !is_public && room_of_private(parts_of((path.parent_path() / header).lexically_normal())) == room)
      continue;
    if (quoted && is_public && header.find('/') == std::string::npos) {
      found.push_back(shown + " is public and includes the private " + header);
    } else if (std::ranges::none_of(room->may_know,
                                    [&](std::string_view known) { return header.starts_with(known); })) {
      found.push_back(shown + ": " + std::string(room->name) + " may not know " + header);
    }
  }
  return found;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(House, ArrowsGoOneWayAndEveryFileIsInARoom) {
  const fs::path top = BATTERY_TWIN_SOURCE_DIR;
  std::size_t files = 0;
  for (const char* folder : {"include", "src"}) {
    for (auto entry = fs::recursive_directory_iterator(top / folder); entry != fs::end(entry); ++entry) {
      if (entry->path() == top / "src/dashboard") entry.disable_recursion_pending();  // TypeScript, and no room
      if (!entry->is_regular_file()) continue;
      ++files;
      for (const std::string& problem : problems(fs::relative(entry->path(), top), text_of(entry->path())))
        ADD_FAILURE() << problem;
    }
  }
  EXPECT_GT(files, 50u);
}

TEST(House, PrivateHeadersStayInTheirRoom) {
  const fs::path top = BATTERY_TWIN_SOURCE_DIR;
  for (auto entry = fs::recursive_directory_iterator(top / "src"); entry != fs::end(entry); ++entry) {
    if (entry->path() == top / "src/dashboard") entry.disable_recursion_pending();
    if (!entry->is_regular_file()) continue;
    for (const auto& [header, quoted] : includes_of(text_of(entry->path()))) {
      if (!quoted || header.starts_with("battery_twin/")) continue;
      EXPECT_TRUE(fs::exists(entry->path().parent_path() / header)) << entry->path() << " includes " << header;
    }
  }
}

TEST(House, TestsMirrorTheRooms) {
  const std::vector<std::string_view> more{"house", "system",   "bench",     "fuzz",
                                           "data",  "postgres", "dashboard", "package"};
  for (const auto& entry : fs::directory_iterator(fs::path(BATTERY_TWIN_SOURCE_DIR) / "tests")) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(find_room(name) != nullptr || std::ranges::find(more, name) != more.end()) << name;
  }
}

// The check itself: what it must find.
TEST(House, FindsAnArrowThatRunsBack) {
  EXPECT_EQ(problems("src/plant/engine.cpp", "#include \"battery_twin/api/json.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/process/mixing.cpp", "#include \"battery_twin/plant/layout.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/process/mixing.cpp", "  #  include <boost/asio/post.hpp>\n").size(), 1u);
  EXPECT_EQ(problems("src/plant/engine.cpp", "#include <nlohmann/json.hpp>\n").size(), 1u);
  EXPECT_EQ(problems("src/plant/engine.cpp", "#include <spdlog/spdlog.h>\n").size(), 1u);
  EXPECT_EQ(problems("src/api/api.cpp", "#include <boost/asio/post.hpp>\n").size(), 1u);
  EXPECT_EQ(problems("src/http/server.cpp", "#include \"battery_twin/plant/layout.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/http/server.cpp", "#include \"battery_twin/api/api.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/app/serve.cpp", "#include <boost/beast/http/read.hpp>\n").size(), 1u);
  EXPECT_EQ(problems("include/battery_twin/plant/batch.hpp", "#include \"engine.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("include/battery_twin/process/lane.hpp", "#include \"mechanistic/model.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/process/mixing.cpp", "#include \"../plant/engine.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/process/mechanistic/mixing.hpp", "#include \"../../plant/engine.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/plant/engine.cpp", "#include \"../process/lanes.hpp\"\n").size(), 1u);
  EXPECT_EQ(problems("src/process/mixing.cpp", "#include \"other/mixing.hpp\"\n").size(), 1u);
}

TEST(House, FindsAFileOutsideARoom) {
  EXPECT_EQ(problems("src/main.cpp", "").size(), 1u);
  EXPECT_EQ(problems("src/util/strings.cpp", "").size(), 1u);
  EXPECT_EQ(problems("src/api/v2/routes.cpp", "").size(), 1u);
  EXPECT_EQ(problems("src/plant/mechanistic/engine.cpp", "").size(), 1u);
  EXPECT_EQ(problems("src/process/mechanistic/more/mixing.hpp", "").size(), 1u);
  EXPECT_EQ(problems("include/battery_twin/version.hpp", "").size(), 1u);
}

TEST(House, LetsThroughWhatIsAllowed) {
  EXPECT_TRUE(problems("src/plant/engine.cpp",
                       "#include \"engine.hpp\"\n#include <vector>\n#include <boost/asio/post.hpp>\n"
                       "#include \"battery_twin/process/line.hpp\"\n#include \"battery_twin/plant/batch.hpp\"\n")
                  .empty());
  EXPECT_TRUE(
      problems("src/process/mechanistic/mixing.hpp", "#include \"model.hpp\"\n#include \"../lanes.hpp\"\n").empty());
  EXPECT_TRUE(problems("src/process/mixing.cpp", "#include \"mechanistic/mixing.hpp\"\n").empty());
  EXPECT_TRUE(
      problems("src/http/server.cpp", "#include \"battery_twin/api/handler.hpp\"\n#include <sys/stat.h>\n").empty());
}

}  // namespace
