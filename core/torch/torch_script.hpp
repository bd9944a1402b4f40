#pragma once

#include <filesystem>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/params/param_layout.hpp"

namespace starling {

/// Writes parameters and a forward pass as a TorchScript archive, which torch.jit.load() opens in
/// Python or C++. Names with dots become submodules ("conv1.weight": conv1 has a weight); tensors
/// called running_mean, running_var or num_batches_tracked become buffers, all others parameters.
/// The same arguments give the same bytes, also under another file name.
/// \param script  functions of the module, including `forward`
/// \pre   params.size() == layout.size_bytes()
/// Errc::program: torch does not accept the script. Errc::io: the file can't be written.
Result<void> write_torch_script(const std::filesystem::path& path, const ParamLayout& layout,
                                ByteView params, std::string_view script);

}  // namespace starling
