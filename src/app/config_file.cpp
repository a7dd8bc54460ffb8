#include "config_file.hpp"

#include <istream>
#include <iterator>
#include <sstream>

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
    in_comment = false;
    quote = '\0';
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

std::string name_in(const std::string& statement) {
  std::string name = CLI::detail::trim_copy(statement.substr(0, statement.find('=')));
  CLI::detail::remove_quotes(name);
  return name;
}

// What is wrong with it, or nothing. CLI11 passes over some of these, and a token that was to be filled in would be
// none.
std::string complaint_about_value(const std::string& statement, const std::string& name) {
  const auto equals = statement.find('=');
  if (equals == std::string::npos) return {};
  const std::string value = CLI::detail::trim_copy(statement.substr(equals + 1));
  if (value.empty()) return "there is no value behind " + name;
  const bool is_empty_list = value.front() == '[' && value.find_first_not_of(" \t\r", 1) == value.size() - 1;
  return is_empty_list ? "the list of " + name + " is empty" : std::string{};
}

}  // namespace

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
  const std::string text{std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
  lines_.clear();
  std::stringstream plain;
  for (const Statement& statement : statements_in(text)) {
    if (statement.text.starts_with('[')) throw error_in(statement.line, "there are no sections, but options only");
    const std::string name = name_in(statement.text);
    if (const auto [first, is_new] = lines_.try_emplace(name, statement.line); !is_new)
      throw error_in(statement.line,
                     name.substr(0, name.find(' ')) + " stands in line " + std::to_string(first->second) + " already");
    if (const std::string wrong = complaint_about_value(statement.text, name); !wrong.empty())
      throw error_in(statement.line, wrong);
    plain << statement.text << '\n';
  }
  return CLI::ConfigTOML::from_config(plain);
}

std::size_t ConfigFile::line_of(const std::string& name) const {
  const auto found = lines_.find(name);
  return found == lines_.end() ? 0 : found->second;
}

}  // namespace battery_twin::app
