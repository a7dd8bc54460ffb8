#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace battery_twin::json_schema {

/// JSON Schema (2020-12), as much of it as our documents use. A keyword that it does not know is a std::logic_error: it
/// must not pass for a rule that holds.
class SchemaChecker {
 public:
  using Json = nlohmann::ordered_json;

  enum class Reading {
    as_written,
    /// A property that its object's schema does not name is a fault, unless the schema says that there may be others.
    /// So an answer cannot hold what the document does not have.
    closed,
  };

  /// @param document  where references lead; must outlive the result
  explicit SchemaChecker(const Json& document, Reading reading = Reading::as_written)
      : document_(document), reading_(reading) {}

  /// Where and why the value is against the schema; empty when it is not.
  [[nodiscard]] std::string problem(const Json& schema, const Json& value, const std::string& where = "") const;
  /// The same of a schema in the document, "#/components/schemas/Batch".
  [[nodiscard]] std::string problem_at(std::string_view reference, const Json& value) const;
  /// What a reference leads to.
  [[nodiscard]] const Json& at(std::string_view reference) const;

 private:
  [[nodiscard]] std::string number_problem(const std::string& keyword, const Json& rule, const Json& value) const;
  [[nodiscard]] std::string text_problem(const std::string& keyword, const Json& rule, const Json& value) const;
  [[nodiscard]] std::string list_problem(const std::string& keyword, const Json& rule, const Json& value,
                                         const std::string& where) const;
  [[nodiscard]] std::string object_problem(const Json& schema, const Json& value, const std::string& where) const;
  [[nodiscard]] std::string choice_problem(const Json& schemas, const Json& value, const std::string& where,
                                           bool only_one) const;

  const Json& document_;
  Reading reading_;
};

/// Every `$ref` in a document.
[[nodiscard]] std::vector<std::string> references_in(const SchemaChecker::Json& document);

}  // namespace battery_twin::json_schema
