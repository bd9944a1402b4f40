#include "core/board/timeline_file.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

#include "core/board/timeline.hpp"
#include "core/files/replace_file.hpp"

namespace starling {
namespace {

/// Where the text is written until it is whole. A pipe or a device is written to itself.
std::filesystem::path place_beside(const std::filesystem::path& path) {
    std::error_code ignored;
    const auto status = std::filesystem::status(path, ignored);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        return path;
    }
    return part_of(path);
}

/// 0, or the errno of what failed.
int make_durable(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0) {
        return errno;
    }
    const int failure = ::fsync(file) == 0 ? 0 : errno;
    ::close(file);
    return failure;
}

}  // namespace

struct TimelineFile::Impl {
    explicit Impl(std::filesystem::path file_path)
        : path(std::move(file_path)), written(place_beside(path)), file(written) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        if (written != path) {
            ::unlink(written.c_str());  // not there any more once it is in its place
        }
    }

    Error error() const { return {Errc::io, "can't write all of '" + path.string() + "'"}; }

    Result<void> put_in_place() {
        file.close();
        if (!file) {
            return error();
        }
        if (written == path) {
            return {};
        }
        if (const int failure = make_durable(written); failure != 0) {
            return write_error(written, failure);
        }
        return rename_durably(written, path);
    }

    std::filesystem::path path;
    std::filesystem::path written;
    std::ofstream file;
    Timeline timeline{[this](std::string_view text) { file << text; }};
};

TimelineFile::TimelineFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TimelineFile::TimelineFile(TimelineFile&&) noexcept = default;
TimelineFile& TimelineFile::operator=(TimelineFile&&) noexcept = default;
TimelineFile::~TimelineFile() = default;

Result<TimelineFile> TimelineFile::create(const std::string& path, RunModel& model) {
    auto impl = std::make_unique<Impl>(path);
    if (!impl->file) {
        return impl->error();
    }
    model.set_observer(impl->timeline);
    return TimelineFile(std::move(impl));
}

Result<void> TimelineFile::finish() {
    impl_->timeline.finish();
    return impl_->put_in_place();
}

}  // namespace starling
