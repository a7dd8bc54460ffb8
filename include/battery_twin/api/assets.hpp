#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "battery_twin/api/message.hpp"

namespace battery_twin::api {

/// A page that a browser shows, or a file that such a page loads.
struct Asset {
  std::string bytes{};
  std::shared_ptr<Compressed> compressed{};  ///< what it is instead, where it was compressed beforehand
  std::string_view content_type;             ///< a text that lives for ever
};

/// The files of the dashboard and of Swagger UI.
struct Assets {
  /// Gives a file: "index.html", "docs.html" or "assets/<name>" with any name that a client may send. Called on the I/O
  /// thread. Empty: the server was built without them.
  std::function<std::optional<Asset>(std::string_view name)> find{};
  bool may_change = false;  ///< while the server runs: nobody is to keep a copy
};

}  // namespace battery_twin::api
