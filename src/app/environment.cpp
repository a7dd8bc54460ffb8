#include "environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "text_file.hpp"

namespace battery_twin::app {
namespace {

constexpr std::string_view kOurs = "BATTERY_TWIN_";
constexpr std::string_view kUvicorns = "UVICORN_";
constexpr std::string_view kOfTests = "BATTERY_TWIN_TEST_";  // what our tests are told

// Nobody sets any but load_environment_file, when there is one thread.
std::string value_of(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr ? value : "";
}

// "step-interval" → "STEP_INTERVAL"
std::string in_capitals(std::string name) {
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return name;
}

// Kubernetes gives a pod BATTERY_TWIN_PORT=tcp://10.0.0.1:8000, and more, where a service is called battery-twin.
bool is_of_kubernetes(std::string_view name, std::string_view value) {
  return name.starts_with("SERVICE_") || name.starts_with("PORT_") ||
         (name == "PORT" && value.find("://") != std::string_view::npos);
}

// An option by one of its names, from the environment.
struct Variable {
  std::string name;  // of the option, without dashes
  std::string value;
  std::string variable;
  bool is_uvicorns = false;
};

// The variable that stands for the option, one with a value. Ours come first, by whichever of the option's names.
std::optional<Variable> variable_for(const CLI::Option& option) {
  const auto& names = option.get_lnames();
  for (const std::string& name : names) {
    const std::string variable = std::string(kOurs) + in_capitals(name);
    std::string value = value_of(variable);
    if (!value.empty() && !is_of_kubernetes(in_capitals(name), value))
      return Variable{.name = name, .value = std::move(value), .variable = variable};
  }
  for (const std::string& name : names) {
    std::vector<std::string> variables{std::string(kUvicorns) + in_capitals(name)};
    // Three that uvicorn knows by other names.
    if (name == "header") variables.emplace_back("UVICORN_HEADERS");
    if (name == "forwarded-allow-ips") variables.emplace_back("FORWARDED_ALLOW_IPS");
    if (name == "workers") variables.emplace_back("WEB_CONCURRENCY");
    for (const std::string& variable : variables) {
      if (std::string value = value_of(variable); !value.empty())
        return Variable{.name = name, .value = std::move(value), .variable = variable, .is_uvicorns = true};
    }
  }
  return std::nullopt;
}

// What stands for an option that may be repeated: words, as uvicorn has it. A field that is ours is a line, because its
// value may have blanks.
std::vector<std::string> parts_of(const Variable& variable) {
  const std::string_view between = variable.name == "header" && !variable.is_uvicorns ? "\n" : " \t\n";
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < variable.value.size();) {
    const auto end = std::min(variable.value.find_first_of(between, at), variable.value.size());
    if (end > at) parts.push_back(variable.value.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// How many characters have to be changed, left out, put in, or put after the next one, to make one of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_that;
  std::vector<std::size_t> before(b.size() + 1);
  std::iota(before.begin(), before.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> now(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({before[j] + 1, now[j - 1] + 1, before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before_that[j - 2] + 1);
    }
    before_that = std::exchange(before, std::move(now));
  }
  return before.back();
}

bool is_of_tokens(std::string_view name) {
  for (const std::string_view prefix : {kOurs, kUvicorns}) {
    if (!name.starts_with(prefix)) continue;
    const std::string_view option = name.substr(prefix.size());
    if (option == "TOKEN" || option == "READ_TOKEN" || option == "TOKEN_FILE") return true;
  }
  return false;
}

// A name as it may stand in a log.
std::string name_for_log(const std::string& name) {
  constexpr std::size_t kMost = 100;
  std::string text = name.substr(0, kMost);
  std::ranges::replace_if(
      text, [](unsigned char c) { return std::isalnum(c) == 0 && c != '_'; }, '?');
  return text;
}

// Reads a file of variables in python-dotenv's grammar.
class EnvironmentFile {
 public:
  explicit EnvironmentFile(std::string_view text) : rest_(text) {}

  /// The variables, the last of a name.
  std::map<std::string, std::string> read() {
    while (!rest_.empty()) {
      skip(" \t\r\n\f\v");
      if (!rest_.empty()) read_line();
    }
    return std::move(values_);
  }

 private:
  void read_line() {
    if (rest_.front() == '#') return skip_line();
    constexpr std::string_view kExport = "export";
    if (rest_.starts_with(kExport) && rest_.size() > kExport.size() && is_blank(rest_[kExport.size()])) {
      rest_.remove_prefix(kExport.size());
      skip(" \t");
    }
    const auto name = rest_.starts_with('\'') ? quoted('\'') : taken_until("=# \t\r\n");
    skip(" \t");
    if (!name || name->empty() || !rest_.starts_with('=')) return skip_line();  // a name without a value is none
    rest_.remove_prefix(1);
    skip(" \t");
    const bool is_quoted = rest_.starts_with('\'') || rest_.starts_with('"');
    const auto value = is_quoted ? quoted(rest_.front()) : unquoted();
    skip_line();
    if (value) values_[*name] = with_variables(*value);
  }

  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }
  void skip_line() { rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size())); }
  std::string taken_until(std::string_view characters) {
    const auto end = std::min(rest_.find_first_of(characters), rest_.size());
    std::string taken(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return taken;
  }

  // To the end of the line or to a # behind a blank.
  std::string unquoted() {
    std::string value = taken_until("\r\n");
    for (std::size_t at = value.find('#'); at != std::string::npos; at = value.find('#', at + 1)) {
      if (at == 0 || !is_blank(value[at - 1])) continue;
      value.resize(at);
      break;
    }
    value.resize(value.find_last_not_of(" \t") + 1);
    return value;
  }

  // What stands in quotes, perhaps over several lines; nothing where they are not closed. In double ones a backslash
  // means what it means in C.
  std::optional<std::string> quoted(char quote) {
    const std::string_view before = rest_;
    rest_.remove_prefix(1);
    std::string value;
    while (!rest_.empty() && rest_.front() != quote) {
      if (rest_.front() == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        append_escaped(value, rest_.front(), quote);
      } else {
        value += rest_.front();
      }
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) {
      rest_ = before;
      return std::nullopt;
    }
    rest_.remove_prefix(1);
    return value;
  }

  static void append_escaped(std::string& value, char c, char quote) {
    constexpr std::string_view kLetters = "abfnrtv";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v";
    if (const auto at = kLetters.find(c); quote == '"' && at != std::string_view::npos) {
      value += kMeanings[at];
    } else {
      const bool is_escape = c == '\\' || c == '\'' || (c == '"' && quote == '"');
      if (!is_escape) value += '\\';
      value += c;
    }
  }

  // ${NAME} and ${NAME:-instead}: of the environment, or of the lines before.
  [[nodiscard]] std::string with_variables(const std::string& text) {
    std::string value;
    const auto append = [&](std::string_view part) {
      value += part;
      // A few lines that double each other would take all memory.
      if (value.size() > room_) throw TextTooLong("is larger than 1 MiB with its variables put in");
    };
    for (std::size_t at = 0; at < text.size();) {
      const auto start = text.find("${", at);
      const auto end = start == std::string::npos ? start : text.find('}', start);
      if (end == std::string::npos) {
        append(std::string_view(text).substr(at));
        break;
      }
      append(std::string_view(text).substr(at, start - at));
      const std::string inner = text.substr(start + 2, end - start - 2);
      const auto instead = inner.find(":-");
      const std::string name = inner.substr(0, instead);
      const auto before = values_.find(name);
      if (const char* known = std::getenv(name.c_str()); known != nullptr)  // NOLINT(concurrency-mt-unsafe)
        append(known);
      else if (before != values_.end())
        append(before->second);
      else if (instead != std::string::npos)
        append(inner.substr(instead + 2));
      at = end + 1;
    }
    room_ -= value.size();
    return value;
  }

  std::size_t room_ = kMostTextBytes;
  std::string_view rest_;
  std::map<std::string, std::string> values_;
};

}  // namespace

bool is_among(const std::vector<std::string>& arguments, const CLI::Option& option) {
  return std::ranges::any_of(option.get_lnames(), [&](const std::string& name) {
    const std::string word = "--" + name;
    return std::ranges::any_of(
        arguments, [&](const std::string& argument) { return argument == word || argument.starts_with(word + "="); });
  });
}

std::map<const CLI::Option*, std::string> add_environment(const CLI::App& app, std::vector<std::string>& arguments) {
  std::map<const CLI::Option*, std::string> variables;
  for (const CLI::Option* option : app.get_options()) {
    if (option == app.get_help_ptr() || option == app.get_version_ptr() || is_among(arguments, *option)) continue;
    const auto variable = variable_for(*option);
    if (!variable) continue;
    variables[option] = variable->variable;
    const bool repeats = option->get_items_expected_max() > 1;
    for (const std::string& value : repeats ? parts_of(*variable) : std::vector<std::string>{variable->value})
      arguments.push_back("--" + variable->name + "=" + value);
  }
  return variables;
}

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
  return names;
}

std::string nearest(const std::string& name, const std::vector<std::string>& names) {
  constexpr std::size_t kNear = 2;
  std::string best;
  std::size_t least = std::min(kNear, name.size() / 3) + 1;
  for (const std::string& one : names) {
    if (const std::size_t far = distance(name, one); far < least) {
      least = far;
      best = one;
    }
  }
  return best;
}

std::vector<std::string> about_unknown_variables(const CLI::App& app, const std::vector<std::string>& others) {
  std::vector<std::string> options = names_of_options(app);
  options.insert(options.end(), others.begin(), others.end());
  std::ranges::transform(options, options.begin(), in_capitals);
  std::vector<std::string> sentences;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = std::min(text.find('='), text.size());
    const std::string variable(text.substr(0, equals));
    if (!variable.starts_with(kOurs) || variable.starts_with(kOfTests)) continue;
    const std::string name = variable.substr(kOurs.size());
    if (is_of_kubernetes(name, text.substr(equals)) || std::ranges::find(options, name) != options.end()) continue;
    const std::string meant = nearest(name, options);
    sentences.push_back("the variable " + variable + " stands for no option and is ignored" +
                        (meant.empty() ? "" : ": is " + std::string(kOurs) + meant + " meant?"));
  }
  std::ranges::sort(sentences);
  return sentences;
}

std::optional<std::string> postgres_variable() {
  for (const char* name : {"POSTGRES_HOST", "POSTGRES_DB"}) {
    if (!value_of(name).empty()) return name;
  }
  return std::nullopt;
}

std::string load_environment_file(const std::string& path) {
  const std::string text = read_text_file(path);
  std::string warning;
  try {
    for (const auto& [name, value] : EnvironmentFile(text).read()) {
      // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
      if (std::getenv(name.c_str()) != nullptr) continue;
      if (!name.starts_with(kOurs) && !name.starts_with(kUvicorns)) {
        ::setenv(name.c_str(), value.c_str(), 0);  // NOLINT(concurrency-mt-unsafe)
        continue;
      }
      const std::string sentence = path + ": " + name_for_log(name) + " stands for an option and does not count there";
      if (is_of_tokens(name)) throw std::runtime_error(sentence + ": without a token everybody could drive the plant");
      if (warning.empty())
        warning = sentence + "; it belongs into the environment, or without its prefix into --config";
    }
  } catch (const TextTooLong& error) {
    throw TextTooLong(path + " " + error.what());
  }
  return warning;
}

}  // namespace battery_twin::app
