#include "bench/report/trace_reader.hpp"

#include <charconv>
#include <fstream>
#include <sstream>

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

}  // namespace

Result<std::vector<TraceRecord>> read_trace(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return Error{Errc::io, "can't read the trace file '" + path + "'"};
    }
    std::vector<TraceRecord> records;
    std::size_t number = 0;
    for (std::string line; std::getline(file, line) && !file.eof();) {
        ++number;
        if (line.empty() || line.front() == '#') {
            continue;
        }
        TraceRecord record;
        if (!parse_line(line, record)) {
            return Error{Errc::malformed,
                         path + ":" + std::to_string(number) +
                             ": not a line of a trace (time_ns node event key=value ...)"};
        }
        records.push_back(std::move(record));
    }
    return records;
}

Result<std::int64_t> trace_epoch_ns(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string line;
    if (!file || (!std::getline(file, line) && !file.eof())) {
        return Error{Errc::io, "can't read the trace file '" + path + "'"};
    }
    std::int64_t epoch = 0;
    std::istringstream words(line.starts_with('#') ? line : "");
    constexpr std::string_view key = "epoch_ns=";
    for (std::string word; words >> word;) {
        if (word.starts_with(key)) {
            std::from_chars(word.data() + key.size(), word.data() + word.size(), epoch);
        }
    }
    return epoch;
}

}  // namespace starling
