#include "bench/report/comparison.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <set>

#include "core/base/json.hpp"

namespace starling {
namespace {

__attribute__((format(printf, 1, 2))) std::string formatted(const char* format, ...) {
    std::array<char, 256> buffer{};
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
    va_end(arguments);
    return buffer.data();
}

std::string seconds_text(double seconds) {
    return seconds < 1.0 ? formatted("%.1f ms", seconds * 1e3) : formatted("%.2f s", seconds);
}

std::string row(const std::string& name, const std::string& predicted, const std::string& measured,
                const std::string& ratio) {
    return formatted("  %-34s %16s %16s %10s\n", name.c_str(), predicted.c_str(), measured.c_str(),
                     ratio.c_str());
}

using Figure = std::function<double(const RunFigures&)>;
using Format = std::function<std::string(double)>;

std::string number_row(const Comparison& c, const std::string& name, const Figure& figure,
                       const Format& format) {
    const auto cell = [&](const std::optional<RunFigures>& run) {
        return run ? format(figure(*run)) : std::string("-");
    };
    std::string ratio;
    if (c.predicted && c.measured && figure(*c.measured) > 0) {
        ratio = formatted("%.3f", figure(*c.predicted) / figure(*c.measured));
    }
    return row(name, cell(c.predicted), cell(c.measured), ratio);
}

std::set<std::string> nodes_of(const Comparison& c) {
    std::set<std::string> nodes;
    for (const auto* run : {&c.predicted, &c.measured}) {
        if (*run) {
            for (const auto& [node, digest] : (*run)->final_digest) {
                nodes.insert(node);
            }
        }
    }
    return nodes;
}

template <typename T>
std::optional<T> value_at(const std::map<std::string, T>& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? std::nullopt : std::optional<T>(found->second);
}

std::string json_run(const RunFigures& run) {
    std::string json = formatted(
        "{\"rounds\": %zu, \"round_seconds\": %.9f, \"merge_seconds\": %.9f, \"total_seconds\": "
        "%.9f, "
        "\"exchanged_bytes\": %llu, \"committed_digest\": \"",
        run.rounds, run.round_seconds, run.merge_seconds, run.total_seconds,
        static_cast<unsigned long long>(run.exchanged_bytes));
    json += run.committed_digest + "\", \"final_digest\": {";
    std::string comma;
    for (const auto& [node, digest] : run.final_digest) {
        json += comma + json_string(node) + ": " + json_string(digest);
        comma = ", ";
    }
    json += "}, \"accuracy\": {";
    comma.clear();
    for (const auto& [node, accuracy] : run.accuracy) {
        json += comma + json_string(node) + ": " + formatted("%.6f", accuracy);
        comma = ", ";
    }
    return json + "}}";
}

}  // namespace

std::string table_of(const Comparison& c) {
    std::string table = row("", "predicted", "measured", "ratio");
    table += number_row(
        c, "rounds", [](const RunFigures& r) { return static_cast<double>(r.rounds); },
        [](double v) { return formatted("%.0f", v); });
    table += number_row(
        c, "time per round (median)", [](const RunFigures& r) { return r.round_seconds; },
        seconds_text);
    table += number_row(
        c, "  of it merge, after the last came",
        [](const RunFigures& r) { return r.merge_seconds; }, seconds_text);
    table += number_row(
        c, "time in all", [](const RunFigures& r) { return r.total_seconds; }, seconds_text);
    table += number_row(
        c, "parameters exchanged",
        [](const RunFigures& r) { return static_cast<double>(r.exchanged_bytes); },
        [](double v) { return formatted("%.2f MB", v / 1e6); });
    for (const std::string& node : nodes_of(c)) {
        const auto cell = [&](const std::optional<RunFigures>& run) {
            const auto value = run ? value_at(run->accuracy, node) : std::nullopt;
            return value ? formatted("%.2f %%", *value * 100) : std::string("-");
        };
        table += row("test accuracy, " + node, cell(c.predicted), cell(c.measured), "");
    }
    const auto digest_row = [&](const std::string& name, const auto& of) {
        const std::string predicted = c.predicted ? of(*c.predicted) : "";
        const std::string measured = c.measured ? of(*c.measured) : "";
        const bool both = c.predicted && c.measured;
        table += row(name, predicted.empty() ? "-" : predicted.substr(0, 12),
                     measured.empty() ? "-" : measured.substr(0, 12),
                     !both                   ? ""
                     : predicted == measured ? "same"
                                             : "DIFFERENT");
    };
    for (const std::string& node : nodes_of(c)) {
        digest_row("final digest, " + node, [&](const RunFigures& r) {
            return value_at(r.final_digest, node).value_or("");
        });
    }
    digest_row("final digest, ledger", [](const RunFigures& r) { return r.committed_digest; });
    return table;
}

std::string json_of(const Comparison& c) {
    std::string json = "{";
    if (c.predicted) {
        json += "\"predicted\": " + json_run(*c.predicted) + (c.measured ? ", " : "");
    }
    if (c.measured) {
        json += "\"measured\": " + json_run(*c.measured);
    }
    return json + "}\n";
}

bool same_model_everywhere(const Comparison& c) {
    std::set<std::string> digests;
    for (const auto* run : {&c.predicted, &c.measured}) {
        if (*run) {
            digests.insert((*run)->committed_digest);
            for (const auto& [node, digest] : (*run)->final_digest) {
                digests.insert(digest);
            }
        }
    }
    return digests.size() == 1 && !digests.begin()->empty();
}

}  // namespace starling
