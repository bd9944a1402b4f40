#include "bench/report/trace_reader.hpp"

#include <cstdlib>
#include <fstream>

#include "core/files/read_file.hpp"
#include "core/trace/trace_text.hpp"

namespace starling {
namespace {

bool parse_line(const std::string& line, TraceRecord& record) {
    const std::optional<TraceText> text = parse_trace_line(line);
    if (!text) {
        return false;
    }
    record.time_ns = text->time_ns;
    record.node = text->node;
    record.event = text->event.name;
    for (const TraceEvent::Field& field : text->event.fields) {
        record.fields[std::string(field.key)] = field.value;
    }
    return true;
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
        if (line.starts_with(trace_start_mark)) {
            if (bad > 0) {  // the line was cut: the process was killed, or its disk was full
                records.push_back({records.empty() ? 0 : records.back().time_ns,
                                   std::string(word_after(line, "node=")),
                                   "trace_gap",
                                   {},
                                   starts});
                bad = 0;
            }
            epoch_ns =
                std::strtoll(std::string(word_after(line, "epoch_ns=")).c_str(), nullptr, 10);
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
