#include "declared_query.hpp"

#include <algorithm>
#include <stdexcept>

namespace battery_twin::api {

const QueryField& DeclaredQuery::field(std::string_view name) const {
  const auto found = std::ranges::find(fields_, name, &QueryField::name);
  if (found == fields_.end()) throw std::logic_error("the query parameter " + std::string(name) + " is not declared");
  return *found;
}

std::optional<std::string_view> DeclaredQuery::text(std::string_view name) const {
  return query_.text(field(name).name);
}

std::optional<std::uint64_t> DeclaredQuery::integer(std::string_view name, Errors& errors) const {
  const QueryField& wanted = field(name);
  if (query_.text(name) || wanted.fallback.empty()) return query_.integer(name, wanted.low, wanted.high, errors);
  return std::stoull(std::string(wanted.fallback));
}

std::optional<std::string_view> DeclaredQuery::choice(std::string_view name, Errors& errors) const {
  const QueryField& wanted = field(name);
  const auto value = query_.text(name);
  if (!value) return wanted.fallback.empty() ? std::nullopt : std::optional(wanted.fallback);
  if (!value->empty() && std::ranges::find(wanted.choices, *value) != wanted.choices.end()) return value;
  Query::add_choice_error(name, *value, listed(wanted), errors);
  return std::nullopt;
}

bool DeclaredQuery::flag(std::string_view name, Errors& errors) const { return query_.flag(field(name).name, errors); }

std::string listed(const QueryField& field) {
  std::string list;
  for (std::size_t i = 0; i < field.choices.size() && !field.choices[i].empty(); ++i) {
    const bool last = i + 1 == field.choices.size() || field.choices[i + 1].empty();
    list += (i == 0 ? "'" : last ? " or '" : ", '") + std::string(field.choices[i]) + "'";
  }
  return list;
}

}  // namespace battery_twin::api
