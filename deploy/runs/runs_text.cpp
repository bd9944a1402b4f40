#include "deploy/runs/runs_text.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include "core/base/json_writer.hpp"
#include "core/base/real_text.hpp"
#include "deploy/swci/swci_tables.hpp"

namespace starling {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string time_text(std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm utc{};
    std::array<char, 32> text{};
    if (::gmtime_r(&time, &utc) == nullptr ||
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &utc) == 0) {
        return std::to_string(seconds);
    }
    return text.data();
}

std::string decimals(double value, const char* format) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, value);
    return text.data();
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string commit_text(const RunRecord& run) {
    return or_dash(run.commit.substr(0, 12)) + (run.modified ? " with changes" : "");
}

/// The last value of a name, over all members: "0.25" or "0.2 to 0.3"; "-": there is none.
std::string last_values(const RunRecord& run, std::string_view name) {
    double low = 0.0;
    double high = 0.0;
    bool any = false;
    for (const RunSeries& series : run.series) {
        if (series.name == name && !series.points.empty()) {
            const double last = series.points.back().value;
            low = any ? std::min(low, last) : last;
            high = any ? std::max(high, last) : last;
            any = true;
        }
    }
    const std::string least = decimals(low, "%.4g");
    const std::string most = decimals(high, "%.4g");
    return !any ? "-" : least == most ? least : least + " to " + most;
}

/// All that two runs can differ in: key and value as text, in the order in which they are shown.
std::vector<std::pair<std::string, std::string>> facts(const RunRecord& run) {
    std::string command;
    for (const std::string& word : run.command) {
        command += (command.empty() ? "" : " ") + word;
    }
    std::vector<std::pair<std::string, std::string>> all{
        {"kind", run.kind},
        {"program", run.program},
        {"version", run.version},
        {"commit", commit_text(run)},
        {"machine", run.machine},
        {"command", command},
        {"seed", run.seed ? std::to_string(*run.seed) : "-"}};
    for (const auto& [key, value] : run.configuration) {
        all.emplace_back("configuration " + key, value);
    }
    const RunResults& results = run.results;
    all.emplace_back("end", results.end);
    all.emplace_back("rounds", std::to_string(results.rounds));
    all.emplace_back("members", std::to_string(results.members));
    all.emplace_back("seconds", decimals(results.seconds, "%.3f"));
    all.emplace_back("seconds a round", decimals(results.round_seconds, "%.6g"));
    all.emplace_back("parameter bytes sent", std::to_string(results.sent_bytes));
    all.emplace_back("final digest", or_dash(results.digest));
    return all;
}

/// "sl1 loss" -> its last value.
std::map<std::string, std::string> last_by_series(const RunRecord& run) {
    std::map<std::string, std::string> all;
    for (const RunSeries& series : run.series) {
        if (!series.points.empty() && series.member != "swarm") {
            all["last " + series.name + " of " + series.member] =
                real_text(series.points.back().value);
        }
    }
    return all;
}

struct Difference {
    std::string what;
    std::optional<std::string> one;
    std::optional<std::string> other;
};

std::vector<Difference> differences(const RunRecord& one, const RunRecord& other) {
    const auto with_series = [](const RunRecord& run) {
        auto all = facts(run);
        for (const auto& entry : last_by_series(run)) {
            all.emplace_back(entry);
        }
        return all;
    };
    const auto of_one = with_series(one);
    const auto of_other = with_series(other);
    const auto find = [](const auto& all, const std::string& key) -> std::optional<std::string> {
        for (const auto& [name, value] : all) {
            if (name == key) {
                return value;
            }
        }
        return std::nullopt;
    };
    std::vector<Difference> found;
    for (const auto& [key, value] : of_one) {
        if (const auto there = find(of_other, key); there != value) {
            found.push_back({key, value, there});
        }
    }
    for (const auto& [key, value] : of_other) {
        if (!find(of_one, key)) {
            found.push_back({key, std::nullopt, value});
        }
    }
    return found;
}

}  // namespace

std::string runs_table(std::span<const RunRecord> runs) {
    Rows rows;
    for (const RunRecord& run : runs) {
        rows.push_back({run.id, or_dash(run.name), run.kind, time_text(run.recorded_s),
                        run.results.end, std::to_string(run.results.rounds),
                        std::to_string(run.results.members),
                        decimals(run.results.seconds, "%.1f s"), last_values(run, "loss"),
                        last_values(run, "accuracy"), commit_text(run)});
    }
    return aligned_table({"RUN", "NAME", "KIND", "RECORDED (UTC)", "END", "ROUNDS", "MEMBERS",
                          "TIME", "LOSS", "ACCURACY", "COMMIT"},
                         rows);
}

std::string run_text(const RunRecord& run) {
    Rows rows{{"name", or_dash(run.name)}, {"recorded", time_text(run.recorded_s) + " UTC"}};
    for (const auto& [key, value] : facts(run)) {
        rows.push_back({key, value});
    }
    std::string text = aligned_table({"run", run.id}, rows);
    Rows series_rows;
    for (const RunSeries& series : run.series) {
        if (series.points.empty()) {
            continue;
        }
        series_rows.push_back({series.member, series.name, std::to_string(series.points.size()),
                               real_text(series.points.front().value),
                               real_text(series.points.back().value),
                               std::to_string(series.points.back().round)});
    }
    if (!series_rows.empty()) {
        text += "\n" + aligned_table({"MEMBER", "SERIES", "POINTS", "FIRST", "LAST", "IN ROUND"},
                                     series_rows);
    }
    return text;
}

std::string difference_text(const RunRecord& one, const RunRecord& other) {
    Rows rows;
    for (const Difference& difference : differences(one, other)) {
        rows.push_back({difference.what, difference.one.value_or("(not set)"),
                        difference.other.value_or("(not set)")});
    }
    return rows.empty() ? "" : aligned_table({"DIFFERS", one.id, other.id}, rows);
}

std::string runs_json(std::span<const RunRecord> runs, std::span<const std::string> errors) {
    std::string text = R"({"runs": [)";
    for (const RunRecord& run : runs) {
        RunRecord head = run;
        head.series.clear();
        std::string json = to_json(head);
        json.pop_back();  // the line's end
        text += (text.back() == '[' ? "\n" : ",\n") + json;
    }
    JsonWriter list;
    list.begin_array();
    for (const std::string& error : errors) {
        list.value(error);
    }
    list.end_array();
    return text + "\n], \"errors\": " + list.take() + "}\n";
}

std::string difference_json(const RunRecord& one, const RunRecord& other) {
    JsonWriter json;
    json.begin_object().key("runs").begin_array().value(one.id).value(other.id).end_array();
    json.key("differences").begin_object();
    for (const Difference& difference : differences(one, other)) {
        json.key(difference.what).begin_array();
        for (const auto& value : {difference.one, difference.other}) {
            value ? json.value(*value) : json.null();
        }
        json.end_array();
    }
    json.end_object().end_object();
    return json.take() + "\n";
}

}  // namespace starling
