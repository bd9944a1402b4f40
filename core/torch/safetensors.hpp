#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/params/param_layout.hpp"

namespace starling {

/// Contents of a safetensors file (https://github.com/huggingface/safetensors): length of the
/// header (8 bytes, little-endian), header (JSON: name -> dtype, shape, offsets), data. The data
/// section is the parameter vector of the layout.
struct SafetensorsFile {
    ParamLayout layout;
    Bytes params;                                 ///< layout.size_bytes() bytes
    std::map<std::string, std::string> metadata;  ///< the header's __metadata__
};

/// Length and header, padded with blanks so that the data begins at a multiple of 8 bytes.
std::string safetensors_header(const ParamLayout& layout,
                               const std::map<std::string, std::string>& metadata);

/// Writes `path` atomically. The same arguments give the same bytes. Errc::io.
/// \pre  params.size() == layout.size_bytes()
Result<void> write_safetensors(const std::filesystem::path& path, const ParamLayout& layout,
                               ByteView params, const std::map<std::string, std::string>& metadata);

/// Reads a file that write_safetensors() wrote, or another one whose tensors are in the order of a
/// layout. Errc::malformed: a length, offset, type or shape is wrong or beyond the file; checked
/// before anything is allocated. Errc::io: it can't be read.
Result<SafetensorsFile> read_safetensors(const std::filesystem::path& path);

}  // namespace starling
