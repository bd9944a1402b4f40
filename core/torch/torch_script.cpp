#include "core/torch/torch_script.hpp"

#include <array>
#include <cstring>
#include <map>
#include <sstream>

#include <torch/script.h>

#include "core/files/replace_file.hpp"

namespace starling {
namespace {

c10::ScalarType torch_dtype(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return torch::kFloat32;
        case DType::f64:
            return torch::kFloat64;
        case DType::f16:
            return torch::kFloat16;
        case DType::bf16:
            return torch::kBFloat16;
        case DType::i8:
            return torch::kInt8;
        case DType::u8:
            return torch::kUInt8;
        case DType::i16:
            return torch::kInt16;
        case DType::i32:
            return torch::kInt32;
        case DType::i64:
            return torch::kInt64;
    }
    STARLING_INVARIANT(false, "all types are listed");
}

bool is_buffer(std::string_view name) {
    return name == "running_mean" || name == "running_var" || name == "num_batches_tracked";
}

/// A module and its submodules under construction. Modules are handles: copies are the same module.
class ModuleTree {
public:
    ModuleTree() : units_(std::make_shared<torch::jit::CompilationUnit>()), root_(make("")) {}

    torch::jit::Module& root() { return root_; }

    void add(const TensorSpec& spec, const torch::Tensor& tensor) {
        const std::size_t dot = spec.name.rfind('.');
        const bool top = dot == std::string::npos;
        torch::jit::Module module = top ? root_ : submodule(spec.name.substr(0, dot));
        const std::string name = top ? spec.name : spec.name.substr(dot + 1);
        if (is_buffer(name)) {
            module.register_buffer(name, tensor);
        } else {
            module.register_parameter(name, tensor, false);
        }
    }

private:
    torch::jit::Module make(const std::string& path) {
        // The archive contains the class's name; each module has a class of its own.
        return torch::jit::Module(
            c10::QualifiedName("__torch__.model" + (path.empty() ? "" : "." + path)), units_);
    }

    torch::jit::Module submodule(const std::string& path) {
        if (const auto found = modules_.find(path); found != modules_.end()) {
            return found->second;
        }
        const std::size_t dot = path.rfind('.');
        torch::jit::Module parent =
            dot == std::string::npos ? root_ : submodule(path.substr(0, dot));
        torch::jit::Module module = make(path);
        parent.register_module(dot == std::string::npos ? path : path.substr(dot + 1), module);
        modules_.emplace(path, module);
        return module;
    }

    std::shared_ptr<torch::jit::CompilationUnit> units_;
    std::map<std::string, torch::jit::Module> modules_;
    torch::jit::Module root_;
};

}  // namespace

Result<void> write_torch_script(const std::filesystem::path& path, const ParamLayout& layout,
                                ByteView params, std::string_view script) {
    STARLING_INVARIANT(params.size() == layout.size_bytes(), "the bytes are of this layout");
    std::ostringstream archive;
    try {
        ModuleTree tree;
        for (const TensorSpec& spec : layout.tensors()) {
            torch::Tensor tensor = torch::empty(spec.shape, torch_dtype(spec.dtype));
            if (spec.size_bytes() > 0) {
                std::memcpy(tensor.data_ptr(), params.data() + spec.offset_bytes,
                            spec.size_bytes());
            }
            tree.add(spec, tensor);
        }
        tree.root().define(std::string(script));
        tree.root().eval();
        // To memory, since the archive of a file would contain the file's name.
        tree.root().save(archive);
    } catch (const std::exception& error) {
        return Error{Errc::program,
                     path.string() + ": TorchScript refused the model: " + error.what()};
    }
    const std::string bytes = archive.str();
    const std::array<ByteView, 1> parts = {std::as_bytes(std::span(bytes))};
    return replace_file(path, parts);
}

}  // namespace starling
