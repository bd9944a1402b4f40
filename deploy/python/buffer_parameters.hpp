#pragma once

#include <string>
#include <vector>

#include "core/ml/swarm.hpp"
#include "deploy/python/node_thread.hpp"

namespace starling {

/// Parameters in memory that Python owns: one block for each tensor, contiguous and row-major. The
/// blocks are set before each sync, and stay until its step is over or given up.
class BufferParameters final : public ModelParameters {
public:
    /// SwarmError (program): no tensor, a name twice, a shape out of bounds.
    /// \param tensors  in Python's order; their offsets are set here.
    BufferParameters(std::vector<TensorSpec> tensors, NodeThread& node);

    const ParamLayout& layout() const override { return layout_; }
    void save(std::span<std::byte> out) const override;
    Segments save_segments() const override;
    void load(std::span<const Blob> segments) override;

    const std::vector<TensorSpec>& tensors() const { return tensors_; }  ///< in Python's order
    /// \param blocks  one for each of tensors(), of its size.
    void set_blocks(std::vector<std::byte*> blocks) { blocks_ = std::move(blocks); }

private:
    ByteView bytes(std::size_t tensor) const {
        return {blocks_[tensor], static_cast<std::size_t>(tensors_[tensor].size_bytes())};
    }

    NodeThread& node_;
    ParamLayout layout_;
    std::vector<TensorSpec> tensors_;
    std::vector<std::byte*> blocks_;
};

}  // namespace starling
