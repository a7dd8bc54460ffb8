#include "declared_query.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace battery_twin::api {
namespace {

using Kind = QueryField::Kind;

constexpr QueryFields kFields{{
    {"limit", "", Kind::integer, "100", 1, 1000},
    {"since", "", Kind::integer, "", 0, 10},
    {.name = "order", .kind = Kind::choice, .fallback = "desc", .choices = {"desc", "asc"}},
    {.name = "status", .kind = Kind::choice, .choices = {"a", "b", "c"}},
}};

TEST(DeclaredQuery, TakesFallbacksForWhatIsAbsent) {
  Errors errors;
  const DeclaredQuery query("", kFields);
  EXPECT_EQ(query.integer("limit", errors), 100u);
  EXPECT_EQ(query.integer("since", errors), std::nullopt);
  EXPECT_EQ(query.choice("order", errors), "desc");
  EXPECT_EQ(query.choice("status", errors), std::nullopt);
  EXPECT_TRUE(errors.empty());
}

TEST(DeclaredQuery, TakesWhatWasSent) {
  Errors errors;
  const DeclaredQuery query("limit=7&since=10&order=asc&status=c", kFields);
  EXPECT_EQ(query.integer("limit", errors), 7u);
  EXPECT_EQ(query.integer("since", errors), 10u);
  EXPECT_EQ(query.choice("order", errors), "asc");
  EXPECT_EQ(query.choice("status", errors), "c");
  EXPECT_TRUE(errors.empty());
}

TEST(DeclaredQuery, SaysWhatIsWrong) {
  Errors errors;
  const DeclaredQuery query("limit=0&since=11&order=&status=d", kFields);
  EXPECT_EQ(query.integer("limit", errors), std::nullopt);
  EXPECT_EQ(query.integer("since", errors), std::nullopt);
  EXPECT_EQ(query.choice("order", errors), std::nullopt);
  EXPECT_EQ(query.choice("status", errors), std::nullopt);
  const Json list = errors.list();
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[2].at("msg"), "Input should be 'desc' or 'asc'");
  EXPECT_EQ(list[3].at("msg"), "Input should be 'a', 'b' or 'c'");
}

TEST(DeclaredQuery, ReadsNothingThatIsNotDeclared) {
  Errors errors;
  const DeclaredQuery query("more=1", kFields);
  EXPECT_THROW((void)query.text("more"), std::logic_error);
  EXPECT_THROW((void)query.integer("more", errors), std::logic_error);
  EXPECT_THROW((void)query.choice("more", errors), std::logic_error);
  EXPECT_THROW((void)query.flag("more", errors), std::logic_error);
}

}  // namespace
}  // namespace battery_twin::api
