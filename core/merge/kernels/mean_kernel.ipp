// The weighted mean in one pass. Up to group_max runs are read side by side, their sums staying in
// registers; of more runs, one group after the other is added to a block of sums in the caches. The
// processor's prefetchers follow a few long streams, so groups are small and blocks are long, and
// they don't guess which runs follow: that is asked for here, lead_bytes ahead of what is added, in
// the order of reading.

constexpr Size group_max = is_avx2 ? 8 : 4;
constexpr Size vectors_a_step = 4;
constexpr Size step_elements = vectors_a_step * lanes;
constexpr Size block_elements = 8192;
constexpr Size lead_bytes = 2048;
/// Of up to so many runs the streams just go on, and a shorter lead is enough.
constexpr Size short_lead_runs = is_avx2 ? group_max : 2;
constexpr Size short_lead_bytes = 1024;

/// What sums are divided by. A product with the inverse of a power of two is the same number.
struct Divisor {
    explicit Divisor(double total) : divisor(all(total)) {
        const auto bits = load<std::uint64_t>(&total);
        const std::uint64_t exponent = bits >> 52;
        const bool is_power = (bits & 0xfffffffffffffU) == 0 && exponent > 0 && exponent < 2045;
        inverse = all(1.0 / total);
        multiplies = is_power;
    }
    template <Size Count>
    void divide(F64 (&sums)[Count]) const {
        if (multiplies) {
            for (Size v = 0; v < Count; ++v) {
                sums[v] *= inverse;
            }
        } else {
            for (Size v = 0; v < Count; ++v) {
                sums[v] /= divisor;
            }
        }
    }

    F64 divisor;
    F64 inverse;
    bool multiplies;
};

template <typename Element>
struct MeanBlock {
    const std::byte* const* runs;  ///< of the group
    const std::byte* const* next;  ///< what is read after these
    const double* weights;         ///< of the group
    double total;
    Size begin;    ///< element of the runs
    Size size;     ///< elements, a multiple of step_elements
    Size lead;     ///< elements
    double* sums;  ///< of the groups before, room for `size`
    const Out* out;
};

/// Adds elements `begin` to `end` of the block of `Group` runs to the sums, and asks for what is at
/// `ahead`. The first group begins at 0, the last one writes the mean.
template <typename Element, Size Group, bool First, bool Last>
inline void add_steps(const MeanBlock<Element>& block, const std::byte* const* ahead, Size begin,
                      Size end) {
    F64 weights[Group];
    const std::byte* runs[Group];
    const std::byte* fetched[Group];
    for (Size g = 0; g < Group; ++g) {
        weights[g] = all(block.weights[g]);
        runs[g] = block.runs[g];
        fetched[g] = ahead[g];
    }
    const Divisor total(block.total);
    const Out out = Last ? *block.out : Out(nullptr, false);
    const Size first = block.begin;
    double* const kept = block.sums;
    for (Size i = begin; i < end; i += step_elements) {
        F64 sums[vectors_a_step];
        for (Size v = 0; v < vectors_a_step; ++v) {
            sums[v] = First ? F64{} : load<F64>(kept + i + v * lanes);
        }
        for (Size g = 0; g < Group; ++g) {
            for (Size at = 0; at < step_elements * sizeof(Element); at += line_bytes) {
                fetch_ahead(fetched[g] + i * sizeof(Element) + at);
            }
            for (Size v = 0; v < vectors_a_step; ++v) {
                sums[v] += weights[g] * read<Element>(runs[g] + (i + v * lanes) * sizeof(Element));
            }
        }
        if constexpr (Last) {
            total.divide(sums);
            write<Element>(sums, out, (first + i) * sizeof(Element));
        } else {
            for (Size v = 0; v < vectors_a_step; ++v) {
                store(sums[v], kept + i + v * lanes);
            }
        }
    }
}

template <typename Element, Size Group, bool First, bool Last>
void add_runs(const MeanBlock<Element>& block) {
    const Size lead = smaller(block.lead, block.size);
    const Size last_begin = block.size - lead;
    const std::byte* further[Group];
    const std::byte* next[Group];
    for (Size g = 0; g < Group; ++g) {
        further[g] = block.runs[g] + lead * sizeof(Element);
        next[g] = block.next[g] - last_begin * sizeof(Element);
    }
    add_steps<Element, Group, First, Last>(block, further, 0, last_begin);
    add_steps<Element, Group, First, Last>(block, next, last_begin, block.size);
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
    block.lead = (run_count <= short_lead_runs ? short_lead_bytes : lead_bytes) / sizeof(Element);
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

/// Elements `begin` to `end`, one after the other.
template <typename Element>
void mean_of_few(const std::byte* const* runs, const double* weights, Size run_count, double total,
                 std::byte* out, Size begin, Size end) {
    for (Size i = begin; i < end; ++i) {
        double sum = 0.0;
        for (Size k = 0; k < run_count; ++k) {
            sum += weights[k] * read_one<Element>(runs[k] + i * sizeof(Element));
        }
        write_one<Element>(sum / total, out + i * sizeof(Element));
    }
}

/// See ElementKernels::mean.
template <typename Element>
void mean(const std::byte* const* runs, const double* weights, Size run_count, double total,
          KernelOut to, Size count) {
    alignas(line_bytes) double sums[block_elements];
    const Out out(to.bytes, to.past_caches);
    const Size whole = count - count % step_elements;
    for (Size begin = 0; begin < whole; begin += block_elements) {
        MeanBlock<Element> block{};
        block.total = total;
        block.begin = begin;
        block.size = smaller(block_elements, whole - begin);
        block.sums = sums;
        block.out = &out;
        sum_block<Element, true>(runs, weights, run_count, block_elements, block);
    }
    out.finish();
    mean_of_few<Element>(runs, weights, run_count, total, to.bytes, whole, count);
}
