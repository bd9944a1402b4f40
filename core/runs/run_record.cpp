#include "core/runs/run_record.hpp"

#include <cmath>
#include <limits>

#include "core/base/json_writer.hpp"
#include "core/base/real_text.hpp"
#include "core/base/scalars.hpp"
#include "core/json/json.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {
namespace {

constexpr std::uint64_t record_format = 1;
// Of a time in microseconds, so that the sum of two fits, and in seconds: the year 33658.
constexpr std::int64_t us_max = 4'000'000'000'000'000'000;
constexpr std::int64_t seconds_max = 1'000'000'000'000;

void write_results(JsonWriter& json, const RunResults& results) {
    json.key("results")
        .begin_object()
        .field("end", results.end)
        .field("rounds", results.rounds)
        .field("members", results.members)
        .field("seconds", results.seconds)
        .field("round_seconds", results.round_seconds)
        .field("sent_bytes", results.sent_bytes)
        .field("digest", results.digest)
        .end_object();
}

void write_series(JsonWriter& json, const std::vector<RunSeries>& all) {
    json.key("series").begin_array();
    for (const RunSeries& series : all) {
        json.begin_object()
            .field("member", series.member)
            .field("name", series.name)
            .key("points")
            .begin_array();
        for (const RunPoint& point : series.points) {
            json.begin_array();
            json.value(point.round).value(point.us).value(point.value).end_array();
        }
        json.end_array().end_object();
    }
    json.end_array();
}

/// Reads members of one object. The first thing that is wrong is kept, and all else is zero.
class Members {
public:
    Members(const JsonValue& object, std::string& error) : object_(object), error_(error) {
        if (object.kind != JsonValue::Kind::object) {
            fail("it is no object");
        }
    }

    const JsonValue& of(std::string_view name, JsonValue::Kind kind) {
        static const JsonValue none;
        const JsonValue* found = object_.find(name);
        if (found == nullptr || found->kind != kind) {
            fail("'" + std::string(name) + "' is missing, or of the wrong type");
            return none;
        }
        return *found;
    }
    std::string text(std::string_view name) { return of(name, JsonValue::Kind::string).text; }
    bool flag(std::string_view name) { return of(name, JsonValue::Kind::boolean).text == "true"; }
    double real(std::string_view name) {
        return real_in(of(name, JsonValue::Kind::number).text).value_or(0.0);
    }
    template <typename Whole>
    Whole whole(std::string_view name) {
        return whole_in<Whole>(of(name, JsonValue::Kind::number), name);
    }
    template <typename Whole>
    Whole whole_in(const JsonValue& value, std::string_view name) {
        constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<Whole>::max());
        const auto number = number_in(value.text);
        if (!number || *number > most) {
            fail("'" + std::string(name) + "' is no whole number");
            return 0;
        }
        return static_cast<Whole>(*number);
    }
    void check(bool holds, const std::string& otherwise) {
        if (!holds) {
            fail(otherwise);
        }
    }

private:
    void fail(const std::string& what) {
        if (error_.empty()) {
            error_ = what;
        }
    }

    const JsonValue& object_;
    std::string& error_;
};

RunResults read_results(const JsonValue& value, std::string& error) {
    Members members(value, error);
    RunResults results;
    results.end = members.text("end");
    results.rounds = members.whole<std::uint64_t>("rounds");
    results.members = members.whole<std::uint64_t>("members");
    results.seconds = members.real("seconds");
    results.round_seconds = members.real("round_seconds");
    results.sent_bytes = members.whole<std::uint64_t>("sent_bytes");
    results.digest = members.text("digest");
    return results;
}

RunSeries read_series(const JsonValue& value, std::string& error) {
    Members members(value, error);
    RunSeries series;
    series.member = members.text("member");
    series.name = members.text("name");
    members.check(is_member_name(series.member), "a series has no valid member");
    members.check(is_scalar_name(series.name), "a series has no valid name");
    for (const JsonMember& item : members.of("points", JsonValue::Kind::array).items) {
        const auto& parts = item.value.items;
        const bool three = item.value.kind == JsonValue::Kind::array && parts.size() == 3;
        members.check(three, "a point is not [round, us, value]");
        if (!three) {
            break;
        }
        RunPoint point;
        point.round = members.whole_in<std::uint64_t>(parts[0].value, "round");
        point.us = members.whole_in<std::int64_t>(parts[1].value, "us");
        members.check(point.us <= us_max, "a time is too large");
        const JsonValue& number = parts[2].value;
        members.check(number.kind == JsonValue::Kind::null || real_in(number.text).has_value(),
                      "a value is no number");
        point.value = real_in(number.text).value_or(std::nan(""));
        members.check(series.points.empty() || series.points.back().round < point.round,
                      "rounds of a series do not ascend");
        series.points.push_back(point);
    }
    return series;
}

RunRecord read_record(const JsonValue& json, std::string& error) {
    Members members(json, error);
    RunRecord record;
    members.check(members.whole<std::uint64_t>("format") == record_format,
                  "its format is another than " + std::to_string(record_format));
    record.id = members.text("id");
    record.name = members.text("name");
    record.kind = members.text("kind");
    record.recorded_s = members.whole<std::int64_t>("recorded_s");
    record.started_us = members.whole<std::int64_t>("started_us");
    record.program = members.text("program");
    record.version = members.text("version");
    record.commit = members.text("commit");
    record.modified = members.flag("modified");
    record.machine = members.text("machine");
    if (const JsonValue* seed = json.find("seed"); seed && seed->kind != JsonValue::Kind::null) {
        record.seed = members.whole_in<std::uint64_t>(*seed, "seed");
    }
    for (const JsonMember& word : members.of("command", JsonValue::Kind::array).items) {
        record.command.push_back(word.value.text);
    }
    for (const JsonMember& one : members.of("configuration", JsonValue::Kind::object).items) {
        record.configuration[one.name] = one.value.text;
    }
    record.results = read_results(members.of("results", JsonValue::Kind::object), error);
    for (const JsonMember& one : members.of("series", JsonValue::Kind::array).items) {
        record.series.push_back(read_series(one.value, error));
    }
    members.check(is_run_id(record.id), "'id' is no name of a run");
    members.check(record.recorded_s <= seconds_max && record.started_us <= us_max,
                  "a time is too large");
    return record;
}

}  // namespace

bool is_member_name(std::string_view text) {
    return is_scalar_name(text) && text.find('/') == std::string_view::npos;
}

bool is_run_id(std::string_view text) {
    return is_member_name(text) && text[0] != '_' && text.find('.') == std::string_view::npos;
}

std::string to_json(const RunRecord& record) {
    JsonWriter json;
    json.begin_object()
        .field("format", record_format)
        .field("id", record.id)
        .field("name", record.name)
        .field("kind", record.kind)
        .field("recorded_s", record.recorded_s)
        .field("started_us", record.started_us)
        .field("program", record.program)
        .field("version", record.version)
        .field("commit", record.commit)
        .field("modified", record.modified)
        .field("machine", record.machine)
        .key("seed");
    record.seed ? json.value(*record.seed) : json.null();
    json.key("command").begin_array();
    for (const std::string& word : record.command) {
        json.value(word);
    }
    json.end_array().key("configuration").begin_object();
    for (const auto& [key, value] : record.configuration) {
        json.field(key, value);
    }
    json.end_object();
    write_results(json, record.results);
    write_series(json, record.series);
    json.end_object();
    return json.take() + "\n";
}

Result<RunRecord> parse_run_record(std::string_view json) {
    const Result<JsonValue> value = parse_json(json);
    if (!value) {
        return value.error();
    }
    std::string error;
    RunRecord record = read_record(*value, error);
    if (!error.empty()) {
        return Error{Errc::malformed, error};
    }
    return record;
}

}  // namespace starling
