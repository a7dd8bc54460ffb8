#include "simulate.hpp"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "battery_twin/api/parameters.hpp"
#include "battery_twin/plant/study.hpp"
#include "battery_twin/process/random.hpp"

namespace battery_twin::app {
namespace {

constexpr int kExitInterrupted = 130;
constexpr int kExitWrite = 1;

std::atomic<bool> interrupted{false};

struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Bodies of POST /factory/start: none, one for all batches, or one each.
std::vector<plant::BatchRequest> read_requests(const SimulateOptions& options, const plant::Layout& layout) {
  if (options.parameters.empty()) return {};
  std::ifstream file(options.parameters, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw Usage("cannot read " + options.parameters);
  auto parsed = api::parse_json(text.str());
  if (const auto* error = std::get_if<api::JsonError>(&parsed))
    throw Usage(options.parameters + ": " + error->message + " at " + api::dump(error->loc));
  const auto& document = std::get<api::Json>(parsed);
  const api::Json bodies = document.is_array() ? document : api::Json::array({document});

  std::vector<plant::BatchRequest> requests;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    api::Errors errors;
    requests.push_back(api::read_batch_request(
        bodies[i], layout,
        [&](const plant::Station& station) { return station.type->defaults(options.models, station.line); }, {},
        errors));
    if (errors.empty()) continue;
    std::string sentence = options.parameters + (document.is_array() ? ", batch " + std::to_string(i) : "") + ":";
    for (const api::Json& error : errors.list())
      sentence += "\n  " + api::dump(error.at("loc")) + " " + error.at("msg").get<std::string>();
    throw Usage(sentence);
  }
  std::set<std::string> ids;
  for (const plant::BatchRequest& request : requests) {
    if (request.id && !ids.insert(*request.id).second)
      throw Usage(options.parameters + ": the id " + *request.id + " is given twice");
  }
  if (document.is_array() && bodies.empty()) throw Usage(options.parameters + " holds no batch");
  if (document.is_array() && options.batches_given && options.batches != bodies.size())
    throw Usage("--batches is " + std::to_string(options.batches) + ", but " + options.parameters + " holds " +
                std::to_string(bodies.size()) + " batches");
  if (!document.is_array() && requests[0].seed && options.batches > 1)
    throw Usage("the seed in " + options.parameters + " would make all batches the same, use --seed");
  return requests;
}

struct Result {
  std::string id;
  std::uint64_t seed = 0;
  plant::BatchOutcome outcome;
  std::string row;
  std::string trace;
};

std::string csv_header() {
  std::string header = "batch,seed,status,passed";
  for (const process::Figure& figure : process::kFigures) header += "," + std::string(figure.name);
  return header + ",defects,error\n";
}

std::string csv_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_row(const Result& result) {
  const plant::BatchOutcome& outcome = result.outcome;
  std::string row = result.id + "," + std::to_string(result.seed) + (outcome.error.empty() ? ",completed" : ",failed") +
                    (outcome.passed ? ",true" : ",false");
  for (const process::Figure& figure : process::kFigures) {
    const auto& value = outcome.figures.*figure.member;
    row += "," + (value ? process::to_text(*value) : std::string{});
  }
  std::string defects;
  for (const std::string& defect : outcome.defects) defects += (defects.empty() ? "" : "; ") + defect;
  return row + "," + csv_text(defects) + "," + csv_text(outcome.error) + "\n";
}

std::string json_row(const Result& result) {
  const plant::BatchOutcome& outcome = result.outcome;
  api::Json row{{"batch", result.id},
                {"seed", result.seed},
                {"status", outcome.error.empty() ? "completed" : "failed"},
                {"passed", outcome.passed}};
  row.update(api::to_json(outcome.figures));
  row["defects"] = outcome.defects;
  if (!outcome.error.empty()) row["error"] = outcome.error;
  return api::dump(row) + "\n";
}

class Summary {
 public:
  void add(const plant::BatchOutcome& outcome) {
    ++count_;
    steps_ += outcome.steps;
    if (!outcome.error.empty()) ++failed_;
    if (outcome.passed) ++passed_;
    for (const std::string& defect : outcome.defects) ++defects_[defect];
    for (const process::Figure& figure : process::kFigures) {
      if (const auto& value = outcome.figures.*figure.member) figures_[figure.name].add(*value);
    }
  }

  void print(std::ostream& out, const SimulateOptions& options) const {
    out << count_ << " batches, " << steps_ << " machine steps, models " << to_string(options.models) << ", noise "
        << (options.noise ? "on" : "off") << ", seed " << options.seed << "\n";
    out << "passed " << passed_ << ", not passed " << count_ - passed_ - failed_ << ", failed " << failed_ << "\n";
    for (const process::Figure& figure : process::kFigures) {
      const auto found = figures_.find(figure.name);
      if (found == figures_.end()) continue;
      const Moments& moments = found->second;
      out << figure.name << ": mean " << process::to_text(moments.mean) << ", standard deviation "
          << process::to_text(moments.deviation()) << ", from " << process::to_text(moments.least) << " to "
          << process::to_text(moments.most) << "\n";
    }
    if (!defects_.empty()) out << "defects, batches that had them:\n";
    for (const auto& [defect, times] : defects_) out << "  " << defect << ": " << times << "\n";
  }

 private:
  // Welford, 1962
  struct Moments {
    void add(double value) {
      ++count;
      const double delta = value - mean;
      mean += delta / static_cast<double>(count);
      squares += delta * (value - mean);
      least = std::min(least, value);
      most = std::max(most, value);
    }
    [[nodiscard]] double deviation() const {
      return count > 1 ? std::sqrt(squares / static_cast<double>(count - 1)) : 0;
    }
    std::uint64_t count = 0;
    double mean = 0;
    double squares = 0;
    double least = std::numeric_limits<double>::infinity();
    double most = -std::numeric_limits<double>::infinity();
  };

  std::uint64_t count_ = 0, steps_ = 0, passed_ = 0, failed_ = 0;
  std::map<std::string, std::uint64_t> defects_;
  std::map<std::string_view, Moments> figures_;
};

// On a terminal only, at most a hundred times.
class ProgressBar {
 public:
  explicit ProgressBar(std::uint64_t total) : total_(total), shown_(::isatty(STDERR_FILENO) == 1) {}
  ~ProgressBar() {
    if (shown_ && percent_ >= 0) std::cerr << "\n";
  }
  void show(std::uint64_t done) {
    const int percent = static_cast<int>(done * 100 / total_);
    if (!shown_ || percent == percent_) return;
    percent_ = percent;
    std::cerr << "\r[" << std::string(static_cast<std::size_t>(percent) / 2, '#')
              << std::string(50 - static_cast<std::size_t>(percent) / 2, ' ') << "] " << percent << " %" << std::flush;
  }

 private:
  std::uint64_t total_;
  bool shown_;
  int percent_ = -1;
};

std::ofstream open(const std::string& path) {
  std::ofstream file;
  if (path.empty()) return file;
  file.open(path, std::ios::binary | std::ios::trunc);
  if (!file) throw Usage("cannot write " + path);
  return file;
}

void write(std::ofstream& file, const std::string& path, const std::string& text) {
  if (!path.empty() && !file.write(text.data(), static_cast<std::streamsize>(text.size())))
    throw std::runtime_error("cannot write " + path);
}

int run(const SimulateOptions& options) {
  const plant::Layout& layout = plant::standard_layout();
  const std::vector<plant::BatchRequest> requests = read_requests(options, layout);
  const std::uint64_t count = requests.size() > 1 ? requests.size() : options.batches;
  const bool csv = options.output.ends_with(".csv");
  std::ofstream output = open(options.output);
  std::ofstream trace = open(options.trace);
  if (csv) write(output, options.output, csv_header());

  const auto work = [&](std::uint64_t index) {
    const plant::BatchRequest* request = requests.empty() ? nullptr : &requests[requests.size() > 1 ? index : 0];
    Result result;
    result.seed = request != nullptr && request->seed ? *request->seed : process::derive_seed(options.seed, index);
    result.id = request != nullptr && request->id && requests.size() == count ? *request->id : std::to_string(index);
    plant::StepTrace step;
    if (!options.trace.empty()) {
      step = [&](const plant::Station& station, std::uint32_t number, std::span<const double> values) {
        result.trace +=
            api::dump(api::Json{
                {"batch_id", result.id},
                {"machine", station.process_name},
                {"step", number},
                {"properties", api::to_json(station.type->model(options.models).outputs, station.line, values)}}) +
            "\n";
      };
    }
    result.outcome = plant::run_batch(
        layout, options.models, options.population, result.seed,
        request != nullptr ? std::span(request->parameters) : std::span<const std::optional<process::Values>>{}, step);
    if (!options.output.empty()) result.row = csv ? csv_row(result) : json_row(result);
    return result;
  };

  Summary summary;
  {
    ProgressBar bar(count);
    plant::in_order(count, options.threads, interrupted, work, [&](std::uint64_t index, Result result) {
      summary.add(result.outcome);
      write(output, options.output, result.row);
      write(trace, options.trace, result.trace);
      bar.show(index + 1);
    });
  }
  for (auto* file : {&output, &trace}) {
    if (file->is_open() && !file->flush()) throw std::runtime_error("cannot write the results");
  }
  if (options.output.empty()) summary.print(std::cout, options);
  return interrupted ? kExitInterrupted : 0;
}

}  // namespace

int simulate(const SimulateOptions& options) {
  std::signal(SIGINT, [](int) { interrupted = true; });   // NOLINT(cert-err33-c)
  std::signal(SIGTERM, [](int) { interrupted = true; });  // NOLINT(cert-err33-c)
  try {
    return run(options);
  } catch (const Usage& error) {
    std::cerr << "battery-twin: " << error.what() << '\n';
    return kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "battery-twin: " << error.what() << '\n';
    return kExitWrite;
  }
}

}  // namespace battery_twin::app
