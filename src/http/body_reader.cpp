#include "body_reader.hpp"

#include <algorithm>
#include <charconv>

#include "characters.hpp"

namespace battery_twin::http {
namespace {

constexpr std::uint64_t kReserve = 64 * 1024;  // a length is only a promise
constexpr std::size_t kMaxSizeDigits = 16;     // of a chunk's size: 64 bits
constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kLineEnd = "\r\n";

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size())); }

bool skip(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool skip_token(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_token_char);
  const auto size = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(size);
  return size > 0;
}

// The line holds no control characters beside tabs.
bool skip_quoted(std::string_view& text) {
  if (!skip(text, '"')) return false;
  while (!text.empty()) {
    if (skip(text, '"')) return true;
    if (skip(text, '\\') && text.empty()) return false;
    text.remove_prefix(1);
  }
  return false;
}

// *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
bool are_extensions(std::string_view text) {
  while (!text.empty()) {
    skip_blanks(text);
    if (!skip(text, ';')) return false;
    skip_blanks(text);
    if (!skip_token(text)) return false;
    std::string_view value = text;
    skip_blanks(value);
    if (!skip(value, '=')) continue;
    skip_blanks(value);
    if (!skip_quoted(value) && !skip_token(value)) return false;
    text = value;
  }
  return true;
}

}  // namespace

BodyReader::BodyReader(std::optional<std::uint64_t> length, std::uint64_t max_body)
    : max_body_(max_body), part_(Part::chunk_line), chunked_(!length) {
  if (!length) return;
  remaining_ = *length;
  part_ = remaining_ == 0 ? Part::end : Part::data;
  if (remaining_ > max_body_) refuse(413, "The body is larger than allowed");
  body_.reserve(std::min<std::uint64_t>(remaining_, kReserve));
}

std::size_t BodyReader::take(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !done() && !refusal_) {
    if (part_ == Part::data) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size() - taken));
      body_.append(bytes.substr(taken, size));
      taken += size;
      remaining_ -= size;
      if (remaining_ == 0) part_ = chunked_ ? Part::end_of_chunk : Part::end;
      continue;
    }
    line_ += bytes[taken++];
    if (part_ == Part::chunk_line && line_.size() > kMaxChunkLine) {
      refuse(400, "A chunk's line is longer than allowed");
    } else if (part_ == Part::end_of_chunk && line_ != kLineEnd.substr(0, line_.size())) {
      refuse(400, "A chunk is longer than it says");
    } else if (part_ == Part::trailer && trailers_ + line_.size() > kMaxTrailers) {
      refuse(431, "The trailer fields are larger than allowed");
    } else if (line_.back() == '\n') {
      end_line();
    }
  }
  return taken;
}

void BodyReader::end_line() {
  if (!line_.ends_with(kLineEnd)) return refuse(400, "A line of a chunked body must end with CR and LF");
  std::string_view line = line_;
  line.remove_suffix(kLineEnd.size());
  if (!std::ranges::all_of(line, is_field_char)) return refuse(400, "A chunked body has a control character in a line");
  switch (part_) {
    case Part::chunk_line:
      start_chunk(line);
      break;
    case Part::end_of_chunk:
      part_ = Part::chunk_line;
      break;
    case Part::trailer:
      take_trailer(line);
      break;
    case Part::data:
    case Part::end:
      break;
  }
  line_.clear();
}

void BodyReader::start_chunk(std::string_view line) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  const auto digits = static_cast<std::size_t>(end - line.data());
  if (error != std::errc{} || digits > kMaxSizeDigits) return refuse(400, "A chunk's size is malformed");
  line.remove_prefix(digits);
  extensions_ += line.size();
  if (extensions_ > kMaxExtensions) return refuse(400, "The chunk extensions are larger than allowed");
  if (!are_extensions(line)) return refuse(400, "A chunk extension is malformed");
  if (size > max_body_ - body_.size()) return refuse(413, "The body is larger than allowed");
  remaining_ = size;
  part_ = size == 0 ? Part::trailer : Part::data;
}

void BodyReader::take_trailer(std::string_view line) {
  if (line.empty()) {
    part_ = Part::end;
    return;
  }
  trailers_ += line_.size();
  if (!skip_token(line) || !skip(line, ':')) refuse(400, "A trailer field is malformed");
}

}  // namespace battery_twin::http
