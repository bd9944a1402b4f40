// Coordinate median and trimmed mean of runs with equal weights.
//
// Up to 12 rows are sorted in registers as they come. Of up to 32, the first 8 or 16 are sorted
// into a block in the first-level cache and joined with the others there. More are sorted in
// memory.

/// (lower + upper) / 2, in binary64.
template <typename Element>
inline void write_middle(const typename KeysOf<Element>::Vector& lower,
                         const typename KeysOf<Element>::Vector& upper, const Out& out, Size at) {
    constexpr Size vectors = Values<Element>::vectors;
    const Values<Element> low(lower);
    const Values<Element> high(upper);
    F64 middles[vectors];
    middles[0] = (low.template at<0>() + high.template at<0>()) * 0.5;
    if constexpr (vectors == 2) {
        middles[1] = (low.template at<1>() + high.template at<1>()) * 0.5;
    }
    write<Element>(middles, out, at);
}

/// The elements that keys stand for.
template <typename Element>
inline void write_elements(const typename KeysOf<Element>::Vector& keys, const Out& out, Size at) {
    const typename KeysOf<Element>::Vector elements[] = {keys_of<Element>(keys)};
    out.put(elements, at);
}

/// The mean of sorted rows first to last - 1, summed in ascending order.
template <typename Element>
inline void write_mean(const std::byte* rows, Size first, Size last, const Out& out, Size at) {
    using Vector = typename KeysOf<Element>::Vector;
    constexpr Size vectors = Values<Element>::vectors;
    F64 sums[vectors] = {};
    for (Size k = first; k < last; ++k) {
        const Values<Element> values(load<Vector>(rows + k * sizeof(Vector)));
        sums[0] += values.template at<0>();
        if constexpr (vectors == 2) {
            sums[1] += values.template at<1>();
        }
    }
    const F64 count = all(static_cast<double>(last - first));
    for (Size v = 0; v < vectors; ++v) {
        sums[v] /= count;
    }
    write<Element>(sums, out, at);
}

template <typename Element>
struct Median {
    template <Size Rows>
    void finish(typename KeysOf<Element>::Vector (&rows)[Rows], const Out& out, Size at) const {
        run_network<Sort<Rows>>(rows);
        if constexpr (Rows % 2 == 1) {
            write_elements<Element>(rows[Rows / 2], out, at);
        } else {
            write_middle<Element>(rows[Rows / 2 - 1], rows[Rows / 2], out, at);
        }
    }
    /// Of a sorted column. Rows that are not there are half -NaN and half NaN, so that the middle
    /// stays where it is.
    template <Size Rows>
    void finish_padded(const typename KeysOf<Element>::Vector (&rows)[Rows], Size run_count,
                       const Out& out, Size at) const {
        if (run_count % 2 == 1) {
            write_elements<Element>(rows[Rows / 2 - 1], out, at);
        } else {
            write_middle<Element>(rows[Rows / 2 - 1], rows[Rows / 2], out, at);
        }
    }
    bool is_low(Size missing, Size missing_count) const { return missing < missing_count / 2; }
    void finish_sorted(const std::byte* rows, Size run_count, const Out& out, Size at) const {
        using Vector = typename KeysOf<Element>::Vector;
        write_middle<Element>(load<Vector>(rows + (run_count - 1) / 2 * sizeof(Vector)),
                              load<Vector>(rows + run_count / 2 * sizeof(Vector)), out, at);
    }
};

template <typename Element>
struct TrimmedMean {
    Size trim;  ///< rows at each end that do not count

    template <Size Rows>
    void finish(typename KeysOf<Element>::Vector (&rows)[Rows], const Out& out, Size at) const {
        run_network<Sort<Rows>>(rows);
        write_mean<Element>(reinterpret_cast<const std::byte*>(rows), trim, Rows - trim, out, at);
    }
    template <Size Rows>
    void finish_padded(const typename KeysOf<Element>::Vector (&rows)[Rows], Size run_count,
                       const Out& out, Size at) const {
        finish_sorted(reinterpret_cast<const std::byte*>(rows), run_count, out, at);
    }
    bool is_low(Size, Size) const { return false; }  // missing rows are the last ones
    void finish_sorted(const std::byte* rows, Size run_count, const Out& out, Size at) const {
        write_mean<Element>(rows, trim, run_count - trim, out, at);
    }
};

constexpr Size few = 12;  ///< runs that are sorted in one go
/// How far ahead runs are asked for that are read side by side.
constexpr Size near_bytes = is_avx2 ? 1024 : 256;

template <typename Element, typename Rule, Size Rows>
__attribute__((flatten)) void order_few(const std::byte* const* runs, const Rule& rule, Out out,
                                        Size bytes) {
    const std::byte* own[Rows];
    for (Size k = 0; k < Rows; ++k) {
        own[k] = runs[k];
    }
    for (Size line = 0; line < bytes; line += line_bytes) {
        for (Size k = 0; k < Rows; ++k) {
            fetch_ahead(own[k] + line + near_bytes);
        }
        for (Size at = line; at < line + line_bytes; at += STARLING_VECTOR_BYTES) {
            typename KeysOf<Element>::Vector rows[Rows];
            for (Size k = 0; k < Rows; ++k) {
                rows[k] = load_keys<Element>(own[k] + at);
            }
            rule.finish(rows, out, at);
        }
    }
}

template <typename Element, typename Rule>
void order_many(const std::byte* const* runs, Size run_count, const Rule& rule, std::byte* scratch,
                const Out& out, Size bytes) {
    using Vector = typename KeysOf<Element>::Vector;
    ExchangeRows<Vector> exchange{scratch};
    for (Size at = 0; at < bytes; at += sizeof(Vector)) {
        for (Size k = 0; k < run_count; ++k) {
            fetch_ahead(runs[k] + at + near_bytes);
            store(load_keys<Element>(runs[k] + at), scratch + k * sizeof(Vector));
        }
        merge_exchange(run_count, exchange);
        rule.finish_sorted(scratch, run_count, out, at);
    }
}

template <typename Element, typename Rule, Size... Fewer>
void order_few(const std::byte* const* runs, Size run_count, const Rule& rule, const Out& out,
               Size bytes, std::index_sequence<Fewer...>) {
    using Function = void (*)(const std::byte* const*, const Rule&, Out, Size);
    constexpr Function functions[] = {order_few<Element, Rule, Fewer + 1>...};
    functions[run_count - 1](runs, rule, out, bytes);
}

template <typename Element, typename Rule>
void order(const std::byte* const* runs, Size run_count, const Rule& rule, std::byte* scratch,
           const Out& out, Size count) {
    const Size bytes = count * sizeof(Element);
    if (run_count <= few) {
        order_few<Element>(runs, run_count, rule, out, bytes, std::make_index_sequence<few>{});
    } else if (run_count <= 16) {
        order_halves<Element, 8>(runs, run_count, rule, out, bytes);
    } else if (run_count <= 32) {
        order_halves<Element, 16>(runs, run_count, rule, out, bytes);
    } else {
        order_many<Element>(runs, run_count, rule, scratch, out, bytes);
    }
}
