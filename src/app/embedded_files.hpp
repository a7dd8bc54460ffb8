#pragma once

#include <span>
#include <string_view>

namespace battery_twin::app {

struct EmbeddedFile {
  std::string_view name;  ///< "index.html", "assets/app-1234.js"
  std::string_view bytes;
  bool gzipped;  ///< `bytes` are its gzip form
};

/// The dashboard's files in the program; none where it was built without. The definition is made by
/// src/dashboard/embed.mjs.
[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

}  // namespace battery_twin::app
