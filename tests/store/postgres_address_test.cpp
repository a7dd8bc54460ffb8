// Which database is meant.

#include <stdlib.h>

#include <map>
#include <string>

#include "postgres/address.hpp"
#include "postgres_testing.hpp"

namespace battery_twin::store::testing {
namespace {

// While it lives, the environment has these POSTGRES_ variables and none of the others that count.
class Environment {
 public:
  explicit Environment(std::map<std::string, std::string> variables = {}) {
    for (const char* const name : kNames) {
      const char* const value = ::getenv(name);
      if (value != nullptr) before_[name] = value;
      ::unsetenv(name);
    }
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const char* const name : kNames) ::unsetenv(name);
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static constexpr std::array kNames{"POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD",
                                     "POSTGRES_DB",   "PGHOST",        "PGPORT",        "PGUSER",
                                     "PGPASSWORD",    "PGDATABASE"};
  std::map<std::string, std::string> before_;
};

const std::map<std::string, std::string> kAll{{"POSTGRES_HOST", "there"},
                                              {"POSTGRES_PORT", "1234"},
                                              {"POSTGRES_USER", "somebody"},
                                              {"POSTGRES_PASSWORD", "of variables"},
                                              {"POSTGRES_DB", "plant"}};

bool has(const Address& address, const std::string& option) {
  return (" " + address.connection).find(" " + option + " ") != std::string::npos;
}

TEST(PostgresAddress, VariablesFillWhatTheUrlLeavesOut) {
  const Environment environment(kAll);
  const Address address = postgres_address("postgresql://");
  EXPECT_EQ(address.shown, "postgresql://somebody@there:1234/plant");
  EXPECT_TRUE(has(address, "password='of variables'"));
  EXPECT_EQ(postgres_address("").shown, address.shown);
  EXPECT_EQ(postgres_address("postgres://here").shown, "postgresql://somebody@here:1234/plant");
  EXPECT_EQ(postgres_address("postgresql:///other").shown, "postgresql://somebody@there:1234/other");
  EXPECT_EQ(postgres_address("postgresql://me@/").shown, "postgresql://me@there:1234/plant");
}

TEST(PostgresAddress, TheUrlWins) {
  const Environment environment(kAll);
  const Address address = postgres_address("postgresql://me:mine@here:99/own");
  EXPECT_EQ(address.shown, "postgresql://me@here:99/own");
  EXPECT_TRUE(has(address, "password='mine'"));
  EXPECT_EQ(address.connection.find("of variables"), std::string::npos);
}

TEST(PostgresAddress, EmptyVariablesAreNone) {
  const Environment environment({{"POSTGRES_HOST", ""}, {"POSTGRES_PORT", ""}, {"POSTGRES_USER", ""}});
  EXPECT_EQ(postgres_address("postgresql://me@here").shown, "postgresql://me@here:5432/me");
  EXPECT_EQ(postgres_address("postgresql://me@/plant").shown, "postgresql://me@localhost:5432/plant");
}

TEST(PostgresAddress, HasLimitsUnlessTheUrlSaysOtherwise) {
  const Environment environment;
  const Address address = postgres_address("postgresql://here");
  EXPECT_TRUE(has(address, "connect_timeout='3'"));
  EXPECT_TRUE(has(address, "tcp_user_timeout='10000'"));
  EXPECT_TRUE(has(address, "keepalives_idle='5'"));
  EXPECT_TRUE(has(address, "application_name='battery-twin'"));
  const Address other = postgres_address("postgresql://here?connect_timeout=7&sslmode=require");
  EXPECT_TRUE(has(other, "connect_timeout='7'"));
  EXPECT_TRUE(has(other, "sslmode='require'"));
}

TEST(PostgresAddress, MalformedUrlsDoNotShowThePassword) {
  const Environment environment;
  const std::string sentence =
      "The database's URL should be like postgresql://user:password@host:5432/database, with %-codes for special "
      "characters";
  for (const char* const url :
       {"mysql://me:secret@here/plant", "postgresql://me:sec ret@here:%zz/plant", "postgresql://me:se%ret@here",
        "postgresql://me:se/cret@here/plant", "postgresql://me:se@cret@here/plant",
        "postgresql://me:s/e@cret@here/plant", "postgresql://here?nonsense=secret", "secret", "password='secret",
        "postgresql://me:secret@[::1/plant"}) {
    EXPECT_EQ(sentence_of([&] { (void)postgres_address(url); }), sentence) << url;
  }
}

TEST(PostgresAddress, PasswordsMayHaveAnyCharacter) {
  Site site;
  const std::string password = "a 'b' \\c\\ /d@e:f?g&h=i%j#k \u00fc";
  execute(shared_cluster().admin_url("postgres"),
          "create role odd login superuser password 'a ''b'' \\c\\ /d@e:f?g&h=i%j#k \u00fc'");
  const std::string host = "127.0.0.1:" + std::to_string(shared_cluster().port()) + "/" + site.database;
  {
    const Environment environment({{"POSTGRES_PASSWORD", password}, {"POSTGRES_USER", "odd"}});
    EXPECT_TRUE(accept(*site.start({.url = "postgresql://" + host, .spool = {}}), new_batch(0)));
  }
  std::string encoded;
  for (const char c : password) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', kDigits[byte / 16U], kDigits[byte % 16U]};
  }
  {
    const auto store = site.start({.url = "postgresql://odd:" + encoded + "@" + host, .spool = {}});
    EXPECT_TRUE(accept(*store, new_batch(1)));
    EXPECT_TRUE(site.hands_on(*store));
  }
  EXPECT_TRUE(site.errors.all().empty()) << site.errors.all().front();
  EXPECT_EQ(site.number("select count(*) from pg_tables where schemaname = 'battery_twin' and tableowner = 'odd'"), 8);
}

}  // namespace
}  // namespace battery_twin::store::testing
