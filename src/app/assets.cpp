#include "assets.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "embedded_files.hpp"

namespace battery_twin::app {
namespace {

namespace fs = std::filesystem;

std::string_view content_type_of(std::string_view name) {
  struct Type {
    std::string_view ending, name;
  };
  static constexpr auto kTypes = std::to_array<Type>({{".html", "text/html; charset=utf-8"},
                                                      {".js", "text/javascript; charset=utf-8"},
                                                      {".css", "text/css; charset=utf-8"},
                                                      {".json", "application/json"},
                                                      {".map", "application/json"},
                                                      {".txt", "text/plain; charset=utf-8"},
                                                      {".svg", "image/svg+xml"},
                                                      {".png", "image/png"},
                                                      {".woff2", "font/woff2"}});
  const auto type = std::ranges::find_if(kTypes, [&](const Type& type) { return name.ends_with(type.ending); });
  return type == kTypes.end() ? "application/octet-stream" : type->name;
}

// A name that means the same to the file system as to us: no folder, nothing hidden.
bool is_plain(std::string_view name) {
  constexpr std::string_view kOthers = "._-";
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::optional<api::Asset> read_asset(const fs::path& folder, std::string_view name) {
  constexpr std::string_view kBelow = "assets/";
  const std::string_view file_name = name.starts_with(kBelow) ? name.substr(kBelow.size()) : name;
  if (!is_plain(file_name)) return std::nullopt;
  const fs::path path = folder / name;
  std::error_code error;
  // Not what a link leads to: that may be anywhere, or no file at all.
  if (fs::symlink_status(path, error).type() != fs::file_type::regular) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return api::Asset{.bytes = {std::istreambuf_iterator<char>(file), {}}, .content_type = content_type_of(name)};
}

}  // namespace

api::Assets embedded_assets() {
  if (embedded_files().empty()) return {};
  return {.find = [](std::string_view name) -> std::optional<api::Asset> {
    const auto file = std::ranges::find(embedded_files(), name, &EmbeddedFile::name);
    if (file == embedded_files().end()) return std::nullopt;
    return api::Asset{
        .bytes = std::string(file->bytes), .gzipped = file->gzipped, .content_type = content_type_of(name)};
  }};
}

api::Assets assets_in(const std::string& folder) {
  if (!read_asset(folder, "index.html")) throw std::runtime_error("--ui-dir: there is no index.html in " + folder);
  return {.find = [folder](std::string_view name) { return read_asset(folder, name); }, .may_change = true};
}

}  // namespace battery_twin::app
