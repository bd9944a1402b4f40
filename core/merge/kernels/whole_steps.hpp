#pragma once

#include <array>
#include <cstdint>
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

/// Calls `kernel(runs, out, count)`: where results are to be written past the caches, once for the
/// elements before the first line of `out`, and once for those from there on.
template <typename Element, typename Kernel>
void from_first_line(std::span<const std::byte* const> runs, KernelOut out, std::size_t count,
                     Kernel kernel) {
    const std::size_t into_line = reinterpret_cast<std::uintptr_t>(out.bytes) % line_bytes;
    const std::size_t before = into_line == 0 ? 0 : (line_bytes - into_line) / sizeof(Element);
    if (!out.past_caches || before == 0 || before >= count) {
        return kernel(runs.data(), out, count);
    }
    kernel(runs.data(), KernelOut{out.bytes}, before);
    std::vector<const std::byte*> rest(runs.begin(), runs.end());
    for (const std::byte*& run : rest) {
        run += before * sizeof(Element);
    }
    kernel(rest.data(), KernelOut{out.bytes + before * sizeof(Element), true}, count - before);
}

/// Both, for kernels that write one element for each of `runs`: `kernel(runs, out, count)`.
template <typename Element, typename Kernel>
void in_whole_steps_to(std::span<const std::byte* const> runs, KernelOut out, std::size_t count,
                       Kernel kernel) {
    const auto merge = [&](const std::byte* const* all, KernelOut part, std::size_t part_count) {
        in_whole_steps<Element>(
            std::span(all, runs.size()), part_count,
            [&](const std::byte* const* rows, std::size_t first, std::size_t size) {
                std::byte* const to = part.bytes + first * sizeof(Element);
                if (first + size <= part_count) {
                    kernel(rows, KernelOut{to, part.past_caches}, size);
                    return;
                }
                std::array<Element, kernel_elements> last;
                kernel(rows, KernelOut{reinterpret_cast<std::byte*>(last.data())}, size);
                std::memcpy(to, last.data(), (part_count - first) * sizeof(Element));
            });
    };
    from_first_line<Element>(runs, out, count, merge);
}

}  // namespace starling
