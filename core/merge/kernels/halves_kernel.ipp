// Sorts more runs than registers hold, and than the processor's prefetchers follow: one half into a
// block in the first-level cache, and the other joined with it. Where vectors are shorter than
// a line, only 13 to 15 runs are sorted this way.

/// Columns of the first half of the runs, sorted, in the first-level cache.
template <typename Vector, Size Half>
struct SortedHalf {
    static constexpr Size block = 8192 / Half;  ///< bytes of each run

    Vector get(Size row, Size at) const { return load<Vector>(rows[row] + at); }
    void set(Size row, Size at, const Vector& value) { store(value, rows[row] + at); }

    alignas(line_bytes) std::byte rows[Half][block + line_bytes];
};

/// Both halves of a column, sorted by themselves, become one sorted column.
template <typename Vector, Size Half>
inline void join(const SortedHalf<Vector, Half>& low, Size low_at, const Vector (&high)[Half],
                 Vector (&rows)[2 * Half]) {
    each_row<Half>([&](Size k) __attribute__((always_inline)) {
        rows[k] = low.get(k, low_at);
        rows[Half + k] = high[k];
    });
    run_network<MergeHalves<2 * Half>>(rows);
}

/// Half of the runs, or fewer. Where a column of them is read, the column that the other half will
/// need a block later is asked for: sorting both halves is as much work, so it comes in time.
template <typename Element>
struct HalfOfRuns {
    const std::byte* const* runs;
    const std::byte* const* others;
    Size other_count;
    Size ahead;  ///< bytes from a column of these to that of the others which is read a block later

    typename KeysOf<Element>::Vector keys(Size run, Size at) const {
        return load_keys<Element>(runs[run] + at);
    }
    template <bool All>
    void fetch(Size run, Size at) const {
        if (All || run < other_count) {
            fetch_ahead(others[run] + ahead + at);
        }
    }
};

/// \tparam Full    whether the other half has as many runs
template <typename Element, bool Full, typename Vector, Size Half>
void sort_half(const HalfOfRuns<Element>& half, Size begin, Size end,
               SortedHalf<Vector, Half>& sorted) {
    for (Size at = begin; at < end; at += sizeof(Vector)) {
        Vector rows[Half];
        each_row<Half>([&](Size k) __attribute__((always_inline)) {
            half.template fetch<Full>(k, at);
            rows[k] = half.keys(k, at);
        });
        run_network<Sort<Half>>(rows);
        each_row<Half>([&](Size k)
                           __attribute__((always_inline)) { sorted.set(k, at - begin, rows[k]); });
    }
}

/// \param own  runs of this half; the rule says what the missing ones hold
template <typename Element, bool Full, typename Vector, Size Half, typename Rule>
void join_half(const HalfOfRuns<Element>& half, Size own, Size begin, Size end,
               const SortedHalf<Vector, Half>& sorted, const Rule& rule, const Out& out) {
    for (Size at = begin; at < end; at += sizeof(Vector)) {
        Vector high[Half];
        each_row<Half>([&](Size k) __attribute__((always_inline)) {
            half.template fetch<true>(k, at);
            high[k] = Full || k < own ? half.keys(k, at)
                                      : missing_key<Element>(rule.is_low(k - own, Half - own));
        });
        run_network<Sort<Half>>(high);
        Vector rows[2 * Half];
        join(sorted, at - begin, high, rows);
        const Vector results[] = {rule.of_padded(rows, Half + own)};
        out.put(results, at);
    }
}

template <typename Element, Size Half, bool Full, typename Rule>
__attribute__((flatten)) void order_halves(const std::byte* const* runs, Size run_count,
                                           const Rule& rule, const Out& out, Size bytes) {
    using Sorted = SortedHalf<typename KeysOf<Element>::Vector, Half>;
    Sorted sorted;
    const Size others = Full ? Half : run_count - Half;
    const HalfOfRuns<Element> first{runs, runs + Half, others, 0};
    const HalfOfRuns<Element> second{runs + Half, runs, Half, Sorted::block};
    for (Size begin = 0; begin < bytes; begin += Sorted::block) {
        const Size end = begin + smaller(Sorted::block, bytes - begin);
        sort_half<Element, Full>(first, begin, end, sorted);
        join_half<Element, Full>(second, others, begin, end, sorted, rule, out);
    }
}

/// More than Half runs, up to twice as many.
template <typename Element, Size Half, typename Rule>
void order_halves(const std::byte* const* runs, Size run_count, const Rule& rule, const Out& out,
                  Size bytes) {
    if (run_count == 2 * Half) {
        if constexpr (STARLING_VECTOR_BYTES < line_bytes) {
            order_lines<Element, Half, true>(runs, run_count, rule, out, bytes);
        } else {
            order_halves<Element, Half, true>(runs, run_count, rule, out, bytes);
        }
    } else if constexpr (Half > 8 && STARLING_VECTOR_BYTES < line_bytes) {
        order_lines<Element, Half, false>(runs, run_count, rule, out, bytes);
    } else {
        order_halves<Element, Half, false>(runs, run_count, rule, out, bytes);
    }
}
