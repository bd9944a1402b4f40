#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/params/param_layout.hpp"

namespace starling {

/// Parameters as a safetensors file holds them (https://github.com/huggingface/safetensors): length
/// of the header (8 bytes, little-endian), header (JSON: name -> dtype, shape, place), data. The
/// data section is the layout's run of bytes as it is.
struct SafetensorsFile {
    ParamLayout layout;
    Bytes params;                                 ///< layout.size_bytes() bytes
    std::map<std::string, std::string> metadata;  ///< the header's __metadata__
};

/// Length and header, padded with blanks so that the data begins at a multiple of 8 bytes.
std::string safetensors_header(const ParamLayout& layout,
                               const std::map<std::string, std::string>& metadata);

/// Replaces `path` as a whole. The same arguments give the same bytes. Errc::io.
/// \pre  params.size() == layout.size_bytes()
Result<void> write_safetensors(const std::filesystem::path& path, const ParamLayout& layout,
                               ByteView params, const std::map<std::string, std::string>& metadata);

/// Reads a file that write_safetensors() wrote, or another one whose tensors stand in a layout's
/// order. Errc::malformed: a length, place, type or shape is wrong or beyond the file; nothing is
/// allocated for it before. Errc::io: it can't be read.
Result<SafetensorsFile> read_safetensors(const std::filesystem::path& path);

}  // namespace starling
