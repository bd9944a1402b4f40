// The figures of a run, out of the JSON that its picture is written as (core/board/FORMAT.md).
#include "core/runs/run_results.hpp"

#include <algorithm>

#include "core/base/real_text.hpp"
#include "core/base/scalars.hpp"
#include "core/json/json.hpp"

namespace starling {
namespace {

const std::vector<JsonMember>& list_of(const JsonValue& run, std::string_view name) {
    return run.find(name)->items;
}
std::string text_of(const JsonValue& object, std::string_view name) {
    return object.find(name)->text;
}
std::int64_t whole_of(const JsonValue& value) {
    std::int64_t number = 0;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    return number;
}
std::int64_t whole_of(const JsonValue& object, std::string_view name) {
    return whole_of(*object.find(name));
}

/// The series of a run, while its points are read in their order.
class SeriesByName {
public:
    void add(const std::string& member, std::string_view name, RunPoint point) {
        if (!is_member_name(member) || !is_scalar_name(name)) {
            return;
        }
        point.us = std::max<std::int64_t>(0, point.us);  // clocks of hosts differ
        std::vector<RunPoint>& points = series_[{member, std::string(name)}];
        if (!points.empty() && point.round < points.back().round) {
            points.clear();  // a new training has begun
        }
        if (!points.empty() && point.round == points.back().round) {
            points.back() = point;  // the round was checked in to again
        } else {
            points.push_back(point);
        }
    }
    std::vector<RunSeries> take() {
        std::vector<RunSeries> all;
        for (auto& [key, points] : series_) {
            all.push_back({key.first, key.second, std::move(points)});
        }
        return all;
    }

private:
    std::map<std::pair<std::string, std::string>, std::vector<RunPoint>> series_;
};

/// Of each node the name that its series have: an ML's are those of its SL.
std::vector<std::string> member_names(const JsonValue& run) {
    std::vector<std::string> names;
    for (const JsonMember& node : list_of(run, "nodes")) {
        const std::string partner = text_of(node.value, "partner");
        names.push_back(partner.empty() ? text_of(node.value, "name") : partner);
    }
    return names;
}

void add_members_points(const JsonValue& run, SeriesByName& series) {
    const std::vector<std::string> names = member_names(run);
    const auto name_of = [&](const JsonValue& index) {
        return names.at(static_cast<std::size_t>(whole_of(index)));
    };
    const auto round_of = [](const JsonValue& value) {
        return static_cast<std::uint64_t>(whole_of(value));
    };
    for (const JsonMember& item : list_of(run, "losses")) {
        const auto& parts = item.value.items;
        series.add(name_of(parts[0].value), "loss",
                   {round_of(parts[1].value), whole_of(parts[2].value),
                    static_cast<double>(whole_of(parts[3].value)) / 1e6});
    }
    for (const JsonMember& item : list_of(run, "accuracies")) {
        const JsonValue& one = item.value;
        series.add(name_of(*one.find("node")), "accuracy",
                   {round_of(*one.find("round")), whole_of(one, "us"),
                    static_cast<double>(whole_of(one, "correct")) /
                        static_cast<double>(std::max<std::int64_t>(1, whole_of(one, "samples")))});
    }
    for (const JsonMember& item : list_of(run, "scalars")) {
        const auto& parts = item.value.items;
        series.add(name_of(parts[0].value), parts[1].value.text,
                   {round_of(parts[2].value), whole_of(parts[3].value),
                    real_in(parts[4].value.text).value_or(std::nan(""))});
    }
}

double median(std::vector<double> values) {
    if (values.empty()) {
        return 0.0;
    }
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Rounds of the newest run, whose last round was committed last.
void add_rounds(const JsonValue& run, RunResults& results, SeriesByName& series) {
    const auto run_of = [](const JsonValue& round) {
        return text_of(round, "contract") + " " + text_of(round, "run");
    };
    const auto& rounds = list_of(run, "rounds");
    const JsonValue* last = nullptr;
    for (const JsonMember& item : rounds) {
        const bool later = whole_of(item.value, "committed_us") >= 0 &&
                           (last == nullptr || whole_of(item.value, "committed_us") >=
                                                   whole_of(*last, "committed_us"));
        last = later ? &item.value : last;
    }
    if (last == nullptr) {
        return;
    }
    std::vector<double> durations;
    std::int64_t before = -1;
    for (const JsonMember& item : rounds) {
        const JsonValue& round = item.value;
        const std::int64_t at = whole_of(round, "committed_us");
        if (at < 0 || run_of(round) != run_of(*last)) {
            continue;
        }
        ++results.rounds;
        results.members =
            std::max(results.members, static_cast<std::uint64_t>(whole_of(round, "members")));
        results.sent_bytes += static_cast<std::uint64_t>(whole_of(round, "sent_bytes"));
        const auto number = static_cast<std::uint64_t>(whole_of(round, "round"));
        if (before >= 0) {
            durations.push_back(static_cast<double>(at - before) / 1e6);
            series.add("swarm", "round_seconds", {number, at, durations.back()});
        }
        series.add("swarm", "sent_bytes",
                   {number, at, static_cast<double>(whole_of(round, "sent_bytes"))});
        before = at;
    }
    results.digest = text_of(*last, "digest");
    results.round_seconds = median(std::move(durations));
    for (const JsonMember& contract : list_of(run, "contracts")) {
        if (text_of(contract.value, "name") == text_of(*last, "contract") &&
            text_of(contract.value, "phase") != "") {
            const std::string phase = text_of(contract.value, "phase");
            results.end = phase == "complete" || phase == "aborted" ? phase : results.end;
        }
    }
}

}  // namespace

Result<void> take_results(const RunModel& run, RunRecord& record) {
    const Result<JsonValue> json = parse_json(run.json());
    if (!json) {
        return Error{Errc::too_large, "a record of this run: " + json.error().message};
    }
    SeriesByName series;
    record.results = {};
    add_members_points(*json, series);
    add_rounds(*json, record.results, series);
    record.results.seconds = static_cast<double>(whole_of(*json, "now_us")) / 1e6;
    record.series = series.take();
    record.started_us = run.virtual_time()
                            ? record.recorded_s * 1'000'000
                            : std::max<std::int64_t>(0, whole_of(*json, "start_ns") / 1000);
    return {};
}

}  // namespace starling
