#include "deploy/metrics/exposition.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/base/json_writer.hpp"
#include "core/base/real_text.hpp"

namespace starling {
namespace {

std::string number(double value) {
    if (std::isfinite(value)) {
        return real_text(value);
    }
    return std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

std::string escaped(const std::string& value) {
    std::string text;
    for (const char c : valid_utf8(value)) {
        if (c == '\n') {
            text += "\\n";
        } else {
            text += c == '\\' || c == '"' ? "\\" : "";
            text += c;
        }
    }
    return text;
}

}  // namespace

void Histogram::observe(double seconds) {
    const auto* bucket = std::lower_bound(std::begin(bounds), std::end(bounds), seconds);
    ++counts_[static_cast<std::size_t>(bucket - std::begin(bounds))];
    sum_ += seconds;
}

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    head_ = "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " +
            std::string(type) + "\n";
}

void Exposition::sample(const Labels& labels, double value) { line("", labels, number(value)); }

void Exposition::sample(const Labels& labels, const Histogram& histogram) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
        count += histogram.counts()[i];
        Labels with_bound = labels;
        with_bound.emplace_back(
            "le", i < std::size(Histogram::bounds) ? number(Histogram::bounds[i]) : "+Inf");
        line("_bucket", with_bound, std::to_string(count));
    }
    line("_sum", labels, number(histogram.sum()));
    line("_count", labels, std::to_string(count));
}

void Exposition::line(std::string_view suffix, const Labels& labels, const std::string& value) {
    text_ += head_;
    head_.clear();
    text_ += name_;
    text_ += suffix;
    std::string inside;
    for (const auto& [name, text] : labels) {
        inside += (inside.empty() ? "" : ",") + std::string(name) + "=\"" + escaped(text) + "\"";
    }
    text_ += (inside.empty() ? "" : "{" + inside + "}") + " " + value + "\n";
}

}  // namespace starling
