#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "bench/report/trace_reader.hpp"
#include "core/base/invariant.hpp"
#include "core/board/run_model.hpp"
#include "core/json/json.hpp"
#include "core/runs/run_results.hpp"
#include "core/torch/safetensors.hpp"
#include "deploy/board/trace_files.hpp"
#include "deploy/storage/ledger_head.hpp"
#include "deploy/storage/model_files.hpp"
#include "deploy/storage/session_file.hpp"
#include "deploy/storage/state_files.hpp"
#include "sim/state_profile.hpp"
#include "sim/xml_scan.hpp"
#include "tests/fuzz/targets.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::fuzz {
namespace {

namespace fs = std::filesystem;

/// In memory where possible, so that no disk slows the fuzzer down; removed at the end.
class Directory {
public:
    Directory()
        : path_((fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                ("starling-fuzz-" + std::to_string(::getpid()))) {
        fs::create_directories(path_);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

fs::path place(const std::string& name) {
    static const Directory directory;
    return directory.path() / name;
}

fs::path put(const std::string& name, ByteView input) {
    const fs::path file = place(name);
    std::ofstream(file, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(input.data()),
               static_cast<std::streamsize>(input.size()));
    return file;
}

void safetensors(ByteView input) {
    const auto read = read_safetensors(put("m.safetensors", input));
    if (!read) {
        return;
    }
    const fs::path file = place("again.safetensors");
    const auto written = write_safetensors(file, read->layout, read->params, read->metadata);
    STARLING_INVARIANT(written, "what was read can be written");
    const auto again = read_safetensors(file);
    STARLING_INVARIANT(again && again->params == read->params &&
                           again->metadata == read->metadata &&
                           again->layout.text() == read->layout.text(),
                       "it is read as it is written");
}

void model(ByteView input) {
    put("merged-0.model", input);
    const auto opened = ModelFiles::open(place(""), openssl_hasher());
    if (opened && !opened->models.empty()) {
        (void)opened->files->keep({.model = opened->models.back()});
    }
    fs::remove(place("merged-1.model"));
    fs::remove(place("merged-2.model"));
}

void state(ByteView input) {
    put("program-0.state", input);
    const auto opened = StateFiles::open(place(""), openssl_hasher());
    if (opened && opened->states[0]) {
        STARLING_INVARIANT(opened->files->keep_state(1, *opened->states[0]),
                           "what was read can be written");
    }
    fs::remove(place("program-1.state"));
}

void head(ByteView input) {
    const fs::path file = put("ledger.head", input);
    (void)HeadFile::read(file, openssl_hasher());
    if (const auto opened = HeadFile::open(file, openssl_hasher())) {
        (void)(*opened)->sync();
    }
}

void session(ByteView input) {
    put("session", input);
    const auto one = next_session(place(""));
    const auto two = next_session(place(""));
    STARLING_INVARIANT(!one || (two && *two > *one), "each start has a larger number");
}

/// Also what swarm-board makes of it.
void trace(ByteView input) {
    const std::string path = put("t.trace", input).string();
    (void)read_trace(path);
    RunModel run({.nodes = 5, .spans = 20, .rounds = 5, .points = 5, .log = 5, .alarms = 3});
    auto files = TraceFiles::open({path});
    STARLING_INVARIANT(files, "it was just written");
    const std::uint64_t half = files->read_into(run, 3) > 0 ? run.version() : 0;
    files->read_into(run, 1'000'000);
    STARLING_INVARIANT(parse_json(run.json()) && parse_json(run.json(half)),
                       "whatever the events say");
    RunRecord record;
    record.id = "x";
    STARLING_INVARIANT(take_results(run, record), "a small picture");
    STARLING_INVARIANT(parse_run_record(to_json(record)), "whatever the events say");
}

void xml(ByteView input) {
    for (const XmlElement& element : scan_xml(text_of(input))) {
        STARLING_INVARIANT(element.end <= input.size(), "within the text");
        for (const XmlElement::Attribute& attribute : element.attributes) {
            STARLING_INVARIANT(attribute.begin <= attribute.end && attribute.end <= input.size(),
                               "within the text");
        }
    }
}

void profile(ByteView input) {
    if (const auto read = StateProfile::parse(std::string(text_of(input)))) {
        (void)read->turns_on_after(SwarmTime{});
        STARLING_INVARIANT(!read->period() || read->period()->count() > 0, "time goes on");
    }
}

}  // namespace

void files(ByteView input) {
    constexpr InputTest parsers[] = {safetensors, model, state, head, session, trace, xml, profile};
    static_assert(std::size(parsers) == file_parser::count);
    choose(parsers, input);
}

}  // namespace starling::fuzz
