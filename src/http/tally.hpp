#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace battery_twin::http {

/// Counts what may happen to very many clients at once, so that it is told once a second at most.
class Tally {
 public:
  /// @param one, many  what has happened, once and several times, e.g. "a connection ended", "connections ended"
  Tally(std::string one, std::string many) : one_(std::move(one)), many_(std::move(many)) {}

  void note(std::string_view reason) {
    ++count_;
    reason_ = reason;
  }
  /// @return what is to be said now, one sentence; or nothing
  [[nodiscard]] std::string sentence(std::chrono::steady_clock::time_point now) {
    if (count_ == 0 || now - told_ < std::chrono::seconds(1)) return {};
    std::string text = count_ == 1 ? one_ + ": " : std::to_string(count_) + " " + many_ + ", the last one: ";
    text += reason_;
    count_ = 0;
    told_ = now;
    return text;
  }

 private:
  std::string one_;
  std::string many_;
  std::size_t count_ = 0;
  std::string reason_;  // of the last one
  std::chrono::steady_clock::time_point told_{};
};

}  // namespace battery_twin::http
