#include "assets.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "embedded_files.hpp"

namespace battery_twin::app {
namespace {

namespace fs = std::filesystem;

constexpr off_t kMostInFolder = 16 * 1024 * 1024;  // bytes of a file that is read while others wait

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
  // Not what a link leads to, which may be anywhere, and nothing that could be waited for.
  const int descriptor = ::open((folder / name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  struct ::stat status {};
  std::optional<api::Asset> asset;
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= kMostInFolder) {
    asset.emplace(api::Asset{.bytes = std::string(static_cast<std::size_t>(status.st_size), '\0'),
                             .content_type = content_type_of(name)});
    const ssize_t size = ::read(descriptor, asset->bytes.data(), asset->bytes.size());
    asset->bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  }
  ::close(descriptor);
  return asset;
}

}  // namespace

api::Assets embedded_assets() {
  std::map<std::string_view, api::Asset> assets;
  for (const EmbeddedFile& file : embedded_files()) {
    api::Asset& asset = assets[file.name];
    asset.content_type = content_type_of(file.name);
    if (file.gzipped)
      asset.compressed = std::make_shared<api::Compressed>(api::Compressed{.gzip = file.bytes});
    else
      asset.bytes = file.bytes;
  }
  if (assets.empty()) return {};
  return {.find = [assets = std::move(assets)](std::string_view name) -> std::optional<api::Asset> {
    const auto found = assets.find(name);
    return found == assets.end() ? std::nullopt : std::optional(found->second);
  }};
}

api::Assets assets_in(const std::string& folder) {
  if (fs::is_symlink(fs::path(folder) / "assets"))
    throw std::runtime_error("--ui-dir: " + folder + "/assets is a link");
  if (!read_asset(folder, "index.html")) throw std::runtime_error("--ui-dir: there is no index.html in " + folder);
  return {.find = [folder](std::string_view name) { return read_asset(folder, name); }, .may_change = true};
}

}  // namespace battery_twin::app
