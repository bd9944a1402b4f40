#include "sim/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <locale>
#include <optional>
#include <sstream>
#include <string_view>

#include "core/files/read_file.hpp"

namespace starling {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} * 1024 * 1024;

/// Reads the JSON this table needs: objects, strings without escapes, numbers. After the first
/// error every call fails.
class JsonReader {
public:
    JsonReader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

    /// Calls `member(key)` for each member; it must read the value.
    void object(const std::function<void(const std::string&)>& member) {
        expect('{');
        if (peek() == '}') {
            expect('}');
            return;
        }
        while (!error_) {
            const std::string key = string();
            expect(':');
            if (!error_) {
                member(key);
            }
            if (peek() != ',') {
                break;
            }
            expect(',');
        }
        expect('}');
    }

    std::string string() {
        expect('"');
        const std::size_t end = text_.find_first_of("\"\\\n", at_);
        if (error_ || end == std::string_view::npos || text_[end] != '"') {
            fail("expected a string without escapes");
            return {};
        }
        std::string value(text_.substr(at_, end - at_));
        at_ = end + 1;
        return value;
    }

    /// A number in [low, 1e18].
    double number(const std::string& key, double low) {
        peek();
        const std::size_t end =
            std::min(text_.find_first_not_of("0123456789+-.eE", at_), text_.size());
        std::istringstream stream{std::string(text_.substr(at_, end - at_))};
        stream.imbue(std::locale::classic());
        double value = 0.0;
        if (!(stream >> value) || stream.peek() != std::istringstream::traits_type::eof() ||
            !std::isfinite(value) || value < low || value > 1e18) {
            fail("'" + key + "' must be a number " + (low > 0.0 ? "above 0" : "of at least 0"));
            return low;
        }
        at_ = end;
        return value;
    }

    void fail(const std::string& what) {
        if (!error_) {
            const auto line =
                1 +
                std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
            error_ = Error{Errc::usage, "calibration file " + file_ + ", line " +
                                            std::to_string(line) + ": " + what};
        }
    }
    void end() {
        if (peek() != '\0') {
            fail("text after the end of the table");
        }
    }
    const std::optional<Error>& error() const { return error_; }

private:
    char peek() {
        at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    void expect(char wanted) {
        if (error_) {
            return;
        }
        if (peek() != wanted) {
            fail(std::string("expected '") + wanted + "'");
            return;
        }
        ++at_;
    }

    std::string_view text_;
    std::string file_;
    std::size_t at_ = 0;
    std::optional<Error> error_;
};

constexpr double above_zero = 1e-12;

WorkloadCost read_workload(JsonReader& json) {
    WorkloadCost cost;
    json.object([&](const std::string& key) {
        if (key == "seconds_per_batch") {
            cost.seconds_per_batch = json.number(key, above_zero);
        } else if (key == "startup_seconds") {
            cost.startup_seconds = json.number(key, 0.0);
        } else if (key == "p10" || key == "p90") {
            json.number(key, 0.0);  // the spread, for people: simulated training has none
        } else {
            json.fail("unknown key '" + key +
                      "' of a workload: seconds_per_batch or startup_seconds");
        }
    });
    if (cost.seconds_per_batch == 0.0) {
        json.fail("a workload without seconds_per_batch");
    }
    return cost;
}

}  // namespace

Result<WorkloadCost> Calibration::workload(const std::string& name) const {
    const auto found = workloads.find(name);
    if (found != workloads.end()) {
        return found->second;
    }
    return Error{
        Errc::usage,
        "the workload '" + name + "' is not in " +
            (file.empty() ? "a calibration table (none was given)"
                          : "the calibration file " + file) +
            ": measure it with `PROGRAM --calibrate FILE` on the reference machine and give "
            "--calibration FILE"};
}

Result<Calibration> parse_calibration(const std::string& text, const std::string& file) {
    Calibration table;
    table.file = file;
    JsonReader json(text, file);
    json.object([&](const std::string& key) {
        if (key == "workloads") {
            json.object(
                [&](const std::string& name) { table.workloads[name] = read_workload(json); });
        } else if (key == "merge_bytes_per_second") {
            table.merge_bytes_per_second = json.number(key, above_zero);
        } else if (key == "hash_bytes_per_second") {
            table.hash_bytes_per_second = json.number(key, above_zero);
        } else if (key == "fsync_seconds") {
            table.fsync_seconds = json.number(key, 0.0);
        } else if (key == "handshake_seconds") {
            table.handshake_seconds = json.number(key, 0.0);
        } else {
            json.fail("unknown key '" + key + "'");
        }
    });
    json.end();
    if (json.error()) {
        return *json.error();
    }
    return table;
}

Result<Calibration> read_calibration(const std::string& file) {
    const Result<std::string> text = read_whole_file(file, file_bytes_max);
    if (!text) {
        return Error{Errc::usage, "--calibration: " + text.error().message};
    }
    return parse_calibration(*text, file);
}

}  // namespace starling
