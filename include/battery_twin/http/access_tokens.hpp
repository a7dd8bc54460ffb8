#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "battery_twin/api/message.hpp"

namespace battery_twin::http {

/// The tokens that clients may show (RFC 6750), and what each is good for. Holds their SHA-256 only: what is not here
/// can be told to nobody.
class AccessTokens {
 public:
  /// What a token is good for. `everybody`: nothing, nobody knows it.
  struct Grant {
    api::Access access = api::Access::everybody;
    std::uint64_t id = 0;  ///< tells the tokens apart; 0: none
  };

  /// No tokens: everything is open.
  AccessTokens() = default;

  /// @param access  reading or changing
  /// @return what is wrong with the token, in words that go on behind its place and without it; or empty, when it is in
  [[nodiscard]] std::string add(std::string_view token, api::Access access);

  [[nodiscard]] bool empty() const { return tokens_.empty(); }
  /// How many there are of that kind.
  [[nodiscard]] std::size_t count(api::Access access) const;
  /// Takes the same time for every token of that length, known or not.
  [[nodiscard]] Grant grant(std::string_view token) const;
  /// Who was let in with that id may stay; also with none, where there are no tokens.
  [[nodiscard]] bool knows(std::uint64_t id) const;

  friend bool operator==(const AccessTokens&, const AccessTokens&) = default;

  static constexpr std::size_t kShortest = 16;
  static constexpr std::size_t kLongest = 512;

 private:
  using Hash = std::array<unsigned char, 32>;
  struct Token {
    Hash hash;
    api::Access access;
    friend bool operator==(const Token&, const Token&) = default;
  };
  static Hash hash_of(std::string_view token);
  static std::uint64_t id_of(const Hash& hash);

  std::vector<Token> tokens_;
};

}  // namespace battery_twin::http
