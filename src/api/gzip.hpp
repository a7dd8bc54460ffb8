#pragma once

#include <string>
#include <string_view>

namespace battery_twin::api {

/// A gzip file of the text, as small as zlib makes it: for what is made once and sent often.
[[nodiscard]] std::string gzipped(std::string_view text);

}  // namespace battery_twin::api
