#pragma once

#include <cstdint>
#include <filesystem>

#include "core/base/bytes.hpp"
#include "deploy/storage/mapped_files.hpp"

namespace starling {

/// A file that is written piece by piece under a name of its own and takes another file's name
/// when it is complete. What the draft's name holds is never read.
///
/// The replaced file becomes the next draft: writing into its blocks and cached pages costs half
/// the CPU time of new ones, and there is nothing to unlink. Not if somebody still reads it through
/// a mapping, or has it under another name: the draft is then a new file. Methods return 0 or the
/// errno of what failed; after a failure the draft is gone, with its blocks.
class DraftFile {
public:
    /// \param mapped  must outlive the draft
    DraftFile(std::filesystem::path path, MappedFiles& mapped)
        : path_(std::move(path)), mapped_(mapped) {}
    DraftFile(const DraftFile&) = delete;
    DraftFile& operator=(const DraftFile&) = delete;
    ~DraftFile() { close(); }

    /// Begins a file of `bytes` and reserves them on the disk. Its content is undefined.
    [[nodiscard]] int begin(std::uint64_t bytes);
    /// \pre  begin()
    [[nodiscard]] int write(ByteView bytes, std::uint64_t offset);
    /// Asks the system to begin writing that range to the disk, so that less is left for replace().
    void begin_write_back(std::uint64_t offset, std::uint64_t bytes) const;
    /// The first `bytes` of the draft, to be read when it is complete; they are the same under its
    /// new name. Empty: see MappedFiles. \pre  begin()
    Blob map(std::uint64_t bytes) { return mapped_.map(descriptor_, bytes); }
    /// Makes the draft durable and then, atomically and durably, `target`. \pre  the same directory
    [[nodiscard]] int replace(const std::filesystem::path& target);

private:
    int open();
    int fail(int number);
    void close();

    std::filesystem::path path_;
    MappedFiles& mapped_;
    int descriptor_ = -1;
};

}  // namespace starling
