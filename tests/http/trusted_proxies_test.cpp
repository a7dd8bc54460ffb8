#include "battery_twin/http/trusted_proxies.hpp"

#include <gtest/gtest.h>

namespace battery_twin::http {
namespace {

bool trusts(std::string_view list, const std::string& address) {
  const auto proxies = TrustedProxies::from(list);
  return proxies && proxies->trusts(boost::asio::ip::make_address(address));
}

TEST(TrustedProxies, AreAddressesAndNetworks) {
  EXPECT_TRUE(trusts("127.0.0.1", "127.0.0.1"));
  EXPECT_TRUE(trusts("127.0.0.1", "::ffff:127.0.0.1"));
  EXPECT_FALSE(trusts("127.0.0.1", "127.0.0.2"));
  EXPECT_FALSE(trusts("127.0.0.1", "::1"));
  EXPECT_TRUE(trusts("192.0.2.7, 10.0.0.0/8", "10.255.0.1"));
  EXPECT_TRUE(trusts("10.1.2.3/8", "10.9.9.9"));
  EXPECT_FALSE(trusts("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(trusts("0.0.0.0/0", "8.8.8.8"));
  EXPECT_TRUE(trusts("2001:db8::/32,::1", "2001:db8:1::5"));
  EXPECT_TRUE(trusts("2001:db8::/32,::1", "::1"));
  EXPECT_FALSE(trusts("2001:db8::/33", "2001:db8:8000::"));
  EXPECT_TRUE(trusts("*", "198.51.100.1"));
  EXPECT_FALSE(trusts("", "127.0.0.1"));
  EXPECT_FALSE(trusts("unix:", "127.0.0.1"));
  EXPECT_TRUE(TrustedProxies::from("unix:")->trusts_unix());
  EXPECT_TRUE(TrustedProxies::from("*")->trusts_unix());
  EXPECT_FALSE(TrustedProxies::from("127.0.0.1")->trusts_unix());
  EXPECT_FALSE(TrustedProxies().trusts(boost::asio::ip::make_address("127.0.0.1")));
}

TEST(TrustedProxies, AreNothingElse) {
  for (const char* list : {"localhost", "127.0.0.1,", ",127.0.0.1", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "127.1",
                           "::1/129", "fe80::1%eth0", "10.0.0.1 10.0.0.2", "*.example", "10.0.0.0/-1", "[::1]"})
    EXPECT_FALSE(TrustedProxies::from(list)) << list;
}

TEST(TrustedProxies, TheClientIsWhoTheLastUntrustedHopIs) {
  const auto proxies = TrustedProxies::from("127.0.0.1,10.0.0.0/8");
  ASSERT_TRUE(proxies);
  const auto client = [&](std::string_view field) { return proxies->client(field).value_or("-"); };
  EXPECT_EQ(client("192.0.2.1"), "192.0.2.1:0");
  EXPECT_EQ(client("192.0.2.1:4711"), "192.0.2.1:4711");
  EXPECT_EQ(client(" 192.0.2.1 ,\t10.0.0.1 "), "192.0.2.1:0");
  EXPECT_EQ(client("6.6.6.6, 192.0.2.1, 10.0.0.1"), "192.0.2.1:0");  // what it says itself does not count
  EXPECT_EQ(client("10.0.0.2, 10.0.0.1"), "10.0.0.2:0");
  EXPECT_EQ(client("2001:db8::1"), "[2001:db8::1]:0");
  EXPECT_EQ(client("[2001:db8::1]:99"), "[2001:db8::1]:99");
  EXPECT_EQ(client("::ffff:192.0.2.1"), "192.0.2.1:0");
  EXPECT_EQ(client("nonsense, 192.0.2.1"), "192.0.2.1:0");  // nobody looks there
  for (const char* field :
       {"", ",", "192.0.2.1,", "unknown", "nonsense, 10.0.0.1", "192.0.2.1:70000", "192.0.2.1:", "192.0.2.1:x",
        "[192.0.2.1]:1", "[::1", "[::1]x", "192.0.2.1 10.0.0.1", "1.2.3", "::1%lo", "192.0.2.1\" 200 \""})
    EXPECT_EQ(client(field), "-") << field;
}

TEST(TrustedProxies, WhoTrustsEverybodyTakesTheFirst) {
  const auto everybody = TrustedProxies::from("*");
  EXPECT_EQ(everybody->client("6.6.6.6, 192.0.2.1").value_or("-"), "6.6.6.6:0");
}

}  // namespace
}  // namespace battery_twin::http
