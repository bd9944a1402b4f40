// Coordinate median and trimmed mean of runs with equal weights. Elements are compared as integers
// that have the order of IEEE 754's totalOrder: -NaN < -infinity < ... < -0 < +0 < ... < infinity
// < NaN. So a NaN is an extreme value like others, and the order of equal numbers can't matter.
//
// Up to 16 rows are sorted in registers as they come. Of up to 32, the first 16 are sorted into a
// block in the first-level cache and joined with the others there. More are sorted in memory.

using I32 = std::int32_t __attribute__((vector_size(STARLING_VECTOR_BYTES)));
using I64 = std::int64_t __attribute__((vector_size(STARLING_VECTOR_BYTES)));

template <typename Element>
struct KeysOf;
template <>
struct KeysOf<float> {
    using Vector = I32;
    static constexpr Size size = STARLING_VECTOR_BYTES / sizeof(float);
    static constexpr std::int32_t largest = 0x7fffffff;
    static constexpr int sign_shift = 31;
};
template <>
struct KeysOf<double> {
    using Vector = I64;
    static constexpr Size size = STARLING_VECTOR_BYTES / sizeof(double);
    static constexpr std::int64_t largest = 0x7fffffffffffffff;
    static constexpr int sign_shift = 63;
};

/// From bits to keys; the same function leads back.
template <typename Element>
inline typename KeysOf<Element>::Vector keys_of(const typename KeysOf<Element>::Vector& bits) {
    return bits ^ ((bits >> KeysOf<Element>::sign_shift) & KeysOf<Element>::largest);
}

/// Elements that keys stand for, for reading them as doubles.
template <typename Element>
struct Values {
    using Keys = KeysOf<Element>;
    explicit Values(const typename Keys::Vector& keys) { store(keys_of<Element>(keys), bytes); }
    F64 at(Size vector) const { return read<Element>(bytes + vector * lanes * sizeof(Element)); }

    static constexpr Size vectors = Keys::size / lanes;
    alignas(STARLING_VECTOR_BYTES) std::byte bytes[STARLING_VECTOR_BYTES];
};

/// (lower + upper) / 2, in binary64.
template <typename Element>
inline void write_middle(const typename KeysOf<Element>::Vector& lower,
                         const typename KeysOf<Element>::Vector& upper, std::byte* out) {
    const Values<Element> low(lower);
    const Values<Element> high(upper);
    for (Size v = 0; v < Values<Element>::vectors; ++v) {
        write<Element>((low.at(v) + high.at(v)) * 0.5, out + v * lanes * sizeof(Element));
    }
}

/// The mean of sorted rows first to last - 1, summed in ascending order.
template <typename Element>
inline void write_mean(const std::byte* rows, Size first, Size last, std::byte* out) {
    using Vector = typename KeysOf<Element>::Vector;
    F64 sums[Values<Element>::vectors] = {};
    for (Size k = first; k < last; ++k) {
        const Values<Element> values(load<Vector>(rows + k * sizeof(Vector)));
        for (Size v = 0; v < Values<Element>::vectors; ++v) {
            sums[v] += values.at(v);
        }
    }
    const F64 count = all(static_cast<double>(last - first));
    for (Size v = 0; v < Values<Element>::vectors; ++v) {
        write<Element>(sums[v] / count, out + v * lanes * sizeof(Element));
    }
}

template <typename Element>
struct Median {
    template <Size Rows>
    void finish(typename KeysOf<Element>::Vector (&rows)[Rows], std::byte* out) const {
        run_network<Sort<Rows>>(rows);
        if constexpr (Rows % 2 == 1) {
            store(keys_of<Element>(rows[Rows / 2]), out);
        } else {
            write_middle<Element>(rows[Rows / 2 - 1], rows[Rows / 2], out);
        }
    }
    /// Of two sorted halves of 32 rows: the 16 smallest are the smaller ones of the first half
    /// ascending and the second descending. Rows that are not there are half -NaN and half NaN, so
    /// that the middle stays where it is.
    void join(const typename KeysOf<Element>::Vector (&low)[16],
              const typename KeysOf<Element>::Vector (&high)[16], Size run_count,
              std::byte* out) const {
        auto lower = min_of(low[0], high[15]);
        auto upper = max_of(low[0], high[15]);
        for (Size i = 1; i < 16; ++i) {
            lower = max_of(lower, min_of(low[i], high[15 - i]));
            upper = min_of(upper, max_of(low[i], high[15 - i]));
        }
        if (run_count % 2 == 1) {
            store(keys_of<Element>(lower), out);
        } else {
            write_middle<Element>(lower, upper, out);
        }
    }
    bool is_low(Size missing, Size missing_count) const { return missing < missing_count / 2; }
    void finish_sorted(const std::byte* rows, Size run_count, std::byte* out) const {
        using Vector = typename KeysOf<Element>::Vector;
        write_middle<Element>(load<Vector>(rows + (run_count - 1) / 2 * sizeof(Vector)),
                              load<Vector>(rows + run_count / 2 * sizeof(Vector)), out);
    }
};

template <typename Element>
struct TrimmedMean {
    Size trim;  ///< rows at each end that do not count

    template <Size Rows>
    void finish(typename KeysOf<Element>::Vector (&rows)[Rows], std::byte* out) const {
        run_network<Sort<Rows>>(rows);
        write_mean<Element>(reinterpret_cast<const std::byte*>(rows), trim, Rows - trim, out);
    }
    void join(const typename KeysOf<Element>::Vector (&low)[16],
              const typename KeysOf<Element>::Vector (&high)[16], Size run_count,
              std::byte* out) const {
        typename KeysOf<Element>::Vector rows[32];
        for (Size i = 0; i < 16; ++i) {
            rows[i] = low[i];
            rows[16 + i] = high[i];
        }
        run_network<MergeHalves<32>>(rows);
        finish_sorted(reinterpret_cast<const std::byte*>(rows), run_count, out);
    }
    bool is_low(Size, Size) const { return false; }  // missing rows are the last ones
    void finish_sorted(const std::byte* rows, Size run_count, std::byte* out) const {
        write_mean<Element>(rows, trim, run_count - trim, out);
    }
};

constexpr Size near_bytes = 256;  ///< how far ahead runs are asked for that are read side by side

template <typename Element>
inline typename KeysOf<Element>::Vector load_keys(const std::byte* from) {
    return keys_of<Element>(load<typename KeysOf<Element>::Vector>(from));
}

template <typename Element, typename Rule, Size Rows>
void order_few(const std::byte* const* runs, const Rule& rule, std::byte* out, Size bytes) {
    const std::byte* own[Rows];
    for (Size k = 0; k < Rows; ++k) {
        own[k] = runs[k];
    }
    for (Size at = 0; at < bytes; at += STARLING_VECTOR_BYTES) {
        typename KeysOf<Element>::Vector rows[Rows];
        for (Size k = 0; k < Rows; ++k) {
            fetch_ahead(own[k] + at + near_bytes);
            rows[k] = load_keys<Element>(own[k] + at);
        }
        rule.finish(rows, out + at);
    }
}

/// Keys of 16 runs, and asks for what is read next of them: further on in this block, or the
/// beginning of that of the other runs.
template <typename Element>
struct SixteenRuns {
    using Vector = typename KeysOf<Element>::Vector;
    const std::byte* const* runs;
    const std::byte* const* others;
    Size run_count;     ///< at most 16
    Size other_count;   ///< at most 16
    Size others_begin;  ///< in bytes
    Size end;           ///< of this block

    Vector keys(Size run, Size at) const { return load_keys<Element>(runs[run] + at); }
    void fetch(Size at) const {
        const Size ahead = at + near_bytes;
        if (ahead < end) {
            for (Size k = 0; k < run_count; ++k) {
                fetch_ahead(runs[k] + ahead);
            }
        } else {
            for (Size k = 0; k < other_count; ++k) {
                fetch_ahead(others[k] + others_begin + (ahead - end));
            }
        }
    }
};

template <typename Element, typename Rule>
void order_up_to_32(const std::byte* const* runs, Size run_count, const Rule& rule, std::byte* out,
                    Size bytes) {
    using Vector = typename KeysOf<Element>::Vector;
    constexpr Size block = 1024;
    alignas(line_bytes) std::byte sorted[16][block + line_bytes];
    const Size others = run_count - 16;
    for (Size begin = 0; begin < bytes; begin += block) {
        const Size end = begin + smaller(block, bytes - begin);
        const SixteenRuns<Element> first{runs, runs + 16, 16, others, begin, end};
        for (Size at = begin; at < end; at += sizeof(Vector)) {
            Vector rows[16];
            first.fetch(at);
            for (Size k = 0; k < 16; ++k) {
                rows[k] = first.keys(k, at);
            }
            run_network<Sort<16>>(rows);
            for (Size k = 0; k < 16; ++k) {
                store(rows[k], sorted[k] + (at - begin));
            }
        }
        const SixteenRuns<Element> second{runs + 16, runs, others, 16, end, end};
        for (Size at = begin; at < end; at += sizeof(Vector)) {
            Vector low[16];
            Vector rows[16];
            second.fetch(at);
            for (Size k = 0; k < 16; ++k) {
                rows[k] = k < others ? second.keys(k, at)
                          : rule.is_low(k - others, 16 - others)
                              ? Vector{} - KeysOf<Element>::largest - 1
                              : Vector{} + KeysOf<Element>::largest;
            }
            run_network<Sort<16>>(rows);
            for (Size k = 0; k < 16; ++k) {
                low[k] = load<Vector>(sorted[k] + (at - begin));
            }
            rule.join(low, rows, run_count, out + at);
        }
    }
}

template <typename Element, typename Rule>
void order_many(const std::byte* const* runs, Size run_count, const Rule& rule, std::byte* scratch,
                std::byte* out, Size bytes) {
    using Vector = typename KeysOf<Element>::Vector;
    ExchangeRows<Vector> exchange{scratch};
    for (Size at = 0; at < bytes; at += sizeof(Vector)) {
        for (Size k = 0; k < run_count; ++k) {
            fetch_ahead(runs[k] + at + near_bytes);
            store(load_keys<Element>(runs[k] + at), scratch + k * sizeof(Vector));
        }
        merge_exchange(run_count, exchange);
        rule.finish_sorted(scratch, run_count, out + at);
    }
}

template <typename Element, typename Rule, Size... Fewer>
void order_few(const std::byte* const* runs, Size run_count, const Rule& rule, std::byte* out,
               Size bytes, std::index_sequence<Fewer...>) {
    using Function = void (*)(const std::byte* const*, const Rule&, std::byte*, Size);
    constexpr Function functions[] = {order_few<Element, Rule, Fewer + 1>...};
    functions[run_count - 1](runs, rule, out, bytes);
}

template <typename Element, typename Rule>
void order(const std::byte* const* runs, Size run_count, const Rule& rule, std::byte* scratch,
           std::byte* out, Size count) {
    const Size bytes = count * sizeof(Element);
    if (run_count <= 16) {
        order_few<Element>(runs, run_count, rule, out, bytes, std::make_index_sequence<16>{});
    } else if (run_count <= 32) {
        order_up_to_32<Element>(runs, run_count, rule, out, bytes);
    } else {
        order_many<Element>(runs, run_count, rule, scratch, out, bytes);
    }
}
