// Reads the table of measured costs strictly: an unknown key or a number out of range is an error
// with its line, since a misspelt key would silently simulate another machine.
#include "sim/calibration.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "core/files/read_file.hpp"
#include "core/json/json.hpp"

namespace starling {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} * 1024 * 1024;

constexpr double above_zero = 1e-12;

/// Reads numbers from the table; keeps the first error.
class TableReader {
public:
    explicit TableReader(std::string file) : file_(std::move(file)) {}

    /// A number in [low, 1e18].
    double number(const JsonMember& member, double low) {
        const std::string& text = member.value.text;
        const char* const end = text.data() + text.size();
        double value = 0.0;
        const auto [stop, failure] = std::from_chars(text.data(), end, value);
        if (member.value.kind != JsonValue::Kind::number || failure != std::errc{} || stop != end ||
            value < low || value > 1e18) {
            fail(member.value, "'" + member.name + "' must be a number " +
                                   (low > 0.0 ? "above 0" : "of at least 0"));
            return low;
        }
        return value;
    }

    /// Otherwise records an error.
    bool is_object(const JsonValue& value, const std::string& what) {
        if (value.kind != JsonValue::Kind::object) {
            fail(value, what + " is not an object");
        }
        return value.kind == JsonValue::Kind::object;
    }

    void fail(const JsonValue& at, const std::string& what) {
        if (!error_) {
            error_ = Error{Errc::usage, "calibration file " + file_ + ", line " +
                                            std::to_string(at.line) + ": " + what};
        }
    }
    const std::optional<Error>& error() const { return error_; }

private:
    std::string file_;
    std::optional<Error> error_;
};

/// At least two numbers above 0, ascending. Empty: there was an error.
std::vector<double> read_quantiles(TableReader& reader, const JsonMember& member) {
    std::vector<double> values;
    for (const JsonMember& item : member.value.items) {
        values.push_back(reader.number({member.name, item.value}, above_zero));
    }
    if (member.value.kind != JsonValue::Kind::array || values.size() < 2 ||
        !std::is_sorted(values.begin(), values.end())) {
        reader.fail(member.value, "'" + member.name +
                                      "' must be an array of at least two ascending "
                                      "numbers");
        return {};
    }
    return values;
}

WorkloadCost read_workload(TableReader& reader, const JsonMember& workload) {
    WorkloadCost cost;
    if (!reader.is_object(workload.value, "workload '" + workload.name + "'")) {
        return cost;
    }
    for (const JsonMember& member : workload.value.items) {
        if (member.name == "seconds_per_batch") {
            cost.seconds_per_batch = reader.number(member, above_zero);
        } else if (member.name == "startup_seconds") {
            cost.startup_seconds = reader.number(member, 0.0);
        } else if (member.name == "spread") {
            cost.spread = reader.number(member, 0.0);
        } else if (member.name == "quantiles") {
            cost.quantiles = read_quantiles(reader, member);
        } else if (member.name == "p10" || member.name == "p90") {
            reader.number(member, 0.0);  // of earlier tables, for readers of the file
        } else {
            reader.fail(member.value, "unknown key '" + member.name +
                                          "' of a workload: seconds_per_batch, quantiles, "
                                          "startup_seconds or spread");
        }
    }
    if (cost.seconds_per_batch == 0.0) {
        reader.fail(workload.value, "a workload without seconds_per_batch");
    }
    return cost;
}

struct Key {
    const char* name;
    double Calibration::*value;
    double low;
};
constexpr Key keys[] = {
    {"merge_bytes_per_second", &Calibration::merge_bytes_per_second, above_zero},
    {"hash_bytes_per_second", &Calibration::hash_bytes_per_second, above_zero},
    {"fsync_seconds", &Calibration::fsync_seconds, 0.0},
    {"disk_bytes_per_second", &Calibration::disk_bytes_per_second, above_zero},
    {"handshake_seconds", &Calibration::handshake_seconds, 0.0},
    {"spread", &Calibration::spread, 0.0},
    {"tls_send_bytes_per_second", &Calibration::tls_send_bytes_per_second, above_zero},
    {"tls_receive_bytes_per_second", &Calibration::tls_receive_bytes_per_second, above_zero},
    {"local_bytes_per_second", &Calibration::local_bytes_per_second, above_zero},
    {"message_seconds", &Calibration::message_seconds, 0.0},
    {"wake_seconds", &Calibration::wake_seconds, 0.0},
    {"save_bytes_per_second", &Calibration::save_bytes_per_second, above_zero},
    {"load_bytes_per_second", &Calibration::load_bytes_per_second, above_zero},
    {"write_bytes_per_second", &Calibration::write_bytes_per_second, above_zero},
};

void read_member(TableReader& reader, const JsonMember& member, Calibration& table) {
    if (member.name == "workloads") {
        if (reader.is_object(member.value, "'workloads'")) {
            for (const JsonMember& workload : member.value.items) {
                table.workloads[workload.name] = read_workload(reader, workload);
            }
        }
        return;
    }
    if (member.name == "measured") {
        return;  // how the figures were found, for readers of the file
    }
    if (member.name == "unsigned_message_seconds") {
        table.unsigned_message_seconds = reader.number(member, 0.0);
        return;
    }
    for (const Key& key : keys) {
        if (member.name == key.name) {
            table.*key.value = reader.number(member, key.low);
            return;
        }
    }
    reader.fail(member.value, "unknown key '" + member.name + "'");
}

}  // namespace

Result<WorkloadCost> Calibration::workload(const std::string& name, const NodeId& ml) const {
    for (const std::string& row : {name + "@" + ml.name, name}) {
        const auto found = workloads.find(row);
        if (found != workloads.end()) {
            return found->second;
        }
    }
    return Error{Errc::usage, "the workload '" + name + "' is not in " +
                                  (file.empty() ? "a calibration table (none was given)"
                                                : "the calibration file " + file) +
                                  ": measure it with `SWARM_CALIBRATE=FILE PROGRAM` on the "
                                  "reference machine and specify --calibration FILE"};
}

Result<Calibration> parse_calibration(const std::string& text, const std::string& file) {
    const Result<JsonValue> json = parse_json(text);
    if (!json) {
        return Error{Errc::usage, "calibration file " + file + ": " + json.error().message};
    }
    Calibration table;
    table.file = file;
    TableReader reader(file);
    if (reader.is_object(*json, "the table")) {
        for (const JsonMember& member : json->items) {
            read_member(reader, member, table);
        }
    }
    if (reader.error()) {
        return *reader.error();
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
