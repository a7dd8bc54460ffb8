#include "simulate.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "battery_twin/api/parameters.hpp"
#include "battery_twin/plant/study.hpp"
#include "battery_twin/process/random.hpp"
#include "study_report.hpp"

namespace battery_twin::app {
namespace {

constexpr int kExitInterrupted = 130;
constexpr int kExitWrite = 1;

std::atomic<bool> interrupted{false};

bool is_interrupted() { return interrupted; }

// The first signal ends the study in order, the second at once.
void on_signal(int /*signal*/) {
  if (interrupted.exchange(true)) ::_exit(kExitInterrupted);
}

// Without SA_RESTART: reading and opening files end, too.
void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  // What cannot be written is told by the write.
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::sigaction(signal, &action, nullptr);
}

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
        [&](const plant::Station& station) { return station.type->defaults(options.models, station.line); },
        {.models = options.models, .design = options.population.design}, errors));
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

using Parameters = std::vector<std::optional<process::Values>>;

// A field that each batch draws for itself, evenly between two values.
struct Varied {
  const plant::Station* station;
  std::size_t field;
  double low, high;
  std::string name;       // "anode_coating_params.gap_height"
  bool is_input = false;  // to the report: not where noise moves the field too, which counts as one
};

// "anode_coating_params.gap_height=240e-6:260e-6"
// @param common  what all batches are given
Varied read_varied(const std::string& text, const SimulateOptions& options, const plant::Layout& layout,
                   const Parameters& common) {
  const auto wrong = [&](const std::string& why) { return Usage("--vary " + text + ": " + why); };
  const auto dot = text.find('.');
  const auto equals = text.find('=');
  const auto colon = text.find(':', equals == std::string::npos ? 0 : equals);
  if (dot == std::string::npos || equals == std::string::npos || colon == std::string::npos || dot > equals)
    throw wrong("should be GROUP.FIELD=LOW:HIGH");
  Varied varied{.name = text.substr(0, equals)};
  varied.station = layout.find_group(text.substr(0, dot));
  if (varied.station == nullptr) throw wrong("there is no group " + text.substr(0, dot));
  const auto field = varied.station->type->index_of(text.substr(dot + 1, equals - dot - 1));
  if (!field) throw wrong("there is no field " + text.substr(dot + 1, equals - dot - 1));
  varied.field = *field;
  const auto number = [&](std::string_view digits, double& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size())
      throw wrong(std::string(digits) + " is no number");
  };
  number(std::string_view(text).substr(equals + 1, colon - equals - 1), varied.low);
  number(std::string_view(text).substr(colon + 1), varied.high);
  if (varied.low > varied.high) throw wrong("the first value should be the lower one");
  for (const double value : {varied.low, varied.high}) {
    process::Values values = varied.station->type->defaults(options.models, varied.station->line);
    if (varied.station->index < common.size() && common[varied.station->index]) values = *common[varied.station->index];
    values[varied.field] = value;
    const auto violations =
        varied.station->type->violations(options.models, values, api::Limits{}.max_steps, options.population.design);
    if (!violations.empty()) throw wrong(violations.front().message);
  }
  return varied;
}

// One batch of the study: what it is called, what it starts from.
struct Task {
  std::string id;
  std::uint64_t seed = 0;
  const Parameters* parameters = nullptr;
  std::vector<double> varied{};             // what it drew
  std::shared_ptr<const Parameters> own{};  // of a batch that drew some
};

std::string csv_header(const std::vector<Varied>& varied) {
  std::string header = "batch,seed,status,passed";
  for (const Varied& field : varied) header.append(",").append(field.name);
  for (const process::Figure& figure : process::kFigures) header.append(",").append(figure.name);
  return header + ",machine_energy_kWh,scrap_causes,defects,error\n";
}

void append(std::string& row, double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  row.append(buffer.data(), result.ptr);
}

void append_quoted(std::string& row, const std::string& text) {
  row += '"';
  for (const char c : text) {
    if (c == '"') row += '"';
    row += c;
  }
  row += '"';
}

double total_energy(const process::EndOfLine& figures) {
  double total = 0;
  for (const auto& machine : *figures.machine_energy_kWh) total += machine.value;
  return total;
}

void append_csv(std::string& row, const Task& task, const plant::BatchOutcome& outcome) {
  row += task.id;
  row += ',';
  row += std::to_string(task.seed);
  row += outcome.error.empty() ? ",completed" : ",failed";
  row += outcome.passed ? ",true" : ",false";
  for (const double value : task.varied) append(row += ',', value);
  for (const process::Figure& figure : process::kFigures) {
    row += ',';
    if (const auto& value = outcome.figures.*figure.member) append(row, *value);
  }
  row += ',';
  if (outcome.figures.machine_energy_kWh) append(row, total_energy(outcome.figures));
  std::string causes;
  if (outcome.figures.scrap_causes) {
    for (const auto& [cause, cells] : *outcome.figures.scrap_causes)
      causes += (causes.empty() ? "" : "; ") + cause + ": " + process::to_text(cells);
  }
  std::string defects;
  for (const std::string& defect : outcome.defects) defects += (defects.empty() ? "" : "; ") + defect;
  for (const std::string* text : std::initializer_list<const std::string*>{&causes, &defects, &outcome.error}) {
    row += ',';
    append_quoted(row, *text);
  }
  row += '\n';
}

void append_json(std::string& row, const Task& task, const std::vector<Varied>& varied,
                 const plant::BatchOutcome& outcome) {
  api::Json json{{"batch", task.id},
                 {"seed", task.seed},
                 {"status", outcome.error.empty() ? "completed" : "failed"},
                 {"passed", outcome.passed}};
  for (std::size_t i = 0; i < task.varied.size(); ++i) json[varied[i].name] = task.varied[i];
  json.update(api::to_json(outcome.figures));
  json["defects"] = outcome.defects;
  if (!outcome.error.empty()) json["error"] = outcome.error;
  row += api::dump(json) + "\n";
}

// One row per cell.
class CellRows {
 public:
  CellRows(const plant::Population& population, const std::vector<Varied>& varied, bool csv)
      : varied_(varied), csv_(csv) {
    for (const auto& cause : population.causes()) causes_.push_back(cause.name());
    for (const auto& source : population.disturbed()) disturbed_.push_back(source.name());
  }

  [[nodiscard]] std::string header() const {
    std::string header = "batch,cell,good,cause";
    for (const Varied& field : varied_) header.append(",").append(field.name);
    for (const process::CellFigure& figure : process::kCellFigures) header.append(",").append(figure.name);
    for (const std::string& name : disturbed_) {
      header += ',';
      append_quoted(header, name);
    }
    return header + "\n";
  }

  void append_to(std::string& rows, const plant::CellBlock& block, std::span<const Task> tasks) const {
    for (std::size_t lane = 0; lane < block.count; ++lane) {
      const bool good = block.cause[lane] < 0;
      const std::string cause = good ? std::string{} : causes_[static_cast<std::size_t>(block.cause[lane])];
      const std::string& batch = tasks[block.batch[lane]].id;
      if (csv_) {
        rows += batch;
        rows += ',';
        rows += std::to_string(block.cells[lane]);
        rows += good ? ",true," : ",false,";
        if (!good) append_quoted(rows, cause);
        for (const double value : tasks[block.batch[lane]].varied) append(rows += ',', value);
        for (const process::CellPack& figure : block.figures) append(rows += ',', figure.lane[lane]);
        for (const process::CellPack& value : block.disturbed) append(rows += ',', value.lane[lane]);
        rows += '\n';
        continue;
      }
      api::Json json{{"batch", batch}, {"cell", block.cells[lane]}, {"good", good}};
      json["cause"] = good ? api::Json() : api::Json(cause);
      for (std::size_t i = 0; i < varied_.size(); ++i) json[varied_[i].name] = tasks[block.batch[lane]].varied[i];
      for (std::size_t i = 0; i < block.figures.size(); ++i)
        json[std::string(process::kCellFigures[i].name)] = block.figures[i].lane[lane];
      for (std::size_t i = 0; i < disturbed_.size(); ++i) json[disturbed_[i]] = block.disturbed[i].lane[lane];
      rows += api::dump(json) + "\n";
    }
  }

 private:
  const std::vector<Varied>& varied_;
  bool csv_;
  std::vector<std::string> causes_, disturbed_;
};

// Batches by the reference models: figures by name, defects by name.
class ReferenceReport {
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

  void print(std::ostream& out) const {
    out << "passed " << passed_ << ", not passed " << count_ - passed_ - failed_ << ", failed " << failed_
        << ", machine steps " << steps_ << "\n";
    for (const auto& [name, moments] : figures_) {
      out << name << ": mean " << process::to_text(moments.mean) << ", standard deviation "
          << process::to_text(moments.deviation()) << ", from " << process::to_text(moments.least) << " to "
          << process::to_text(moments.most) << "\n";
    }
    if (!defects_.empty()) out << "defects, batches that had them:\n";
    for (const auto& [defect, times] : defects_) out << "  " << defect << ": " << times << "\n";
  }

 private:
  std::uint64_t count_ = 0, steps_ = 0, passed_ = 0, failed_ = 0;
  std::map<std::string, std::uint64_t> defects_;
  std::map<std::string_view, plant::Moments> figures_;
};

// What a piece of the study gives.
struct Piece {
  std::string rows;
  std::string trace;
  std::optional<CellTally> tally;             // mechanistic
  std::vector<plant::BatchOutcome> outcomes;  // reference
};

class Study {
 public:
  explicit Study(const SimulateOptions& options)
      : options_(options),
        layout_(plant::standard_layout()),
        requests_(read_requests(options, layout_)),
        csv_(options.output.ends_with(".csv")),
        count_(requests_.size() > 1 ? requests_.size() : options.batches) {
    if (options_.per_cell && options_.output.empty()) throw Usage("--per-cell says what stands in --output");
    if (!options.vary.empty() && requests_.size() > 1) throw Usage("--vary and a list of batches exclude each other");
    for (const std::string& text : options.vary) {
      Varied varied = read_varied(text, options, layout_, requests_.empty() ? none_ : requests_.front().parameters);
      for (const Varied& other : varied_) {
        if (other.station == varied.station && other.field == varied.field)
          throw Usage("--vary names " + varied.name + " twice");
      }
      varied_.push_back(std::move(varied));
    }
    refuse_same_files();
    if (options_.models == process::ModelSet::reference) {
      if (!varied_.empty()) throw Usage("--vary needs the mechanistic models");
      if (options_.per_cell) throw Usage("--per-cell needs the mechanistic models: reference knows no cells");
      return;
    }
    const Parameters* common = requests_.empty() ? &none_ : &requests_.front().parameters;
    population_.emplace(layout_, options_.population, *common);
    rows_.emplace(*population_, varied_, csv_);
    for (const auto& source : population_->disturbed()) inputs_.push_back(source.name());
    for (Varied& varied : varied_) {
      const std::string disturbed =
          varied.station->process_name + " " + std::string(varied.station->type->fields[varied.field].name);
      varied.is_input = std::ranges::find(inputs_, disturbed) == inputs_.end();
    }
    for (const Varied& varied : varied_) {
      if (varied.is_input) inputs_.push_back(varied.name);
    }
    typical_ = typical();
  }

  int run();

 private:
  void refuse_same_files() const {
    const std::array files{options_.parameters, options_.output, options_.trace};
    for (std::size_t i = 0; i < files.size(); ++i) {
      for (std::size_t j = i + 1; j < files.size(); ++j) {
        std::error_code ignored;
        const bool same = files[i] == files[j] || std::filesystem::equivalent(files[i], files[j], ignored);
        if (same && !files[i].empty() && std::filesystem::is_regular_file(files[i], ignored))
          throw Usage(files[i] + " is named for two things");
        if (files[i] == files[j] && !files[i].empty() && files[i] != "/dev/null")
          throw Usage(files[i] + " is named for two things");
      }
    }
  }

  // The noise-free cell's inputs and figures.
  [[nodiscard]] std::vector<double> typical() const {
    plant::PopulationConfig config = options_.population;
    config.noise = false;
    config.cells = 1;
    std::vector<double> values(inputs_.size());
    const Parameters& common = requests_.empty() ? none_ : requests_.front().parameters;
    (void)plant::Population(layout_, config, common).run(std::array{options_.seed}, [&](const plant::CellBlock& block) {
      for (std::size_t i = 0; i < block.disturbed.size(); ++i) values[i] = block.disturbed[i].lane[0];
      std::size_t input = block.disturbed.size();
      for (const Varied& varied : varied_) {
        if (varied.is_input) values[input++] = (varied.low + varied.high) / 2;
      }
      for (const process::CellPack& figure : block.figures) values.push_back(figure.lane[0]);
    });
    return values;
  }

  [[nodiscard]] Task task(std::uint64_t index) const {
    const plant::BatchRequest* request = requests_.empty() ? nullptr : &requests_[requests_.size() > 1 ? index : 0];
    Task task{
        .id = request != nullptr && request->id && requests_.size() == count_ ? *request->id : std::to_string(index),
        .seed = request != nullptr && request->seed ? *request->seed : process::derive_seed(options_.seed, index),
        .parameters = request != nullptr ? &request->parameters : &none_};
    if (varied_.empty()) return task;
    auto own = std::make_shared<Parameters>(*task.parameters);
    own->resize(layout_.stations().size());
    for (const Varied& varied : varied_) {
      auto& values = (*own)[varied.station->index];
      if (!values) values = varied.station->type->defaults(options_.models, varied.station->line);
      const process::Noise draw(task.seed, "vary " + varied.name, true);
      const double value = draw.uniform(0, 0, varied.low, varied.high);
      (*values)[varied.field] = value;
      task.varied.push_back(value);
    }
    task.parameters = own.get();
    task.own = std::move(own);
    return task;
  }

  // Batches that a thread takes at once: some milliseconds of work. Sums are made piece by piece, so this may not
  // depend on the number of threads.
  [[nodiscard]] std::uint64_t piece_size() const {
    if (!options_.trace.empty()) return 1;  // its steps are megabytes of text
    return plant::Population::kBatches * std::max(1u, 64 / std::min(options_.population.cells, 64u));
  }
  [[nodiscard]] Piece work(std::uint64_t begin, std::uint64_t end) const;
  void append_row(std::string& rows, const Task& task, const plant::BatchOutcome& outcome) const {
    if (csv_)
      append_csv(rows, task, outcome);
    else
      append_json(rows, task, varied_, outcome);
  }
  void run_population(const plant::Population& population, std::span<const Task> tasks, std::span<const double> given,
                      Piece& piece) const;
  void run_one(const Task& task, Piece& piece) const;

  const SimulateOptions& options_;
  const plant::Layout& layout_;
  std::vector<plant::BatchRequest> requests_;
  std::vector<Varied> varied_;
  bool csv_;
  std::uint64_t count_;
  Parameters none_;
  std::optional<plant::Population> population_;  // of the parameters that all batches share
  std::optional<CellRows> rows_;
  std::vector<std::string> inputs_;
  std::vector<double> typical_;
};

void Study::run_population(const plant::Population& population, std::span<const Task> tasks,
                           std::span<const double> given, Piece& piece) const {
  std::array<std::uint64_t, plant::Population::kBatches> seeds{};
  for (std::size_t i = 0; i < tasks.size(); ++i) seeds[i] = tasks[i].seed;
  const bool cell_rows = options_.per_cell && !options_.output.empty();
  const std::size_t rows_before = piece.rows.size();
  const CellTally before = *piece.tally;
  std::vector<plant::BatchFigures> results;
  try {
    results = population.run(
        std::span(seeds).first(tasks.size()),
        [&](const plant::CellBlock& block) {
          if (cell_rows) rows_->append_to(piece.rows, block, tasks);
          if (options_.output.empty()) piece.tally->add(block, given);
        },
        is_interrupted);
  } catch (const std::runtime_error& error) {
    // One of the batches failed: each by itself.
    piece.rows.resize(rows_before);
    piece.tally.emplace(before);
    if (tasks.size() > 1) {
      for (const Task& each : tasks) run_population(population, std::span(&each, 1), given, piece);
      return;
    }
    ++piece.tally->batches;
    ++piece.tally->failed;
    if (!options_.output.empty() && !cell_rows) append_row(piece.rows, tasks.front(), {.error = error.what()});
    return;
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (options_.output.empty()) piece.tally->add(results[i]);
    if (options_.output.empty() || cell_rows) continue;
    const bool passed = results[i].figures.cells_good > 0.0;
    const plant::BatchOutcome outcome{
        .figures = std::move(results[i].figures), .passed = passed, .defects = std::move(results[i].defects)};
    append_row(piece.rows, tasks[i], outcome);
  }
}

// A batch step by step: for reference, and where every step is wanted.
void Study::run_one(const Task& task, Piece& piece) const {
  plant::StepTrace step;
  if (!options_.trace.empty()) {
    step = [&](const plant::Station& station, std::uint32_t number, std::span<const double> values) {
      piece.trace +=
          api::dump(api::Json{
              {"batch_id", task.id},
              {"machine", station.process_name},
              {"step", number},
              {"properties", api::to_json(station.type->model(options_.models).outputs, station.line, values)}}) +
          "\n";
    };
  }
  plant::BatchOutcome outcome = plant::run_batch(layout_, options_.models, options_.population, task.seed,
                                                 *task.parameters, step, is_interrupted);
  if (options_.models != process::ModelSet::reference) return;
  if (!options_.output.empty()) append_row(piece.rows, task, outcome);
  piece.outcomes.push_back(std::move(outcome));
}

Piece Study::work(std::uint64_t begin, std::uint64_t end) const {
  Piece piece;
  std::vector<Task> tasks;
  for (std::uint64_t i = begin; i < end; ++i) tasks.push_back(task(i));
  if (options_.models == process::ModelSet::reference || !options_.trace.empty()) {
    for (const Task& each : tasks) run_one(each, piece);
  }
  if (options_.models == process::ModelSet::reference) return piece;

  piece.tally.emplace(inputs_.size(), typical_);
  if (varied_.empty() && requests_.size() <= 1) {
    for (std::size_t i = 0; i < tasks.size(); i += plant::Population::kBatches)
      run_population(*population_, std::span(tasks).subspan(i, std::min(plant::Population::kBatches, tasks.size() - i)),
                     {}, piece);
    return piece;
  }
  // Every batch has parameters of its own.
  for (const Task& each : tasks) {
    std::vector<double> given;
    for (std::size_t i = 0; i < varied_.size(); ++i) {
      if (varied_[i].is_input) given.push_back(each.varied[i]);
    }
    run_population(plant::Population(layout_, options_.population, *each.parameters), std::span(&each, 1), given,
                   piece);
  }
  return piece;
}

int Study::run() {
  std::ofstream output = open(options_.output);
  std::ofstream trace = open(options_.trace);
  if (csv_) write(output, options_.output, options_.per_cell ? rows_->header() : csv_header(varied_));

  ReferenceReport reference;
  std::optional<StudyReport> report;
  if (population_) report.emplace(inputs_, population_->disturbed().size(), CellTally(inputs_.size(), typical_));
  std::uint64_t done = 0;
  {
    ProgressBar bar(count_);
    const auto consume = [&](std::uint64_t end, Piece piece) {
      for (const plant::BatchOutcome& outcome : piece.outcomes) reference.add(outcome);
      if (piece.tally) report->add(std::move(*piece.tally));
      write(output, options_.output, piece.rows);
      write(trace, options_.trace, piece.trace);
      done = end;
      bar.show(end);
    };
    try {
      plant::in_order(
          count_, piece_size(), options_.threads, interrupted,
          [this](std::uint64_t begin, std::uint64_t end) { return work(begin, end); }, consume);
    } catch (const plant::Stopped&) {
      // What is done is written below.
    }
  }
  for (auto* file : {&output, &trace}) {
    if (file->is_open() && !file->flush()) throw std::runtime_error("cannot write the results");
  }
  if (options_.output.empty()) {
    std::cout << done << (done == 1 ? " batch" : " batches") << ", models " << to_string(options_.models);
    if (report) std::cout << ", cell " << options_.population.design.name;
    std::cout << ", noise " << (options_.population.noise ? "on" : "off") << ", seed " << options_.seed << "\n";
    if (report) {
      std::cout << "\n";
      report->print(std::cout);
    } else {
      reference.print(std::cout);
    }
  }
  if (!std::cout.flush()) throw std::runtime_error("cannot write the report");
  return interrupted ? kExitInterrupted : 0;
}

}  // namespace

int simulate(const SimulateOptions& options) {
  catch_signals();
  try {
    return Study(options).run();
  } catch (const Usage& error) {
    std::cerr << "battery-twin: " << error.what() << '\n';
    return interrupted ? kExitInterrupted : kExitUsage;
  } catch (const std::exception& error) {
    std::cerr << "battery-twin: " << error.what() << '\n';
    return kExitWrite;
  }
}

}  // namespace battery_twin::app
