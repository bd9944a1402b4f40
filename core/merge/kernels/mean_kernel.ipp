// The weighted mean in one pass. Up to group_max runs are read side by side, their sums staying in
// registers; of more runs, one group after the other is added to a block of sums in the first-level
// cache. What the next group needs of the block is asked for while this one is added: a processor
// does not guess that it will change to other runs.

constexpr Size group_max = 8;
constexpr Size vectors_a_step = 4;
constexpr Size step_elements = vectors_a_step * lanes;
constexpr Size block_elements = 4096;

template <typename Element>
struct MeanBlock {
    const std::byte* const* runs;  ///< of the group
    const std::byte* const* next;  ///< what is read after these, as far ahead
    const double* weights;         ///< of the group
    double total;
    Size begin;    ///< element of the runs
    Size size;     ///< elements, a multiple of step_elements
    double* sums;  ///< of the groups before, room for `size`
    std::byte* out;
};

/// Adds `Group` runs to the sums; the first group begins at 0, the last one writes the mean.
template <typename Element, Size Group, bool First, bool Last>
void add_runs(const MeanBlock<Element>& block) {
    F64 weights[Group];
    const std::byte* runs[Group];
    const std::byte* next[Group];
    for (Size g = 0; g < Group; ++g) {
        weights[g] = all(block.weights[g]);
        runs[g] = block.runs[g];
        next[g] = block.next[g];
    }
    const F64 total = all(block.total);
    std::byte* const out = block.out;
    for (Size i = 0; i < block.size; i += step_elements) {
        F64 sums[vectors_a_step];
        for (Size v = 0; v < vectors_a_step; ++v) {
            sums[v] = First ? F64{} : load<F64>(block.sums + i + v * lanes);
        }
        for (Size g = 0; g < Group; ++g) {
            for (Size at = 0; at < step_elements * sizeof(Element); at += line_bytes) {
                fetch_far_ahead(next[g] + i * sizeof(Element) + at);
            }
            for (Size v = 0; v < vectors_a_step; ++v) {
                sums[v] += weights[g] * read<Element>(runs[g] + (i + v * lanes) * sizeof(Element));
            }
        }
        for (Size v = 0; v < vectors_a_step; ++v) {
            if constexpr (Last) {
                write<Element>(sums[v] / total, out + (i + v * lanes) * sizeof(Element));
            } else {
                store(sums[v], block.sums + i + v * lanes);
            }
        }
    }
}

/// By the size of the group, 1 to group_max.
template <typename Element, bool First, bool Last, Size... Smaller>
void add_group(const MeanBlock<Element>& block, Size group, std::index_sequence<Smaller...>) {
    using Function = void (*)(const MeanBlock<Element>&);
    constexpr Function functions[] = {add_runs<Element, Smaller + 1, First, Last>...};
    functions[group - 1](block);
}

/// \param stride  elements from this block to the next
/// With Rounded the mean is written, else the sums are left in block.sums.
template <typename Element, bool Rounded>
void sum_block(const std::byte* const* runs, const double* weights, Size run_count, Size stride,
               MeanBlock<Element> block) {
    constexpr auto sizes = std::make_index_sequence<group_max>{};
    const std::byte* here[group_max] = {};
    const std::byte* next[group_max] = {};
    block.runs = here;
    block.next = next;
    for (Size k = 0; k < run_count; k += group_max) {
        const Size group = smaller(run_count - k, group_max);
        const bool first = k == 0;
        const bool last = Rounded && k + group == run_count;
        for (Size g = 0; g < group; ++g) {
            here[g] = runs[k + g] + block.begin * sizeof(Element);
            // After the last group comes the next block of the first one.
            const bool wraps = k + group_max + g >= run_count;
            const Size other = wraps ? g : k + group_max + g;
            const Size at = block.begin + (wraps ? stride : 0);
            next[g] = runs[other] + at * sizeof(Element);
        }
        block.weights = weights + k;
        if (first && last) {
            add_group<Element, true, Rounded>(block, group, sizes);
        } else if (first) {
            add_group<Element, true, false>(block, group, sizes);
        } else if (last) {
            add_group<Element, false, Rounded>(block, group, sizes);
        } else {
            add_group<Element, false, false>(block, group, sizes);
        }
    }
}

/// See ElementKernels::mean.
template <typename Element>
void mean(const std::byte* const* runs, const double* weights, Size run_count, double total,
          std::byte* out, Size count) {
    alignas(line_bytes) double sums[block_elements];
    const Size whole = count - count % step_elements;
    for (Size begin = 0; begin < whole; begin += block_elements) {
        MeanBlock<Element> block{};
        block.total = total;
        block.begin = begin;
        block.size = smaller(block_elements, whole - begin);
        block.sums = sums;
        block.out = out + begin * sizeof(Element);
        sum_block<Element, true>(runs, weights, run_count, block_elements, block);
    }
    for (Size i = whole; i < count; ++i) {
        double sum = 0.0;
        for (Size k = 0; k < run_count; ++k) {
            sum += weights[k] * read_one<Element>(runs[k] + i * sizeof(Element));
        }
        write_one<Element>(sum / total, out + i * sizeof(Element));
    }
}
