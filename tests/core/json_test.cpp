#include "core/json/json.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "core/base/json_writer.hpp"
#include "core/json/workload_table.hpp"

namespace starling::test {
namespace {

std::string text_of(std::string_view json) {
    const Result<JsonValue> value = parse_json(json);
    return value ? value->text : value.error().message;
}

std::string error_of(std::string_view json) {
    const Result<JsonValue> value = parse_json(json);
    return value ? "none" : value.error().message;
}

TEST(Json, AcceptsExactlyValidJson) {
    const Result<JsonValue> value =
        parse_json(R"( {"a": [1, -2.5e3, "x\u0041\n"], "b": {}, "c": null, "d": true} )");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->items.size(), 4U);
    EXPECT_EQ(value->items[3].name, "d");
    EXPECT_EQ(value->find("a")->items[1].value.text, "-2.5e3");
    EXPECT_EQ(value->find("a")->items[2].value.text, "xA\n");
    EXPECT_EQ(value->find("b")->kind, JsonValue::Kind::object);
    EXPECT_EQ(value->find("c")->kind, JsonValue::Kind::null);
    EXPECT_EQ(value->find("d")->kind, JsonValue::Kind::boolean);
    EXPECT_EQ(value->find("d")->text, "true");
    EXPECT_EQ(value->find("e"), nullptr);
    for (const char* bad : {"",         " ",   "{",       "{\"a\":1,}",    "[1 2]",
                            "[1,]",     "nul", "\"\\q\"", "\"open",        "{a:1}",
                            "1 1",      "[",   "{\"a\"}", "\"\t\"",        "'a'",
                            "[1.2.3]",  "[-]", "[01]",    "[+1]",          "[.5]",
                            "[1.]",     "NaN", "[1e999]", "// comment\n1", "\"\\ud83d\"",
                            "\"\xff\"", "{}]"}) {
        EXPECT_FALSE(parse_json(bad)) << bad;
    }
    EXPECT_FALSE(parse_json(std::string_view("1\0", 2)));
    EXPECT_FALSE(parse_json(std::string_view("\"\0\"", 3)));
}

TEST(Json, UnicodeEscapesAreDecodedToUtf8) {
    EXPECT_EQ(text_of(R"("caf\u00e9 \u20AC \ud83d\udc26")"),
              "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xA6");
    EXPECT_EQ(text_of("\"caf\xC3\xA9\""), "caf\xC3\xA9");
    EXPECT_EQ(text_of(R"("\u0000")"), std::string(1, '\0'));
}

TEST(Json, NumbersKeepTheirText) {
    for (const char* number : {"0", "-1", "9223372036854775807", "18446744073709551615",
                               "123456789012345678901234567890", "0.1", "-2.50e3", "1E-7", "1.0"}) {
        EXPECT_EQ(text_of(number), number);
    }
    EXPECT_EQ(parse_json("12")->kind, JsonValue::Kind::number);
}

TEST(Json, ErrorsNamePositionAndReason) {
    EXPECT_EQ(error_of("[1 2]"), "invalid JSON at byte 3, line 1");
    EXPECT_EQ(error_of("{\"a\": tru}"), "invalid JSON at byte 9, line 1");
    EXPECT_EQ(error_of("[1"), "invalid JSON at byte 2, line 1");
    EXPECT_EQ(error_of(std::string_view("[1]\0", 4)),
              "invalid JSON at byte 3, line 1: a zero byte");
    EXPECT_EQ(error_of("{\"a\": 1,\n\"b\": {\"a\": 2},\n\n\"a\": 3}"),
              "invalid JSON at byte 28, line 4: the name 'a' is duplicated");
}

TEST(Json, ValuesHaveTheirLineNumber) {
    const Result<JsonValue> value = parse_json("\n{\"a\": 1\n,\"b\": \"x\"\n,\n\"c\": [\n2]\n}\n");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->line, 2U);
    EXPECT_EQ(value->find("a")->line, 2U);
    EXPECT_EQ(value->find("b")->line, 3U);
    EXPECT_EQ(value->find("c")->line, 5U);
    EXPECT_EQ(value->find("c")->items[0].value.line, 6U);
}

TEST(Json, DepthIsBounded) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_TRUE(parse_json(nested(json_depth_max)));
    EXPECT_EQ(error_of(nested(json_depth_max + 1)),
              "invalid JSON at byte 17, line 1: nested deeper than 16");
    EXPECT_FALSE(parse_json(std::string(100'000, '[')));
    std::string objects;
    for (int i = 0; i <= json_depth_max; ++i) {
        objects += "{\"a\":";
    }
    EXPECT_NE(error_of(objects).find("nested deeper"), std::string::npos);
}

TEST(Json, SizesAreBounded) {
    EXPECT_FALSE(parse_json(std::string(json_bytes_max, ' ') + "1"));
    EXPECT_TRUE(parse_json("0." + std::string(json_number_max - 2, '1')));
    EXPECT_NE(error_of("0." + std::string(json_number_max - 1, '1')).find("64 characters"),
              std::string::npos);
}

/// Comparing each name with all earlier ones would exceed the test's time limit.
TEST(Json, AnObjectMayHaveManyNames) {
    std::string text = "{";
    for (int i = 0; i < 500'000; ++i) {
        text += "\"n" + std::to_string(i) + "\":0,";
    }
    EXPECT_TRUE(parse_json(text + "\"last\":0}"));
    EXPECT_FALSE(parse_json(text + "\"n7\":0}")) << "a duplicate name";
}

TEST(Json, ReadsTheWritersOutput) {
    const std::string text = "a\"b\\c\n\x01 caf\xC3\xA9";
    EXPECT_EQ(text_of(json_string(text)), text);
    JsonWriter writer;
    writer.begin_object().field("x", text).field("half", 0.5).field("list", "").end_object();
    const Result<JsonValue> value = parse_json(writer.take());
    ASSERT_TRUE(value);
    EXPECT_EQ(value->find("x")->text, text);
    EXPECT_EQ(value->find("half")->text, "0.5");
}

TEST(WorkloadTable, KeepsOtherRowsAndWhatElseIsThere) {
    const Result<std::string> first =
        with_workload("", "cifar10/tiny/32", {0.012, {0.01, 0.02}, 1.5});
    ASSERT_TRUE(first);
    const Result<std::string> both =
        with_workload(*first, "cifar10/cnn/64", {0.08, {0.07, 0.09}, 2.0});
    ASSERT_TRUE(both);
    const Result<std::string> again =
        with_workload(*both, "cifar10/cnn/64", {0.09, {0.08, 0.1}, 2.0});
    const Result<JsonValue> file = parse_json(*again);
    ASSERT_TRUE(file) << *again;
    const JsonValue* workloads = file->find("workloads");
    ASSERT_EQ(workloads->items.size(), 2U);
    EXPECT_EQ(workloads->find("cifar10/tiny/32")->find("seconds_per_batch")->text, "0.012");
    EXPECT_EQ(workloads->find("cifar10/cnn/64")->find("seconds_per_batch")->text, "0.09");
    const JsonValue* quantiles = workloads->find("cifar10/cnn/64")->find("quantiles");
    ASSERT_EQ(quantiles->items.size(), 2U);
    EXPECT_EQ(quantiles->items[0].value.text, "0.08");
    EXPECT_EQ(quantiles->items[1].value.text, "0.1");

    const Result<std::string> table = with_workload(
        R"({"fsync_seconds": 0.001, "measured": {"on": "host", "runs": [1, null, true]}, "workloads": {}})",
        "w", {});
    ASSERT_TRUE(table);
    EXPECT_NE(table->find("\"fsync_seconds\": 0.001"), std::string::npos) << *table;
    EXPECT_NE(table->find(R"("measured": {"on": "host", "runs": [1, null, true]})"),
              std::string::npos)
        << *table;
    EXPECT_FALSE(with_workload("[]", "w", {}));
    EXPECT_FALSE(with_workload("{\"workloads\": 1}", "w", {}));
    EXPECT_TRUE(with_workload("{\"fsync_seconds\": 0.001}", "w", {}));  // as of swarm-calibrate
    EXPECT_FALSE(with_workload("{\"workloads\": {\"w\": 1}}", "v", {}));
}

}  // namespace
}  // namespace starling::test
