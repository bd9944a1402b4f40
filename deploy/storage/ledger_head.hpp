#pragma once

#include <filesystem>
#include <optional>

#include "core/ledger/consensus.hpp"

namespace starling {

/// The newest state that a store has acknowledged.
struct LedgerHead {
    std::uint64_t index = 0;  ///< of the last entry
    Digest link;              ///< of that entry: see chain_link()
    Vote vote;
    /// Set while a write turns the log into that of a new server (a rebuild): the vote in the log
    /// once that write is durable.
    std::optional<Vote> next_server = {};

    friend bool operator==(const LedgerHead&, const LedgerHead&) = default;
};

/// The head in a small file beside the log. It detects a log that was truncated but is consistent
/// in itself. Two slots of 4 KiB, written in turn and in place: a torn write leaves the older one.
/// A slot is "STRLHEAD", u32 version, u64 sequence, u64 index, link, u64 number of the server, u64
/// term, u64 candidate, SHA-256 of all that; little-endian; zeros up to its end. Version 1; with a
/// next server version 2, whose number, term and candidate follow the candidate.
class HeadFile {
public:
    static constexpr std::size_t slot_bytes = 4096;

    /// The newest slot; nothing if there is no file. Errc::io: no permission. Errc::malformed: no
    /// slot is whole. The message names the file.
    static Result<std::optional<LedgerHead>> read(const std::filesystem::path& file,
                                                  const Hasher& hasher);
    /// Opens it for writing. \pre  read() of it found a head.
    static Result<std::unique_ptr<HeadFile>> open(std::filesystem::path file, const Hasher& hasher);
    /// Creates or replaces the file (mode 0600), atomically and durably.
    static Result<std::unique_ptr<HeadFile>> create(const std::filesystem::path& file,
                                                    const Hasher& hasher, const LedgerHead& head);

    HeadFile(const HeadFile&) = delete;
    HeadFile& operator=(const HeadFile&) = delete;
    ~HeadFile();

    /// Survives a crash of the process at once, and a power cut once the system has written it
    /// back.
    Result<void> write(const LedgerHead& head);
    /// Writes both slots, each durable before the other is touched: no older head can reappear.
    Result<void> replace(const LedgerHead& head);
    /// Makes earlier writes survive a power cut.
    Result<void> sync();

    const LedgerHead& head() const { return head_; }

private:
    HeadFile(std::filesystem::path file, const Hasher& hasher, int descriptor)
        : file_(std::move(file)), hasher_(hasher), descriptor_(descriptor) {}

    std::filesystem::path file_;
    const Hasher& hasher_;
    int descriptor_;
    std::uint64_t sequence_ = 0;  ///< of the newest slot
    LedgerHead head_;
};

}  // namespace starling
