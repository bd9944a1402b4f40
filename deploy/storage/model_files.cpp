// Two files in turn: a write replaces the older one atomically, so the newer round is intact
// whatever happens. `serial` orders them, since runs may restart at round 0; a file whose digest
// does not match is not used, and the model is then fetched from another member.
#include "deploy/storage/model_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/coding.hpp"
#include "core/files/replace_file.hpp"

namespace starling {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view model_magic = "STRLKEPT";
constexpr std::uint32_t model_head_max = 4096;
constexpr const char* model_names[] = {"merged-0.model", "merged-1.model"};

struct Read {
    std::uint64_t serial = 0;
    KeptModel model;
};

Bytes head_of(std::uint64_t serial, const KeptModel& model, std::uint64_t bytes) {
    Writer writer;
    writer.u64(serial);
    writer.string(model.key.contract);
    writer.u32(model.key.run);
    writer.u64(model.key.round);
    writer.u32(model.key.attempt);
    writer.digest(model.digest);
    writer.u64(bytes);
    return writer.take();
}

Result<Read> read_model(const fs::path& file, const Hasher& hasher) {
    const std::string name = "merged model " + file.string();
    const std::string instead = " and not used: it is fetched from another member";
    const Error damaged{Errc::malformed, name + " is damaged" + instead};
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        return Error{Errc::io, name + " can't be read (" + std::strerror(errno) + ")" + instead};
    }
    Bytes start(model_magic.size() + 4);
    stream.read(reinterpret_cast<char*>(start.data()), static_cast<std::streamsize>(start.size()));
    Reader opening(start);
    const ByteView word = opening.raw(model_magic.size());
    const std::uint32_t size = opening.u32();
    if (!stream || !std::ranges::equal(word, std::as_bytes(std::span(model_magic))) ||
        size > model_head_max) {
        return damaged;
    }
    Bytes head(size);
    stream.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(size));
    Reader reader(head);
    Read read;
    read.serial = reader.u64();
    read.model.key.contract = reader.string(contract_name_max);
    read.model.key.run = reader.u32();
    read.model.key.round = reader.u64();
    read.model.key.attempt = reader.u32();
    read.model.digest = reader.digest();
    const std::uint64_t bytes = reader.u64();
    std::error_code failed;
    const std::uint64_t there = fs::file_size(file, failed);
    if (!stream || !reader.done() || failed || there != start.size() + size + bytes) {
        return damaged;  // checked before memory is allocated for a forged size
    }
    Bytes vector(bytes);
    stream.read(reinterpret_cast<char*>(vector.data()), static_cast<std::streamsize>(bytes));
    if (!stream || hasher.digest(ByteView(vector)) != read.model.digest) {
        return damaged;
    }
    read.model.segments = cut(Blob(std::move(vector)));
    return read;
}

}  // namespace

Result<ModelFiles::Opened> ModelFiles::open(fs::path directory, const Hasher& hasher) {
    Opened opened;
    std::vector<Read> found;
    for (const char* name : model_names) {
        const fs::path file = directory / name;
        remove_leftovers(file);
        std::error_code failed;
        if (!fs::exists(file, failed)) {
            if (failed) {
                return Error{Errc::io, file.string() + " can't be read: " + failed.message()};
            }
            continue;
        }
        Result<Read> read = read_model(file, hasher);
        if (read) {
            found.push_back(std::move(*read));
        } else {
            opened.notes.push_back(read.error().message);
        }
    }
    std::sort(found.begin(), found.end(),
              [](const Read& a, const Read& b) { return a.serial < b.serial; });
    for (Read& read : found) {
        opened.models.push_back(std::move(read.model));
    }
    opened.files.reset(
        new ModelFiles(std::move(directory), found.empty() ? 0 : found.back().serial));
    if (!opened.models.empty()) {
        opened.files->newest_ = opened.models.back().key;
    }
    return opened;
}

Result<void> ModelFiles::keep(const KeptModel& model) {
    std::uint64_t bytes = 0;
    for (const Blob& segment : model.segments) {
        bytes += segment.size();
    }
    const bool again = newest_ && same_round(*newest_, model.key);
    const std::uint64_t serial = again ? serial_ : serial_ + 1;
    const Bytes head = head_of(serial, model, bytes);
    Writer start;
    start.raw(std::as_bytes(std::span(model_magic)));
    start.u32(static_cast<std::uint32_t>(head.size()));
    std::vector<ByteView> parts{start.bytes(), head};
    for (const Blob& segment : model.segments) {
        parts.push_back(segment.view());
    }
    const Result<void> done = replace_file(directory_ / model_names[serial % 2], parts);
    if (done) {
        serial_ = serial;
        newest_ = model.key;
    }
    return done;
}

}  // namespace starling
