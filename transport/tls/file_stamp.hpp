#pragma once

#include <string>

namespace starling {

/// Name, size, inode and modification time of a file, or of each *.pem file of a directory: a text
/// that differs once one of them was written, replaced, added or removed. A path to nothing, and an
/// empty one, are allowed.
std::string file_stamp(const std::string& path);

}  // namespace starling
