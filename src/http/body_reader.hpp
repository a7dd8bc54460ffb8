#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "refusal.hpp"

namespace battery_twin::http {

/// Takes a request's body off the connection, by its length or in chunks (RFC 9112 6 and 7). Beast's own reading of
/// chunks lets a bare LF pass and does not bound extensions and trailers. Both are read over here; nothing is made of
/// them.
class BodyReader {
 public:
  static constexpr std::size_t kMaxChunkLine = 4 * 1024;
  static constexpr std::size_t kMaxExtensions = 16 * 1024;  // of all chunks together
  static constexpr std::size_t kMaxTrailers = 8 * 1024;     // of all fields together, with the empty line behind them

  /// @param length    of the body; nothing: it comes in chunks
  /// @param max_body  most bytes, without what frames them
  BodyReader(std::optional<std::uint64_t> length, std::uint64_t max_body);

  /// Takes what belongs to the body. @return how many bytes that was; fewer than all once it is done or refused
  [[nodiscard]] std::size_t take(std::string_view bytes);

  [[nodiscard]] bool done() const { return part_ == Part::end; }
  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }
  [[nodiscard]] const std::string& body() const { return body_; }

 private:
  enum class Part { chunk_line, data, end_of_chunk, trailer, end };

  void end_line();
  void start_chunk(std::string_view line);
  void take_trailer(std::string_view line);
  void refuse(int status, std::string_view sentence) { refusal_ = Refusal{status, sentence}; }

  std::uint64_t max_body_;
  Part part_;
  bool chunked_;
  std::uint64_t remaining_ = 0;  // of the data that is being read
  std::string line_;             // so far, with its end
  std::size_t extensions_ = 0;
  std::size_t trailers_ = 0;
  std::string body_;
  std::optional<Refusal> refusal_;
};

}  // namespace battery_twin::http
