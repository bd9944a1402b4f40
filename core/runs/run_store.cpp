#include "core/runs/run_store.hpp"

#include <algorithm>

#include "core/base/bytes.hpp"
#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

/// More than record_limits allow. JSON takes up to fifty times its bytes while it is read.
constexpr std::uint64_t record_bytes_max = 32U << 20U;

Result<RunRecord> read_record_file(const fs::path& file) {
    std::error_code ignored;  // reading says it again
    const fs::file_status status = fs::status(file, ignored);
    if (fs::exists(status) && !fs::is_regular_file(status)) {  // a pipe might never end
        return Error{Errc::malformed, file.string() + " is not a regular file"};
    }
    const Result<std::string> text = read_whole_file(file, record_bytes_max);
    if (!text) {
        return text.error();
    }
    Result<RunRecord> record = parse_run_record(*text);
    if (!record) {
        return Error{Errc::malformed, file.string() + " is no record of a run, or damaged: " +
                                          record.error().message};
    }
    if (record->id != file.stem().string()) {
        return Error{Errc::malformed,
                     file.string() + " is the record of another run, '" + record->id + "'"};
    }
    return record;
}

}  // namespace

Result<void> RunStore::write(const RunRecord& record) const {
    const std::string text = to_json(record);
    const ByteView bytes = std::as_bytes(std::span(text));
    return replace_file(file_of(record.id), std::span(&bytes, 1));
}

Result<RunStore::Listed> RunStore::list() const {
    std::error_code error;
    fs::directory_iterator files(folder_, error);
    if (error) {
        return Error{Errc::io, "runs in " + folder_.string() + ": " + error.message()};
    }
    Listed listed;
    for (; files != fs::directory_iterator(); files.increment(error)) {
        if (files->path().extension() != ".json") {
            continue;
        }
        Result<RunRecord> record = read_record_file(files->path());
        if (record) {
            listed.runs.push_back(std::move(*record));
        } else {
            listed.errors.push_back(record.error().message);
        }
    }
    if (error) {
        return Error{Errc::io, "runs in " + folder_.string() + ": " + error.message()};
    }
    std::sort(listed.errors.begin(), listed.errors.end());
    std::sort(listed.runs.begin(), listed.runs.end(), [](const RunRecord& a, const RunRecord& b) {
        return std::pair(a.recorded_s, a.id) < std::pair(b.recorded_s, b.id);
    });
    return listed;
}

Result<RunRecord> RunStore::find(const std::string& text) const {
    std::error_code error;
    if (is_run_id(text) && fs::exists(file_of(text), error)) {
        return read_record_file(file_of(text));
    }
    Result<Listed> listed = list();
    if (!listed) {
        return listed.error();
    }
    std::vector<RunRecord>& runs = listed->runs;
    if (text == "latest" && !runs.empty()) {
        return std::move(runs.back());
    }
    std::erase_if(runs, [&](const RunRecord& run) { return !run.id.starts_with(text); });
    if (runs.size() == 1) {
        return std::move(runs.front());
    }
    if (runs.empty()) {
        return Error{Errc::not_found, "no run '" + text.substr(0, 64) + "' in " + folder_.string() +
                                          ": see swarm-runs list"};
    }
    return Error{Errc::usage, "'" + text.substr(0, 64) + "' may be " + runs[0].id + " or " +
                                  runs[1].id + ": use more of the id"};
}

}  // namespace starling
