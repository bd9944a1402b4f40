#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include <sys/types.h>

#include "core/base/bytes.hpp"

namespace starling {

class Mapping;

/// Files that are read through mappings (mmap), and written anew when nobody reads them any more.
/// Belongs to one thread; the bytes that it hands out do not.
///
/// Their pages are the system's cache, which it may drop and read again. Reading raises SIGBUS if
/// the disk can't read a page, or if somebody truncates the file.
class MappedFiles {
public:
    /// The first `bytes` of an open file. They stay readable if the file loses its name; the last
    /// owner unmaps them. Empty: the system can't map the file, or `bytes` is 0.
    Blob map(int descriptor, std::uint64_t bytes);
    /// Whether somebody owns bytes of the open file that map() returned.
    bool is_mapped(int descriptor);

private:
    std::multimap<std::pair<dev_t, ino_t>, std::weak_ptr<const Mapping>> mappings_;  ///< by file
};

}  // namespace starling
