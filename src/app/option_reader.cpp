#include "option_reader.hpp"

#include <algorithm>
#include <sstream>

#include "environment.hpp"
#include "options.hpp"
#include "text_file.hpp"
#include "version.hpp"

namespace battery_twin::app {

Complaint complaint(int code, const std::string& sentence) { return {code, "battery-twin: " + sentence + "\n"}; }

std::optional<Complaint> OptionReader::parse() {
  app_.set_help_flag("--help", "Show this and exit");
  app_.set_version_flag("--version", "battery-twin " + version(), "Show the version and exit");
  variables_ = add_environment(app_, arguments_);
  std::vector<std::string> reversed(arguments_.rbegin(), arguments_.rend());  // CLI11 takes them from the back
  try {
    app_.parse(reversed);
  } catch (const CLI::Success& wanted) {  // --help, --version
    std::ostringstream text;
    app_.exit(wanted, text, text);
    return Complaint{0, text.str()};
  } catch (const CLI::FileError& error) {
    const std::string why = why_unreadable(path());
    return app::complaint(kExitStart, why.empty() ? error.what() : path() + " cannot be read: " + why);
  } catch (const CLI::ConfigError& error) {
    return app::complaint(kExitStart, about_file(error.what()));
  } catch (const CLI::Error& error) {
    for (const std::string command : {"serve", "simulate"}) {
      if (std::ranges::find(arguments_, command) != arguments_.end())
        return app::complaint(kExitUsage, command + " comes before all options: battery-twin " + command + " --help");
    }
    return complaint_about_use(error.what());
  }
  return complaint_about_kinds();
}

std::optional<Complaint> OptionReader::join(const std::string& environment_file, std::vector<std::string>& warnings) {
  try {
    if (const std::string warning = load_environment_file(environment_file); !warning.empty())
      warnings.push_back("--env-file: " + warning);
  } catch (const TextTooLong& error) {
    return complaint(kExitStart, std::string("--env-file: ") + error.what());
  } catch (const std::runtime_error& error) {
    return complaint(kExitUsage, std::string("--env-file: ") + error.what());
  }
  // A second parsing would have to read the configuration file again, which may be a pipe.
  const std::size_t before = arguments_.size();
  variables_.merge(add_environment(app_, arguments_));
  try {
    for (std::size_t i = before; i < arguments_.size(); ++i) set(arguments_[i]);
  } catch (const CLI::Error& error) {
    return complaint_about_use(error.what());
  }
  return std::nullopt;
}

Complaint OptionReader::complaint(int code, const std::string& sentence) const {
  return app::complaint(code, place_of(option_in(sentence)) + sentence);
}

Complaint OptionReader::complaint_about_use(const std::string& sentence) const {
  const std::string stranger = about_stranger();
  return complaint(kExitUsage, (stranger.empty() ? sentence : stranger) + "\nTry --help");
}

std::string OptionReader::about_stranger() const {
  const std::vector<std::string> strangers = app_.remaining();
  const auto is_option = [](const std::string& word) {
    return word.starts_with('-') && word.find_first_not_of('-') != std::string::npos;
  };
  const auto option = std::ranges::find_if(strangers, is_option);
  if (option == strangers.end()) {
    const bool is_any = std::ranges::any_of(strangers, [](const std::string& word) { return word != "--"; });
    return is_any ? "a word belongs to no option; one that may be repeated takes one value each time" : "";
  }
  std::string name = option->substr(0, option->find('='));
  const std::string meant = nearest(name.substr(name.find_first_not_of('-')), names_of_options(app_));
  if (meant.empty() && !name.starts_with("--")) name.resize(2);  // -pPASSWORD
  return name + " is no option" + (meant.empty() ? "" : ": is --" + meant + " meant?");
}

void OptionReader::set(const std::string& argument) {
  const auto equals = argument.find('=');
  CLI::Option* option = app_.get_option(argument.substr(0, equals));
  option->clear();
  option->add_result(argument.substr(equals + 1));
  option->run_callback();
}

std::string OptionReader::path() const { return app_.get_config_ptr()->as<std::string>(); }

std::optional<Complaint> OptionReader::complaint_about_kinds() const {
  for (const CLI::Option* option : app_.get_options()) {
    if (is_among(arguments_, *option) || place_of(option).empty()) continue;
    const auto most = static_cast<std::size_t>(std::max(option->get_items_expected_max(), 1));
    if (option->count() > most) return complaint(kExitUsage, option->get_name() + ": should be one value and no list");
    if (option->get_items_expected_max() == 0 && !is_switch(*option))
      return complaint(kExitUsage, option->get_name() + ": should be true or false, without quotes");
  }
  return std::nullopt;
}

bool OptionReader::is_switch(const CLI::Option& option) const {
  return std::ranges::any_of(option.get_lnames(), [this](const auto& name) { return file_->is_switch(name); });
}

const CLI::Option* OptionReader::option_in(const std::string& sentence) const {
  const auto start = sentence.find("--");
  if (start == std::string::npos) return nullptr;
  return app_.get_option_no_throw(sentence.substr(start, sentence.find_first_of(" ,:=\n", start) - start));
}

std::string OptionReader::place_of(const CLI::Option* option) const {
  if (const auto found = variables_.find(option); found != variables_.end()) return found->second + ": ";
  if (file_ == nullptr || option == nullptr || is_among(arguments_, *option)) return {};
  for (const std::string& name : option->get_lnames()) {
    if (const auto line = file_->line_of(name); line > 0) return path() + ", line " + std::to_string(line) + ": ";
  }
  return {};
}

std::string OptionReader::about_file(const std::string& text) const {
  constexpr std::string_view kUnknown = "INI was not able to parse ";  // CLI11's words for a name it does not know
  if (!text.starts_with(kUnknown)) return path() + (text.starts_with("line ") ? ", " : " ") + text;
  const std::string name = text.substr(kUnknown.size());
  const std::string place = path() + ", line " + std::to_string(file_->line_of(name)) + ": ";
  // A line without its = is taken for a name as a whole, and may have a password in it.
  if (const auto blank = name.find(' '); blank != std::string::npos)
    return place + "there is no = behind " + name.substr(0, blank);
  const std::string meant = nearest(name, names_of_options(app_));
  return place + "unknown option " + name + (meant.empty() ? "" : ", is " + meant + " meant?");
}

}  // namespace battery_twin::app
