#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "battery_twin/api/json.hpp"
#include "battery_twin/plant/batch.hpp"
#include "battery_twin/plant/layout.hpp"
#include "battery_twin/process/machine_type.hpp"

namespace battery_twin::api {

/// What is wrong with an input, in the shape that Pydantic users know.
class Errors {
 public:
  /// @param loc    where, e.g. ["body","anode_coating_params","gap_height"]
  /// @param input  what was found; shortened when long
  void add(Json loc, std::string_view type, std::string message, const Json& input, Json context = nullptr);
  /// A field that is not there; these come last.
  void add_missing(Json loc);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return count_; }
  /// The list, in document order, missing fields last; bounded in size.
  [[nodiscard]] Json list() const;

 private:
  std::vector<Json> found_;  // the first ones only, when there are very many
  std::vector<Json> missing_;
  std::size_t count_ = 0;
};

/// What a batch may be called.
inline constexpr std::string_view kIdPattern = R"(^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$)";

/// Rules that hold wherever parameters are read.
struct Limits {
  process::ModelSet models = process::ModelSet::mechanistic;
  process::CellDesign design = process::cell_designs().front();
  std::uint32_t max_steps = 1'000'000;  ///< of one machine's run
};

/// What a field is called where it stands in a group itself, and not in the type's nested object: its alias where the
/// type has such an object and the field an alias.
[[nodiscard]] std::string_view flat_name(const process::MachineType& type, const process::FieldInfo& field);

/// Reads a parameter group over its current values; nothing of it is used when errors were added.
class GroupReader {
 public:
  GroupReader(const plant::Station& station, const Limits& limits, Errors& errors, std::vector<std::string>& warnings)
      : type_(*station.type), line_(station.line), limits_(limits), errors_(errors), warnings_(warnings) {}

  /// Named fields change, the others keep `values`; then the whole is checked.
  void merge(const Json& object, const Json& loc, process::Values& values);
  /// Exactly the fields of the type's nested object, all of them required.
  void read_all(const Json& object, const Json& loc, process::Values& values);

 private:
  void read_field(std::size_t index, const Json& value, const Json& loc, process::Values& values);
  void check_whole(const Json& group_loc, const Json& field_loc, const process::Values& values,
                   std::size_t errors_before);

  const process::MachineType& type_;
  process::Line line_;
  const Limits& limits_;
  Errors& errors_;
  std::vector<std::string>& warnings_;
  bool comparable_ = true;  // every value is a number: rules over several fields make sense
};

/// A body of `POST /factory/start`.
/// @param current  a station's parameters now
[[nodiscard]] plant::BatchRequest read_batch_request(
    const Json& body, const plant::Layout& layout, const std::function<process::Values(const plant::Station&)>& current,
    const Limits& limits, Errors& errors);

/// A parameter set as it is published: nested where the type says so, null for "from upstream".
[[nodiscard]] Json to_json(const process::MachineType& type, const process::Values& values);

/// Adds a warning for what is unusual about machines that the request does not set parameters for. They may still be
/// changed before the batch enters them.
void warn_of_settings(const plant::Layout& layout, const std::function<process::Values(const plant::Station&)>& current,
                      const Limits& limits, plant::BatchRequest& request);

/// A machine's outputs or specifics by name.
[[nodiscard]] Json to_json(std::span<const process::Output> outputs, process::Line line,
                           std::span<const double> values);

[[nodiscard]] Json to_json(const process::EndOfLine& figures);

/// ["body"] and so on; `join(loc, "x")` is loc with one more part.
[[nodiscard]] Json join(Json loc, std::string_view part);

}  // namespace battery_twin::api
