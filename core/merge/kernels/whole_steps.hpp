#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "core/merge/kernels/merge_kernels.hpp"

namespace starling {

/// Memory for a kernel's scratch argument.
class Scratch {
public:
    explicit Scratch(std::size_t run_count) : bytes_(scratch_bytes(run_count) + alignment) {
        void* at = bytes_.data();
        std::size_t room = bytes_.size();
        aligned_ =
            static_cast<std::byte*>(std::align(alignment, scratch_bytes(run_count), at, room));
    }
    std::byte* data() const { return aligned_; }

private:
    static constexpr std::size_t alignment = 64;
    std::vector<std::byte> bytes_;
    std::byte* aligned_ = nullptr;
};

/// Calls `kernel(runs, first, count)` for the elements of `runs` from `first` on, where `count` is
/// a multiple of kernel_elements: once for as many as there are, and once for the rest, copied to
/// other memory and followed by zeros.
template <typename Element, typename Kernel>
void in_whole_steps(std::span<const std::byte* const> runs, std::size_t count, Kernel kernel) {
    const std::size_t rest = count % kernel_elements;
    const std::size_t whole = count - rest;
    if (whole > 0) {
        kernel(runs.data(), std::size_t{0}, whole);
    }
    if (rest == 0) {
        return;
    }
    std::vector<std::array<Element, kernel_elements>> copies(runs.size());
    std::vector<const std::byte*> rows;
    for (std::size_t k = 0; k < runs.size(); ++k) {
        std::memcpy(copies[k].data(), runs[k] + whole * sizeof(Element), rest * sizeof(Element));
        rows.push_back(reinterpret_cast<const std::byte*>(copies[k].data()));
    }
    kernel(rows.data(), whole, kernel_elements);
}

/// The same for kernels that write one element for each of `runs`:
/// `kernel(runs, out, count)`.
template <typename Element, typename Kernel>
void in_whole_steps_to(std::span<const std::byte* const> runs, std::byte* out, std::size_t count,
                       Kernel kernel) {
    in_whole_steps<Element>(runs, count,
                            [&](const std::byte* const* rows, std::size_t first, std::size_t size) {
                                std::byte* const to = out + first * sizeof(Element);
                                if (first + size <= count) {
                                    kernel(rows, to, size);
                                    return;
                                }
                                std::array<Element, kernel_elements> last;
                                kernel(rows, reinterpret_cast<std::byte*>(last.data()), size);
                                std::memcpy(to, last.data(), (count - first) * sizeof(Element));
                            });
}

}  // namespace starling
