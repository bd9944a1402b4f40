#include "bench/report/comparison.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <set>

#include "core/base/json_writer.hpp"

namespace starling {
namespace {

__attribute__((format(printf, 1, 2))) std::string formatted(const char* format, ...) {
    std::array<char, 512> buffer{};
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
    va_end(arguments);
    return buffer.data();
}

std::string seconds_text(double seconds) {
    return seconds < 1.0 ? formatted("%.1f ms", seconds * 1e3) : formatted("%.2f s", seconds);
}

std::string percent_text(double share) { return formatted("%.2f %%", share * 100); }

/// A line of the table; the column of programs that trained alone is shown if there are such
/// results.
struct Row {
    std::string name;
    std::string alone;
    std::string predicted;
    std::string measured;
    std::string ratio;
};

std::string line_of(const Comparison& c, const Row& row) {
    const std::string alone = c.alone ? formatted(" %10s", row.alone.c_str()) : "";
    std::string line = formatted("  %-27s%s %14s %14s %9s", row.name.c_str(), alone.c_str(),
                                 row.predicted.c_str(), row.measured.c_str(), row.ratio.c_str());
    line.resize(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

using Figure = std::function<double(const RunFigures&)>;
using Format = std::function<std::string(double)>;

std::string number_line(const Comparison& c, const std::string& name, const Figure& figure,
                        const Format& format) {
    const auto cell = [&](const std::optional<RunFigures>& run) {
        return run ? format(figure(*run)) : std::string("-");
    };
    std::string ratio;
    if (c.predicted && c.measured && figure(*c.measured) > 0) {
        ratio = formatted("%.3f", figure(*c.predicted) / figure(*c.measured));
    }
    return line_of(c, {name, "", cell(c.predicted), cell(c.measured), ratio});
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

std::size_t classes_of(const Comparison& c) {
    for (const auto* run : {&c.measured, &c.predicted}) {
        if (*run && (*run)->test.classes > 0) {
            return (*run)->test.classes;
        }
    }
    return c.alone ? c.alone->classes : 0;
}

std::string guessing_text(std::size_t classes) {
    return percent_text(1.0 / static_cast<double>(classes));
}

std::string accuracy_lines(const Comparison& c) {
    std::string lines;
    if (const std::size_t classes = classes_of(c); c.alone && classes > 0) {
        lines += line_of(c, {"test accuracy by chance", guessing_text(classes), "", "", ""});
    }
    for (const std::string& node : nodes_of(c)) {
        const auto of = [&](const std::optional<RunFigures>& run) {
            return run ? value_at(run->test.accuracy, node) : std::nullopt;
        };
        const auto cell = [](const std::optional<double>& value) {
            return value ? percent_text(*value) : std::string("-");
        };
        const auto predicted = of(c.predicted);
        const auto measured = of(c.measured);
        const auto alone = c.alone ? value_at(c.alone->accuracy, node) : std::nullopt;
        const bool same = predicted && measured && *predicted == *measured;
        lines += line_of(c, {"test accuracy, " + node, cell(alone), cell(predicted), cell(measured),
                             same ? "same" : ""});
    }
    return lines;
}

std::string digest_line(const Comparison& c, const std::string& name,
                        const std::function<std::string(const RunFigures&)>& of) {
    const std::string predicted = c.predicted ? of(*c.predicted) : "";
    const std::string measured = c.measured ? of(*c.measured) : "";
    const auto cell = [](const std::string& digest) {
        return digest.empty() ? std::string("-") : digest.substr(0, 12);
    };
    std::string same;
    if (c.predicted && c.measured) {
        same = predicted == measured ? "same" : "DIFFERENT";
    }
    return line_of(c, {name, "", cell(predicted), cell(measured), same});
}

std::string json_accuracy(const TestResults& test) {
    std::string json = "{";
    std::string comma;
    for (const auto& [node, accuracy] : test.accuracy) {
        json += comma + json_string(node) + ": " + formatted("%.6f", accuracy);
        comma = ", ";
    }
    return json + "}";
}

std::string json_run(const RunFigures& run) {
    std::string json = formatted(
        "{\"rounds\": %zu, \"round_seconds\": %.9f, \"training_seconds\": %.9f, \"merge_seconds\": "
        "%.9f, \"total_seconds\": "
        "%.9f, \"exchanged_bytes\": %llu, \"committed_digest\": \"",
        run.rounds, run.round_seconds, run.training_seconds, run.merge_seconds, run.total_seconds,
        static_cast<unsigned long long>(run.exchanged_bytes));
    json += run.committed_digest + "\", \"final_digest\": {";
    std::string comma;
    for (const auto& [node, digest] : run.final_digest) {
        json += comma + json_string(node) + ": " + json_string(digest);
        comma = ", ";
    }
    return json + "}, \"accuracy\": " + json_accuracy(run.test) + "}";
}

}  // namespace

std::string table_of(const Comparison& c) {
    std::string table = line_of(c, {"", "alone", "rehearsal", "real run", "ratio"});
    table += accuracy_lines(c);
    table += number_line(
        c, "rounds", [](const RunFigures& r) { return static_cast<double>(r.rounds); },
        [](double v) { return formatted("%.0f", v); });
    table += number_line(
        c, "time per round (median)", [](const RunFigures& r) { return r.round_seconds; },
        seconds_text);
    table += number_line(
        c, "  of it training", [](const RunFigures& r) { return r.training_seconds; },
        seconds_text);
    table += number_line(
        c, "  of it exchange and merge", [](const RunFigures& r) { return r.merge_seconds; },
        seconds_text);
    table += number_line(
        c, "time in all", [](const RunFigures& r) { return r.total_seconds; }, seconds_text);
    table += number_line(
        c, "parameters exchanged",
        [](const RunFigures& r) { return static_cast<double>(r.exchanged_bytes); },
        [](double v) { return formatted("%.2f MB", v / 1e6); });
    for (const std::string& node : nodes_of(c)) {
        table += digest_line(c, "final digest, " + node, [&](const RunFigures& r) {
            return value_at(r.final_digest, node).value_or("");
        });
    }
    return table + digest_line(c, "final digest, ledger",
                               [](const RunFigures& r) { return r.committed_digest; });
}

std::string benefit_of(const Comparison& c) {
    const std::optional<RunFigures>& run = c.measured ? c.measured : c.predicted;
    if (!c.alone || c.alone->accuracy.empty() || !run || run->test.accuracy.empty() ||
        classes_of(c) == 0) {
        return "";
    }
    double alone = 0.0;
    for (const auto& [node, accuracy] : c.alone->accuracy) {
        alone = std::max(alone, accuracy);
    }
    double together = 1.0;
    for (const auto& [node, accuracy] : run->test.accuracy) {
        together = std::min(together, accuracy);
    }
    return "Of the test images, guessing gets " + guessing_text(classes_of(c)) +
           " right, the best owner alone " + percent_text(alone) + ", the swarm " +
           percent_text(together) + ".\n";
}

std::string speed_of(const Comparison& c) {
    if (!c.predicted || !c.measured || c.predicted->training_seconds <= 0.0 ||
        c.measured->round_seconds <= 0.0) {
        return "";
    }
    const double change = c.measured->training_seconds / c.predicted->training_seconds - 1.0;
    if (std::abs(change) < 0.05) {
        return "";
    }
    const double adjusted =
        c.predicted->round_seconds - c.predicted->training_seconds + c.measured->training_seconds;
    return "With the real run's time of training, a rehearsed round takes " +
           seconds_text(adjusted) +
           formatted(", ratio %.3f.\n", adjusted / c.measured->round_seconds);
}

std::string json_of(const Comparison& c) {
    std::string json = "{";
    if (c.predicted) {
        json += "\"predicted\": " + json_run(*c.predicted) + (c.measured ? ", " : "");
    }
    if (c.measured) {
        json += "\"measured\": " + json_run(*c.measured);
    }
    if (c.alone) {
        json += std::string(c.predicted || c.measured ? ", " : "") +
                "\"alone\": " + json_accuracy(*c.alone);
    }
    if (const std::size_t classes = classes_of(c); classes > 0) {
        json += formatted(", \"classes\": %zu", classes);
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
