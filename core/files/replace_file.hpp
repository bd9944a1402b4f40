#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace starling {

/// Where it is space that is missing beside `path`: what is needed, what is free there and what to
/// do, to be put behind the reason; else empty. \param number  errno. \param needed  bytes; 0: not
/// known.
std::string space_advice(const std::filesystem::path& path, int number, std::uint64_t needed = 0);
/// "PATH can't be written: REASON", with that advice.
Error write_error(const std::filesystem::path& path, int number, std::uint64_t needed = 0);

enum class FileReaders : std::uint8_t { all, owner };

/// Writes the concatenation of `parts` beside `path`, makes it durable and renames it: a reader
/// finds the old file or the whole new one, whatever happens. Makes missing directories. Readable
/// and writable by the owner, readable by others, if it is for all, as the umask allows. Errc::io:
/// names the file and what the operating system said; nothing is left behind.
Result<void> replace_file(const std::filesystem::path& path, std::span<const ByteView> parts,
                          FileReaders readers = FileReaders::all);

/// The name beside `path` under which this process writes what is to take its place; names of
/// earlier processes are those that remove_leftovers() removes.
std::filesystem::path part_of(const std::filesystem::path& path);

/// Gives the durable file `part` the name `path`, and makes that durable. \param needed  bytes, for
/// the text of the error; 0: not known. Errc::io: names the file and what the operating system
/// said; `part` may still be there.
Result<void> rename_durably(const std::filesystem::path& part, const std::filesystem::path& path,
                            std::uint64_t needed = 0);

/// Makes the name of a file durable, after it was made, renamed or removed. \return 0, or an errno
int sync_directory_of(const std::filesystem::path& path);
/// Removes what a program that was killed inside replace_file() left beside `path`. \pre  nobody
/// else writes there.
void remove_leftovers(const std::filesystem::path& path);
/// Removes the file, as durably as replace_file() makes one. It need not be there.
Result<void> remove_file(const std::filesystem::path& path);

}  // namespace starling
