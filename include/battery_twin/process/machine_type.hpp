#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/process/cell_design.hpp"
#include "battery_twin/process/field.hpp"
#include "battery_twin/process/line.hpp"
#include "battery_twin/process/product.hpp"
#include "battery_twin/process/random.hpp"

namespace battery_twin::process {

/// One machine at work on one batch, from `MachineModel::start` to the last step. Not thread-safe: one owner at a time.
class MachineRun {
 public:
  virtual ~MachineRun() = default;

  /// Steps the run takes unless it ends early; at least 1.
  [[nodiscard]] virtual std::uint32_t planned_steps() const = 0;
  /// Why the run ends before its next step, or nothing to go on. To be asked before every step.
  [[nodiscard]] virtual std::optional<std::string> stop_reason() const = 0;
  /// One physical step.
  virtual void step() = 0;
  /// The product's properties now, in the order of `MachineModel::outputs`. @param out  as long as that table
  virtual void properties(std::span<double> out) const = 0;
  /// What the machine says of itself, in the order of `MachineModel::specifics`.
  virtual void specifics(std::span<double> out) const = 0;
  /// What is unusual about the run, a sentence with numbers each; after the last step.
  [[nodiscard]] virtual std::vector<std::string> remarks() const = 0;
  /// Writes what the next machine needs into the product.
  virtual void hand_on(Product& product) const = 0;
};

/// What a run starts from.
struct StartOf {
  Line line;
  const Product& upstream;
  const Values& parameters;  ///< valid: `violations` found nothing
  const CellDesign& design;
  Noise noise;
};

/// What a block of cells starts from in a machine. All of them have the same parameters.
struct BlockStart {
  Line line;
  const void* parameters;  ///< what the model's `prepare` gave
  const CellDesign& design;
  std::uint32_t stream;  ///< `stream_of` the machine's process name
  std::array<std::uint64_t, kLanes> seeds;
  std::array<std::uint32_t, kLanes> cells;
  bool batch_noise;      ///< variation that all cells of a batch share
  bool cell_noise;       ///< variation from cell to cell
  bool literal = false;  ///< in physical steps, as the paced plant, instead of the widest safe ones
};

/// Takes a block of cells through a machine. @param properties  at the end, in the order of `MachineModel::outputs`
using BlockKernel = void (*)(const BlockStart& start, ProductBlock& product, std::span<CellPack> properties);

/// What a machine type does under one model set.
struct MachineModel {
  std::span<const Output> outputs;      ///< properties published after every step
  std::span<const Output> specifics{};  ///< what the machine says of itself beside the product; may be empty
  std::string_view steps_field{};       ///< the field that sets the number of steps, or empty

  /// Steps that these parameters ask for; may be beyond what an integer holds. Empty fields count as absent.
  double (*steps)(const Values&, const CellDesign&) = nullptr;
  std::unique_ptr<MachineRun> (*start)(const StartOf&) = nullptr;
  /// What is unusual about the parameters as a whole, a sentence with numbers each; nullptr where nothing can be.
  void (*remarks)(const Values&, const CellDesign&, std::vector<std::string>&) = nullptr;

  /// The same for all cells of a batch: no draw of it differs from cell to cell.
  bool per_batch = false;
  /// Many cells at once; nullptr: one `start` for each.
  BlockKernel run_block = nullptr;
  std::shared_ptr<const void> (*prepare)(const Values&) = nullptr;
};

/// A type of machine: all that the other rooms know of it. One constant object per type; immutable.
struct MachineType {
  std::string_view name;          ///< "coating"
  std::string_view description;   ///< one line
  std::string_view nested;        ///< name of the JSON object that wraps the fields ("material_ratios"), or empty
  std::vector<FieldInfo> fields;  ///< parameters, in declaration order
  /// Rules over more than one field; nullptr where there are none.
  void (*check_whole)(const Values&, std::vector<Violation>&);
  std::string_view whole_rule;                         ///< those rules in words, for the documents
  std::array<MachineModel, kModelSets.size()> models;  ///< one per model set

  [[nodiscard]] const MachineModel& model(ModelSet set) const { return models[static_cast<std::size_t>(set)]; }

  /// Default parameters of a model set on a line.
  [[nodiscard]] Values defaults(ModelSet set, Line line) const;

  /// Everything that is wrong with the values; nothing when they may be used. A value is missing where its field is
  /// not optional and it is empty.
  /// @param max_steps  the longest run allowed
  [[nodiscard]] std::vector<Violation> violations(ModelSet set, const Values& values, std::uint32_t max_steps,
                                                  const CellDesign& design) const;

  /// The rules over more than one field and the limit on the run's length; for values whose fields are each valid,
  /// or, with `fields_valid` false, at least finite where they are set: then only the rules that can still be told.
  [[nodiscard]] std::vector<Violation> whole_violations(ModelSet set, const Values& values, std::uint32_t max_steps,
                                                        const CellDesign& design, bool fields_valid) const;

  /// Where a field or its alias stands in `fields`, or nothing.
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view field) const;
};

/// The name under which a mechanistic machine publishes the energy it used, J.
inline constexpr std::string_view kMachineEnergy = "machine_energy";

/// The worst consequence of what the properties say.
[[nodiscard]] Outcome judge(std::span<const Output> outputs, std::span<const double> properties);

/// A machine's model from its parameter table and a plain struct that works on one cell:
///   static double steps(const P&);
///   Model(Line, const Product& upstream, const P&, const Noise&);
///   void step(std::uint32_t t);
///   void properties(std::span<double>) const;
///   void hand_on(Product&) const;
/// and, where it has them, `std::optional<std::string> stop_reason() const` and `void specifics(std::span<double>)
/// const`.
template <class P, class Model, const auto& kTable>
[[nodiscard]] MachineModel model_of(std::span<const Output> outputs) {
  class Run final : public MachineRun {
   public:
    explicit Run(const StartOf& start)
        : parameters_(to_parameters<P>(kTable, start.parameters)),
          model_(start.line, start.upstream, parameters_, start.noise),
          planned_(static_cast<std::uint32_t>(Model::steps(parameters_))) {
      if (planned_ == 0) planned_ = 1;
    }
    std::uint32_t planned_steps() const override { return planned_; }
    std::optional<std::string> stop_reason() const override {
      if constexpr (requires { model_.stop_reason(); }) return model_.stop_reason();
      return std::nullopt;
    }
    void step() override { model_.step(next_++); }
    void properties(std::span<double> out) const override { model_.properties(out); }
    void specifics(std::span<double> out) const override {
      if constexpr (requires { model_.specifics(out); }) model_.specifics(out);
    }
    std::vector<std::string> remarks() const override { return {}; }
    void hand_on(Product& product) const override { model_.hand_on(product); }

   private:
    P parameters_;
    Model model_;
    std::uint32_t planned_;
    std::uint32_t next_ = 0;
  };

  MachineModel model;
  model.outputs = outputs;
  model.steps = [](const Values& values, const CellDesign&) { return Model::steps(to_parameters<P>(kTable, values)); };
  model.start = [](const StartOf& start) -> std::unique_ptr<MachineRun> { return std::make_unique<Run>(start); };
  return model;
}

/// The type with its parameter table and one model for every model set.
template <class P, const auto& kTable>
[[nodiscard]] MachineType describe(std::string_view name, std::string_view description, const MachineModel& model) {
  MachineType type{};
  type.name = name;
  type.description = description;
  for (const Field<P>& field : kTable) type.fields.push_back(field.info());
  type.models.fill(model);
  return type;
}

/// The same where the model sets differ.
template <class P, const auto& kTable>
[[nodiscard]] MachineType describe(std::string_view name, std::string_view description, const MachineModel& reference,
                                   const MachineModel& mechanistic) {
  MachineType type = describe<P, kTable>(name, description, reference);
  type.models[static_cast<std::size_t>(ModelSet::mechanistic)] = mechanistic;
  return type;
}

}  // namespace battery_twin::process
