#include "../../src/http/addresses.hpp"

#include <gtest/gtest.h>

namespace battery_twin::http {
namespace {

using boost::asio::ip::make_address;

TEST(Addresses, ABrowserOpensLoopbackWhereItIsAllOfThem) {
  const auto opened = [](const char* address) { return bracketed(for_a_browser(make_address(address))); };
  EXPECT_EQ(opened("0.0.0.0"), "127.0.0.1");
  EXPECT_EQ(opened("::ffff:0.0.0.0"), "127.0.0.1");
  EXPECT_EQ(opened("::"), "[::1]");
  for (const char* address : {"127.0.0.1", "192.0.2.7"}) EXPECT_EQ(opened(address), address);
  for (const char* address : {"::1", "2001:db8::1"}) EXPECT_EQ(opened(address), "[" + std::string(address) + "]");
}

TEST(Addresses, OneOfIPv4MayBeWrittenAsOneOfIPv6) {
  EXPECT_EQ(unmapped(make_address("::ffff:192.0.2.7")), make_address("192.0.2.7"));
  EXPECT_EQ(unmapped(make_address("2001:db8::1")), make_address("2001:db8::1"));
  EXPECT_TRUE(unmapped(make_address("::ffff:127.0.0.1")).is_loopback());
}

}  // namespace
}  // namespace battery_twin::http
