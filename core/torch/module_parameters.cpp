#include "core/torch/module_parameters.hpp"

#include <cstring>
#include <map>
#include <optional>

namespace starling {
namespace {

std::optional<DType> dtype_of(const torch::Tensor& tensor) {
    switch (tensor.scalar_type()) {
        case torch::kFloat32:
            return DType::f32;
        case torch::kFloat64:
            return DType::f64;
        case torch::kFloat16:
            return DType::f16;
        case torch::kBFloat16:
            return DType::bf16;
        case torch::kInt8:
            return DType::i8;
        case torch::kUInt8:
            return DType::u8;
        case torch::kInt16:
            return DType::i16;
        case torch::kInt32:
            return DType::i32;
        case torch::kInt64:
            return DType::i64;
        default:
            return std::nullopt;
    }
}

/// Whether its bytes are those of the layout: contiguous, row-major, in CPU memory.
bool is_plain(const torch::Tensor& tensor) {
    return tensor.device().is_cpu() && tensor.is_contiguous();
}

class ModuleParameters final : public ModelParameters {
public:
    ModuleParameters(std::map<std::string, torch::Tensor> tensors, ParamLayout layout)
        : layout_(std::move(layout)) {
        for (const TensorSpec& spec : layout_.tensors()) {
            tensors_.push_back(tensors.at(spec.name));
        }
    }

    const ParamLayout& layout() const override { return layout_; }

    void save(std::span<std::byte> out) const override {
        STARLING_INVARIANT(out.size() == layout_.size_bytes(),
                           "the buffer is made for this layout");
        for_each_tensor([&](std::uint64_t offset, ByteView bytes) {
            std::memcpy(out.data() + offset, bytes.data(), bytes.size());
        });
    }

    Segments save_segments() const override {
        SegmentWriter out(layout_.size_bytes());
        for_each_tensor([&](std::uint64_t offset, ByteView bytes) { out.put(offset, bytes); });
        return out.take();
    }

    void load(std::span<const Blob> segments) override {
        STARLING_INVARIANT(is_whole(segments, layout_.size_bytes()),
                           "the segments are of this layout");
        const torch::NoGradGuard no_gradient;
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            const TensorSpec& spec = layout_.tensors()[i];
            if (spec.size_bytes() == 0) {
                continue;
            }
            const torch::Tensor tensor = tensors_[i].detach();
            torch::Tensor plain =
                is_plain(tensor)
                    ? tensor
                    : torch::empty(tensor.sizes(), tensor.options().device(torch::kCPU));
            copy_bytes(segments, spec.offset_bytes,
                       {static_cast<std::byte*>(plain.data_ptr()), spec.size_bytes()});
            if (!tensor.is_same(plain)) {
                tensor.copy_(plain);
            }
        }
    }

private:
    /// Calls `use` with each tensor's place in the parameter vector and its bytes.
    template <typename Use>
    void for_each_tensor(const Use& use) const {
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            const TensorSpec& spec = layout_.tensors()[i];
            if (spec.size_bytes() == 0) {
                continue;
            }
            torch::Tensor tensor = tensors_[i].detach();
            if (!is_plain(tensor)) {
                tensor = tensor.cpu().contiguous();
            }
            use(spec.offset_bytes,
                ByteView(static_cast<const std::byte*>(tensor.data_ptr()), spec.size_bytes()));
        }
    }

    ParamLayout layout_;
    std::vector<torch::Tensor> tensors_;  // in the layout's order, which is not the module's
};

}  // namespace

std::unique_ptr<ModelParameters> parameters_of(torch::nn::Module& module) {
    std::map<std::string, torch::Tensor> tensors;
    std::vector<TensorSpec> specs;
    const auto add = [&](const std::string& name, const torch::Tensor& tensor) {
        const std::optional<DType> dtype = dtype_of(tensor);
        if (!dtype) {
            throw SwarmError(Error{Errc::program, "model: tensor '" + name + "' has type " +
                                                      std::string(tensor.dtype().name()) +
                                                      ", which can't be merged"});
        }
        tensors[name] = tensor;
        specs.push_back({name, *dtype, tensor.sizes().vec()});
    };
    for (const auto& item : module.named_parameters()) {
        add(item.key(), item.value());
    }
    for (const auto& item : module.named_buffers()) {
        add(item.key(), item.value());
    }
    if (specs.empty()) {
        throw SwarmError(Error{Errc::program, "model: it has no parameters"});
    }
    Result<ParamLayout> layout = ParamLayout::make(std::move(specs));
    if (!layout) {
        throw SwarmError(layout.error());
    }
    return std::make_unique<ModuleParameters>(std::move(tensors), std::move(*layout));
}

}  // namespace starling
