#include "config_file.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <istream>
#include <string_view>
#include <utility>
#include <vector>

#include "text_file.hpp"

namespace battery_twin::app {
namespace {

struct Statement {
  std::string text;  // without its comment, on one line
  std::size_t line;  // where it begins
};

CLI::ConfigError error_in(std::size_t line, const std::string& sentence) {
  return CLI::ConfigError("line " + std::to_string(line) + ": " + sentence);
}

// A line each, but for lists, which end where their bracket does.
std::vector<Statement> statements_in(const std::string& text) {
  std::vector<Statement> found;
  Statement statement{.text = {}, .line = 1};
  std::size_t line = 1;
  int depth = 0;
  char quote = '\0';
  bool in_comment = false;
  const auto end_line = [&] {
    if (quote != '\0') throw error_in(line, "the quote is not closed");
    in_comment = false;
    ++line;
    if (depth > 0) {
      statement.text += ' ';
      return;
    }
    CLI::detail::trim(statement.text);
    if (!statement.text.empty()) found.push_back(statement);
    statement = {.text = {}, .line = line};
  };
  for (const char c : text) {
    if (c == '\n') {
      end_line();
      continue;
    }
    if (in_comment) continue;
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '#') {
      in_comment = true;
      continue;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[') {
      ++depth;
    } else if (c == ']' && depth > 0) {
      --depth;
    }
    statement.text += c;
  }
  if (depth > 0) throw error_in(statement.line, "the bracket is not closed");
  end_line();
  return found;
}

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// A number as TOML writes it, but for its _. Whether it is one that the option takes is the option's matter.
bool is_number(std::string_view word) {
  if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
  if (word == "inf" || word == "nan") return true;
  if (word.empty() || !is_digit(word.front())) return false;
  if (word.size() > 1 && word.front() == '0' && is_digit(word[1])) return false;  // which others take for octal
  if (word.starts_with("0x") || word.starts_with("0o") || word.starts_with("0b"))
    return word.size() > 2 &&
           std::ranges::all_of(word.substr(2), [](unsigned char c) { return std::isxdigit(c) != 0; });
  double value = 0;
  const char* const end = word.data() + word.size();
  return std::from_chars(word.data(), end, value).ptr == end;
}

// Reads what stands behind the = of a statement. No message has anything of it: it may be a password.
class ValueReader {
 public:
  ValueReader(std::string_view text, std::size_t line) : rest_(text), line_(line) {}

  std::vector<std::string> read() {
    skip_blanks();
    std::vector<std::string> values;
    if (rest_.starts_with('['))
      values = list();
    else
      values.push_back(single());
    skip_blanks();
    if (!rest_.empty()) throw error_in(line_, "there is something behind the value");
    return values;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\v\f"), rest_.size())); }

  std::vector<std::string> list() {
    std::vector<std::string> values;
    rest_.remove_prefix(1);
    for (skip_blanks(); !rest_.starts_with(']'); skip_blanks()) {
      values.push_back(single());
      skip_blanks();
      if (rest_.starts_with(','))
        rest_.remove_prefix(1);
      else if (!rest_.starts_with(']'))
        throw error_in(line_, "there is no comma between two values of the list");
    }
    rest_.remove_prefix(1);
    return values;
  }

  std::string single() {
    if (rest_.starts_with('"') || rest_.starts_with('\'')) {
      const auto end = rest_.find(rest_.front(), 1);
      if (end == std::string_view::npos) throw error_in(line_, "the quote is not closed");
      const std::string value(rest_.substr(1, end - 1));
      rest_.remove_prefix(end + 1);
      return value;
    }
    const auto end = std::min(rest_.find_first_of(" \t\r\v\f,[]\"'"), rest_.size());
    std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (word.empty()) throw error_in(line_, "there is no value");
    if (word == "true" || word == "false") return word;
    std::erase(word, '_');
    if (!is_number(word))
      throw error_in(line_, "the value is neither a number nor true or false: text stands in quotes");
    return word;
  }

  std::string_view rest_;
  std::size_t line_;
};

// The word that a line begins with. More of a line that is none may be a password.
std::string first_word(const std::string& text) {
  const auto is_of_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  };
  return {text.begin(), std::ranges::find_if_not(text, is_of_name)};
}

}  // namespace

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
  std::string text;
  try {
    text = read_text(input);
  } catch (const TextTooLong& error) {
    throw CLI::ConfigError(error.what());
  }
  places_.clear();
  std::vector<CLI::ConfigItem> items;
  for (const Statement& statement : statements_in(text)) {
    if (statement.text.starts_with('[')) throw error_in(statement.line, "there are no sections, but options only");
    const auto equals = statement.text.find('=');
    if (equals == std::string::npos)
      throw error_in(statement.line, "there is no = behind " + first_word(statement.text));
    std::string name = CLI::detail::trim_copy(statement.text.substr(0, equals));
    CLI::detail::remove_quotes(name);
    const auto is_control = [](unsigned char c) { return std::iscntrl(c) != 0; };
    if (name.empty() || std::ranges::any_of(name, is_control))
      throw error_in(statement.line, "there is no option in front of the =");
    const std::string_view value = std::string_view(statement.text).substr(equals + 1);
    const std::string plain = CLI::detail::trim_copy(std::string(value));
    const Place place{.line = statement.line, .is_switch = plain == "true" || plain == "false"};
    if (const auto [first, is_new] = places_.try_emplace(name, place); !is_new)
      throw error_in(statement.line,
                     first_word(name) + " stands in line " + std::to_string(first->second.line) + " already");
    CLI::ConfigItem item;
    if (plain.empty()) throw error_in(statement.line, "there is no value behind " + first_word(name));
    item.inputs = ValueReader(value, statement.line).read();
    // CLI11 passes over it, and a token that was to be filled in would be none.
    if (item.inputs.empty()) throw error_in(statement.line, "the list of " + first_word(name) + " is empty");
    item.name = std::move(name);
    items.push_back(std::move(item));
  }
  return items;
}

bool ConfigFile::is_switch(const std::string& name) const {
  const auto found = places_.find(name);
  return found != places_.end() && found->second.is_switch;
}

std::size_t ConfigFile::line_of(const std::string& name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? 0 : found->second.line;
}

}  // namespace battery_twin::app
