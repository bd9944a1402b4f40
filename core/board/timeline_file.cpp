#include "core/board/timeline_file.hpp"

#include <fstream>

#include "core/board/timeline.hpp"

namespace starling {

struct TimelineFile::Impl {
    explicit Impl(std::string file_path) : path(std::move(file_path)), file(path) {}

    Error error() const { return {Errc::io, "can't write all of '" + path + "'"}; }

    std::string path;
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
    return impl_->file.flush() ? Result<void>() : Result<void>(impl_->error());
}

}  // namespace starling
