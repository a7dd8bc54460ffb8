#include "bearer.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <optional>

#include "characters.hpp"
#include "response_writer.hpp"

namespace battery_twin::http {
namespace {

using Verdict = Admission::Verdict;

constexpr std::string_view kInQuery = "access_token";
constexpr std::string_view kRealm = R"(Bearer realm="battery-twin")";

// What stands behind "Bearer"; nothing for another scheme, which is a matter between the client and a proxy.
std::optional<std::string_view> bearer_of(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer";
  if (!boost::beast::iequals(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  authorization.remove_prefix(kScheme.size());
  if (!authorization.empty() && authorization.front() != ' ') return std::nullopt;
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return authorization;
}

struct InQuery {
  int tokens = 0;
  std::string first;
};

std::optional<std::string> name_of(std::string_view parameter) {
  return decoded(parameter.substr(0, parameter.find('=')));
}

InQuery tokens_in(std::string_view query) {
  InQuery found;
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    if (name_of(parameter) != kInQuery || ++found.tokens > 1) continue;
    // A + would be a blank in a form, but no token has one.
    const auto equals = std::min(parameter.find('='), parameter.size() - 1);
    found.first = decoded(parameter.substr(equals + 1)).value_or(std::string{});
  }
  return found;
}

}  // namespace

Admission admit(const AccessTokens& tokens, api::Access needed, const RequestHeader& header, bool with_query) {
  if (needed == api::Access::everybody) return {};
  const InQuery in_query = with_query ? tokens_in(header.query) : InQuery{};
  const auto in_field = bearer_of(header.authorization);
  const int in_fields = header.authorizations > 1 ? header.authorizations : in_field ? 1 : 0;
  if (in_fields + in_query.tokens > 1) return {.verdict = Verdict::two_tokens};
  const auto shown = in_query.tokens > 0 ? in_query.first : in_field;
  if (!shown) return {.verdict = Verdict::no_token};
  const AccessTokens::Grant grant = tokens.grant(*shown);
  if (grant.access == api::Access::everybody) return {.verdict = Verdict::unknown_token};
  if (grant.access < needed) return {.verdict = Verdict::read_only};
  return {.token = grant.id};
}

api::Response refusal_of(Verdict verdict) {
  const auto refusal = [](int status, std::string_view sentence, std::string_view error) {
    api::Response response = detail(status, sentence);
    response.headers.emplace_back("WWW-Authenticate", std::string(kRealm).append(error));
    return response;
  };
  switch (verdict) {
    case Verdict::two_tokens:
      return refusal(400, "The access token must be given once", R"(, error="invalid_request")");
    case Verdict::unknown_token:
      return refusal(401, "The access token is not known here", R"(, error="invalid_token")");
    case Verdict::read_only:
      return refusal(403, "The access token is read-only: a change needs an operator's",
                     R"(, error="insufficient_scope", scope="operator")");
    default:
      return refusal(401, "An access token is needed: Authorization: Bearer TOKEN", {});
  }
}

bool is_bearer_token(std::string_view text) {
  const auto end = text.find_last_not_of('=');
  return end != std::string_view::npos && std::ranges::all_of(text.substr(0, end + 1), [](char c) {
           return is_alnum(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
         });
}

std::string without_token(std::string_view target) {
  std::string shown;
  // Also where a client has put the parts together in ways that we do not read.
  for (std::size_t at = 0; at < target.size();) {
    const std::size_t end = std::min(target.find_first_of("?&;", at), target.size());
    const std::string_view part = target.substr(at, end - at);
    const auto equals = part.find('=');
    const auto name = name_of(part);
    const bool is_secret = at > 0 && equals != std::string_view::npos && name && boost::beast::iequals(*name, kInQuery);
    shown += is_secret ? std::string(part.substr(0, equals + 1)) + "..." : std::string(part);
    if (end < target.size()) shown += target[end];
    at = end + 1;
  }
  return shown;
}

}  // namespace battery_twin::http
