#include "battery_twin/api/json_writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "battery_twin/api/json.hpp"
#include "battery_twin/api/parameters.hpp"
#include "battery_twin/plant/layout.hpp"

namespace battery_twin::api {
namespace {

template <class Value>
std::string written(const Value& value) {
  std::string text;
  JsonWriter(text).value(value);
  return text;
}

TEST(JsonWriter, WritesNumbersAsADumpedTreeDoes) {
  double value = 1e-300;
  for (int i = 0; i < 4000; ++i, value *= 1.41) {
    for (const double number : {value, -value, std::floor(value)}) {
      EXPECT_EQ(Json::parse(written(number)), Json(number)) << number;
      EXPECT_EQ(Json::parse(written(number)).is_number_float(), true) << written(number);
    }
    if (!std::isfinite(value)) break;
  }
  for (const double number : {0.0, -0.0, 1.0, 0.05, 2.5e-7, 1e14, 1e16, 1e22, 1e-4, 1e-5, 123456789012345680.0}) {
    EXPECT_EQ(written(number), dump(Json(number)));
  }
  EXPECT_EQ(written(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(written(std::uint64_t{9007199254740991}), "9007199254740991");
  EXPECT_EQ(written(-3), "-3");
}

TEST(JsonWriter, WritesStringsAsADumpedTreeDoes) {
  for (const std::string text : {"", "mixing_anode", "say \"no\"", "back\\slash", "line\nbreak", "\x01", "\x7f",
                                 "ü 日本", "\xff broken", "</script>"}) {
    EXPECT_EQ(written(std::string_view(text)), dump(Json(text)));
  }
}

TEST(JsonWriter, WritesThousandths) {
  for (const auto& [count, expected] : std::vector<std::pair<std::uint64_t, std::string>>{
           {0, "0.000"}, {7, "0.007"}, {1'020, "1.020"}, {12'345, "12.345"}}) {
    std::string text;
    JsonWriter(text).thousandths(count);
    EXPECT_EQ(text, expected);
  }
}

TEST(JsonWriter, SetsCommas) {
  std::string text;
  JsonWriter writer(text);
  writer.begin_object().member("a", 1).key("b").begin_array().value(true).value("x").null().end_array();
  writer.key("c").begin_object().end_object().member("d", 2.0).end_object();
  EXPECT_EQ(text, R"({"a":1,"b":[true,"x",null],"c":{},"d":2.0})");
}

TEST(JsonWriter, WritesMachinesAsTheTreeHasThem) {
  for (const process::ModelSet models : process::kModelSets) {
    for (const plant::Station& station : plant::standard_layout().stations()) {
      const process::Values values = station.type->defaults(models, station.line);
      std::string parameters;
      JsonWriter parameter_writer(parameters);
      write(parameter_writer, *station.type, values);
      EXPECT_EQ(parameters, dump(to_json(*station.type, values)));

      const auto outputs = station.type->model(models).outputs;
      std::vector<double> numbers;
      for (std::size_t i = 0; i < outputs.size(); ++i) numbers.push_back(static_cast<double>(i) / 3);
      std::string properties;
      JsonWriter property_writer(properties);
      write(property_writer, outputs, station.line, numbers);
      EXPECT_EQ(properties, dump(to_json(outputs, station.line, numbers)));
    }
  }
}

}  // namespace
}  // namespace battery_twin::api
