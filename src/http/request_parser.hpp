#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <functional>
#include <string_view>

namespace battery_twin::http {

/// Beast's parser made stricter: a folded field line is an error, and fields behind a chunked body are dropped.
class RequestParser final : public boost::beast::http::request_parser<boost::beast::http::string_body> {
  void on_field_impl(boost::beast::http::field name, boost::beast::string_view name_text,
                     boost::beast::string_view value, boost::system::error_code& error) override {
    if (is_header_done()) return;  // a trailer
    // Beast unfolds into a buffer of its own, every other value stands right behind its name.
    constexpr std::ptrdiff_t kFarthest = 1024 * 1024;
    const std::less<const char*> before;
    const bool behind_name = !before(value.data(), name_text.data() + name_text.size()) &&
                             before(value.data(), name_text.data() + kFarthest);
    if (!value.empty() && (!behind_name || has_line_break(name_text, value))) {
      error = boost::beast::http::error::bad_value;
      return;
    }
    get().insert(name, name_text, value);
  }

  // Where the first line of a folded value is empty, the value stands in place, behind the line break.
  static bool has_line_break(boost::beast::string_view name, boost::beast::string_view value) {
    const std::string_view between(name.data() + name.size(),
                                   static_cast<std::size_t>(value.data() - (name.data() + name.size())));
    return between.find_first_of("\r\n") != std::string_view::npos;
  }
};

}  // namespace battery_twin::http
