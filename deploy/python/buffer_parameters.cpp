#include "deploy/python/buffer_parameters.hpp"

#include <cstring>
#include <map>

namespace starling {

BufferParameters::BufferParameters(std::vector<TensorSpec> tensors, NodeThread& node)
    : node_(node), tensors_(std::move(tensors)) {
    if (tensors_.empty()) {
        throw SwarmError(Error{Errc::program, "SwarmCallback: the model has no parameters"});
    }
    Result<ParamLayout> layout = ParamLayout::make(tensors_);
    if (!layout) {
        throw SwarmError(Error{Errc::program, "SwarmCallback: " + layout.error().message});
    }
    layout_ = std::move(*layout);
    std::map<std::string, std::uint64_t> offsets;
    for (const TensorSpec& spec : layout_.tensors()) {
        offsets[spec.name] = spec.offset_bytes;
    }
    for (TensorSpec& spec : tensors_) {
        spec.offset_bytes = offsets.at(spec.name);
    }
}

void BufferParameters::save(std::span<std::byte> out) const {
    node_.with_buffers([&] {
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            if (const ByteView from = bytes(i); !from.empty()) {
                std::memcpy(out.data() + tensors_[i].offset_bytes, from.data(), from.size());
            }
        }
    });
}

Segments BufferParameters::save_segments() const {
    SegmentWriter out(layout_.size_bytes());
    node_.with_buffers([&] {
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            if (const ByteView from = bytes(i); !from.empty()) {
                out.put(tensors_[i].offset_bytes, from);
            }
        }
    });
    return out.take();
}

void BufferParameters::load(std::span<const Blob> segments) {
    node_.with_buffers([&] {
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            if (const TensorSpec& spec = tensors_[i]; spec.size_bytes() > 0) {
                copy_bytes(segments, spec.offset_bytes,
                           {blocks_[i], static_cast<std::size_t>(spec.size_bytes())});
            }
        }
    });
}

}  // namespace starling
