#include "examples/cifar10/save_model.hpp"

#include "core/torch/safetensors.hpp"
#include "core/torch/torch_script.hpp"

namespace starling {

Result<void> save_model(const std::filesystem::path& stem, const ModelParameters& parameters,
                        const std::map<std::string, std::string>& metadata,
                        std::string_view script) {
    Bytes params(static_cast<std::size_t>(parameters.layout().size_bytes()));
    parameters.save(params);
    const Result<void> written =
        write_safetensors(stem.string() + ".safetensors", parameters.layout(), params, metadata);
    if (!written) {
        return written;
    }
    return write_torch_script(stem.string() + ".pt", parameters.layout(), params, script);
}

}  // namespace starling
