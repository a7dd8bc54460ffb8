#include "battery_twin/http/access_tokens.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "bearer.hpp"

namespace battery_twin::http {

std::string AccessTokens::add(std::string_view token, api::Access access) {
  if (token.size() < kShortest) return "a token must have " + std::to_string(kShortest) + " characters or more";
  if (token.size() > kLongest) return "a token must have " + std::to_string(kLongest) + " characters or fewer";
  if (!is_bearer_token(token)) return "a token may have letters, digits, - . _ ~ + / and = at its end";
  const Hash hash = hash_of(token);
  const auto known = std::ranges::find(tokens_, hash, &Token::hash);
  if (known == tokens_.end()) {
    tokens_.push_back({hash, access});
  } else if (known->access != access) {
    return "the same token is an operator's and read-only";
  }
  return {};
}

std::size_t AccessTokens::count(api::Access access) const {
  return static_cast<std::size_t>(std::ranges::count(tokens_, access, &Token::access));
}

AccessTokens::Grant AccessTokens::grant(std::string_view token) const {
  const Hash hash = hash_of(token);
  Grant grant;
  for (const Token& known : tokens_) {
    if (CRYPTO_memcmp(known.hash.data(), hash.data(), hash.size()) == 0) grant = {known.access, id_of(hash)};
  }
  return grant;
}

bool AccessTokens::knows(std::uint64_t id) const {
  return tokens_.empty() || std::ranges::any_of(tokens_, [&](const Token& token) { return id_of(token.hash) == id; });
}

AccessTokens::Hash AccessTokens::hash_of(std::string_view token) {
  Hash hash;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

std::uint64_t AccessTokens::id_of(const Hash& hash) {
  std::uint64_t id = 0;
  std::memcpy(&id, hash.data(), sizeof(id));
  return std::max<std::uint64_t>(id, 1);
}

}  // namespace battery_twin::http
