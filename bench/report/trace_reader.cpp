#include "bench/report/trace_reader.hpp"

#include <charconv>
#include <fstream>
#include <sstream>

#include "core/files/read_file.hpp"

namespace starling {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string unescaped(const std::string& value) {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const int high = i + 2 < value.size() && value[i] == '%' ? hex_digit(value[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(value[i + 2]) : -1;
        if (low >= 0) {
            text.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            text.push_back(value[i]);
        }
    }
    return text;
}

bool parse_line(const std::string& line, TraceRecord& record) {
    std::istringstream words(line);
    std::string time;
    if (!(words >> time >> record.node >> record.event)) {
        return false;
    }
    const auto [end, error] =
        std::from_chars(time.data(), time.data() + time.size(), record.time_ns);
    if (error != std::errc{} || end != time.data() + time.size()) {
        return false;
    }
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) {
            return false;
        }
        record.fields[word.substr(0, equals)] = unescaped(word.substr(equals + 1));
    }
    return true;
}

constexpr std::string_view start_mark = "# starling-trace ";

std::string value_of(const std::string& start_line, std::string_view key) {
    std::istringstream words(start_line);
    for (std::string word; words >> word;) {
        if (word.starts_with(key)) {
            return word.substr(key.size());
        }
    }
    return "";
}

}  // namespace

Result<std::vector<TraceRecord>> read_trace(const std::string& path) {
    Result<std::ifstream> opened = open_file(path);
    if (!opened) {
        return Error{Errc::io, "trace file " + opened.error().message};
    }
    std::ifstream& file = *opened;
    std::vector<TraceRecord> records;
    std::int64_t epoch_ns = 0;
    std::size_t starts = 0;
    std::size_t number = 0;
    std::size_t bad = 0;  // number of a line that can't be parsed
    for (std::string line; std::getline(file, line) && !file.eof();) {
        ++number;
        if (line.starts_with(start_mark)) {
            if (bad > 0) {  // the line was cut: the process was killed, or its disk was full
                records.push_back({records.empty() ? 0 : records.back().time_ns,
                                   value_of(line, "node="),
                                   "trace_gap",
                                   {},
                                   starts});
                bad = 0;
            }
            epoch_ns = std::strtoll(value_of(line, "epoch_ns=").c_str(), nullptr, 10);
            ++starts;
            continue;
        }
        if (bad > 0) {
            break;
        }
        if (line.empty() || line.front() == '#') {
            continue;
        }
        TraceRecord record;
        if (!parse_line(line, record)) {
            bad = number;
            continue;
        }
        record.time_ns += epoch_ns;
        record.start = starts > 0 ? starts - 1 : 0;
        records.push_back(std::move(record));
    }
    if (bad > 0) {
        return Error{Errc::malformed,
                     path + ":" + std::to_string(bad) +
                         ": not a line of a trace (time_ns node event key=value ...)"};
    }
    return records;
}

}  // namespace starling
