#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/files/replace_file.hpp"
#include "deploy/storage/mapped_files.hpp"

namespace starling {

/// At the beginning of a file that is not complete.
constexpr std::string_view draft_magic = "STRLDRFT";
/// Whether a file was not written to its end.
///
/// \param beginning  of the file. It is the mark; or empty, or zeros, if only the file's name or
///     length is on the disk.
bool is_incomplete(ByteView beginning);

/// A file that is written anew, piece by piece, and made durable when it is complete.
///
/// Its blocks and cached pages are used again if it was there: that costs half the CPU time of new
/// ones, and its name is durable already. Not if somebody still reads it through a mapping, or has
/// it under another name: then it is a new file. Methods return 0 or the errno of what failed;
/// after a failure to write the file is gone, with its blocks.
class DraftFile {
public:
    static constexpr std::size_t direct_bytes = 4096;
    static constexpr std::size_t direct_pieces_max = 16;

    /// \param mapped  must outlive the draft
    explicit DraftFile(MappedFiles& mapped) : mapped_(mapped) {}
    DraftFile(const DraftFile&) = delete;
    DraftFile& operator=(const DraftFile&) = delete;
    ~DraftFile() { close(); }

    /// Begins to write the file at `path`, of `bytes`, and reserves them on the disk. It begins
    /// with draft_magic then; the rest of its content is undefined.
    ///
    /// \param at_once  write_at_once() will replace all of it: it gets no mark if it has its length
    ///     already.
    [[nodiscard]] int begin(std::filesystem::path path, std::uint64_t bytes,
                            FileReaders readers = FileReaders::all, bool at_once = false);
    /// \pre  begin()
    [[nodiscard]] int write(ByteView bytes, std::uint64_t offset);
    /// Writes pieces that lie one after the other in the file, past the system's cache where that
    /// is possible: where pieces and offset are multiples of direct_bytes, as is their memory. \pre
    /// begin(), 1 to direct_pieces_max pieces
    [[nodiscard]] int write_direct(std::span<const ByteView> pieces, std::uint64_t offset);

    /// Writes all pieces past the page cache, in one call. \return false: that is not possible, or
    /// failed; some of them may be written. \pre  begin(), 1 to direct_pieces_max pieces
    [[nodiscard]] bool write_at_once(std::span<const ByteView> pieces, std::uint64_t offset);

    /// Asks the system to begin writing that range to the disk, so that less is left for finish().
    void begin_write_back(std::uint64_t offset, std::uint64_t bytes) const;
    /// The first `bytes` of the file, to be read when it is complete. Empty: see MappedFiles.
    /// \pre  begin()
    Blob map(std::uint64_t bytes) { return mapped_.map(descriptor_, bytes); }
    /// Makes the file durable.
    [[nodiscard]] int finish();

private:
    int open(FileReaders readers);
    int fail(int number);
    void close();

    MappedFiles& mapped_;
    std::filesystem::path path_;
    int descriptor_ = -1;
    int direct_ = -1;  ///< of the same file, opened with O_DIRECT; -1: it can't be
};

}  // namespace starling
