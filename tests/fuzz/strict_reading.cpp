#include "strict_reading.hpp"

#include <cctype>
#include <limits>
#include <vector>

namespace battery_twin::fuzz {
namespace {

bool is_vchar(char c) { return c > 0x20 && c < 0x7F; }

// tchar, RFC 9110 5.6.2: any VCHAR, except delimiters
bool is_tchar(char c) {
  return is_vchar(c) && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
}

// field-vchar, SP or HTAB
bool is_text(char c) { return is_vchar(c) || c == ' ' || c == '\t' || static_cast<unsigned char>(c) >= 0x80; }

// A text and how far it has been read.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] bool sees(char c) const { return !at_end() && text_[at_] == c; }

  bool skip(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) return false;
    at_ += wanted.size();
    return true;
  }
  template <class Predicate>
  std::string_view take_while(Predicate wanted) {
    const std::size_t start = at_;
    while (!at_end() && wanted(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  std::optional<std::string_view> take(std::uint64_t bytes) {
    if (bytes > text_.size() - at_) return std::nullopt;
    const auto taken = text_.substr(at_, static_cast<std::size_t>(bytes));
    at_ += taken.size();
    return taken;
  }
  void skip_blanks() {
    take_while([](char c) { return c == ' ' || c == '\t'; });
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::uint64_t> number(std::string_view digits, unsigned base) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    const auto letter = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const unsigned digit = letter >= 'a' && letter <= 'f' ? static_cast<unsigned>(letter - 'a' + 10)
                           : c >= '0' && c <= '9'         ? static_cast<unsigned>(c - '0')
                                                          : base;
    if (digit >= base || value > (std::numeric_limits<std::uint64_t>::max() - digit) / base) return std::nullopt;
    value = value * base + digit;
  }
  return value;
}

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

struct FieldLine {
  std::string name;
  std::string value;
};

// field-line CRLF
std::optional<FieldLine> read_field(Cursor& cursor) {
  FieldLine field{lower(cursor.take_while(is_tchar)), {}};
  if (field.name.empty() || !cursor.skip(":")) return std::nullopt;
  cursor.skip_blanks();
  field.value = cursor.take_while(is_text);
  while (field.value.ends_with(' ') || field.value.ends_with('\t')) field.value.pop_back();
  if (!cursor.skip("\r\n")) return std::nullopt;
  return field;
}

// field-lines and the empty line behind them
std::optional<std::vector<FieldLine>> read_fields(Cursor& cursor) {
  std::vector<FieldLine> fields;
  while (!cursor.skip("\r\n")) {
    auto field = read_field(cursor);
    if (!field) return std::nullopt;
    fields.push_back(std::move(*field));
  }
  return fields;
}

bool lists_close(const std::string& value) {
  std::string bare;  // names of options hold no blanks
  for (const char c : lower(value)) {
    if (c != ' ' && c != '\t') bare += c;
  }
  return ("," + bare + ",").find(",close,") != std::string::npos;
}

bool skip_quoted_string(Cursor& cursor) {
  if (!cursor.skip("\"")) return false;
  while (!cursor.skip("\"")) {
    (void)cursor.skip("\\");
    const auto one = cursor.take(1);
    if (!one || !is_text(one->front())) return false;
  }
  return true;
}

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
bool skip_extensions(Cursor& cursor) {
  while (!cursor.sees('\r')) {
    cursor.skip_blanks();
    if (!cursor.skip(";")) return false;
    cursor.skip_blanks();
    if (cursor.take_while(is_tchar).empty()) return false;
    Cursor value = cursor;
    value.skip_blanks();
    if (!value.skip("=")) continue;
    value.skip_blanks();
    if (value.sees('"') ? !skip_quoted_string(value) : value.take_while(is_tchar).empty()) return false;
    cursor = value;
  }
  return true;
}

std::optional<std::string> read_chunks(Cursor& cursor) {
  std::string body;
  for (;;) {
    const auto size =
        number(cursor.take_while([](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }), 16);
    if (!size || !skip_extensions(cursor) || !cursor.skip("\r\n")) return std::nullopt;
    if (*size == 0) {
      if (!read_fields(cursor)) return std::nullopt;
      return body;
    }
    const auto data = cursor.take(*size);
    if (!data || !cursor.skip("\r\n")) return std::nullopt;
    body += *data;
  }
}

}  // namespace

std::optional<StrictBody> read_chunks_strictly(std::string_view text) {
  Cursor cursor(text);
  auto body = read_chunks(cursor);
  if (!body) return std::nullopt;
  return StrictBody{cursor.at(), std::move(*body)};
}

std::optional<StrictRequest> read_request_strictly(std::string_view text) {
  Cursor cursor(text);
  (void)cursor.skip("\r\n");  // 2.2: at least one empty line before the request line is to be ignored
  StrictRequest request;
  request.method = cursor.take_while(is_tchar);
  if (request.method.empty() || !cursor.skip(" ")) return std::nullopt;
  request.target = cursor.take_while(is_vchar);
  if (request.target.empty() || !cursor.skip(" HTTP/1.")) return std::nullopt;
  const auto minor = cursor.take(1);
  if (!minor || !number(*minor, 10) || !cursor.skip("\r\n")) return std::nullopt;

  const auto fields = read_fields(cursor);
  if (!fields) return std::nullopt;
  std::vector<std::string> encodings;
  std::vector<std::string> lengths;
  for (const FieldLine& field : *fields) {
    if (field.name == "transfer-encoding") encodings.push_back(field.value);
    if (field.name == "content-length") lengths.push_back(field.value);
    if (field.name == "connection") request.closes |= lists_close(field.value);
  }
  if (!encodings.empty()) {
    if (encodings.size() > 1 || lower(encodings.front()) != "chunked" || !lengths.empty() || *minor == "0")
      return std::nullopt;
    auto body = read_chunks(cursor);
    if (!body) return std::nullopt;
    request.content = {cursor.at(), std::move(*body)};
    return request;
  }
  if (lengths.size() > 1) return std::nullopt;
  const auto length = lengths.empty() ? std::uint64_t{0} : number(lengths.front(), 10);
  if (!length) return std::nullopt;
  const auto body = cursor.take(*length);
  if (!body) return std::nullopt;
  request.content = {cursor.at(), std::string(*body)};
  return request;
}

}  // namespace battery_twin::fuzz
