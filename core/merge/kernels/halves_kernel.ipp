// Sorts more runs than registers hold, and than the processor's prefetchers follow: one half into a
// block in the first-level cache, and the other joined with it.

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
/// \tparam Source  HalfOfRuns or CopiedHalf; of the latter, `sorted` may be its own rows
template <typename Element, bool Full, typename Source, typename Vector, Size Half>
void sort_half(const Source& half, Size begin, Size end, SortedHalf<Vector, Half>& sorted) {
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
template <typename Element, bool Full, typename Source, typename Vector, Size Half, typename Rule>
void join_half(const Source& half, Size own, Size begin, Size end,
               const SortedHalf<Vector, Half>& sorted, const Rule& rule, const Out& out) {
    for (Size at = begin; at < end; at += sizeof(Vector)) {
        Vector high[Half];
        each_row<Half>([&](Size k) __attribute__((always_inline)) {
            half.template fetch<true>(k, at);
            high[k] = Full || k < own                    ? half.keys(k, at)
                      : rule.is_low(k - own, Half - own) ? Vector{} - KeysOf<Element>::largest - 1
                                                         : Vector{} + KeysOf<Element>::largest;
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

/// Like HalfOfRuns, with the keys of a block copied into the first-level cache, one run after the
/// other.
template <typename Element, Size Half>
struct CopiedHalf {
    using Vector = typename KeysOf<Element>::Vector;

    void copy(const std::byte* const* runs, Size run_count, Size from, Size to) {
        begin = from;
        for (Size k = 0; k < run_count; ++k) {
            for (Size at = from; at < to; at += sizeof(Vector)) {
                if (at % line_bytes == 0) {
                    fetch_ahead(runs[k] + at + lead_bytes);
                }
                rows.set(k, at - from, load_keys<Element>(runs[k] + at));
            }
        }
    }
    Vector keys(Size run, Size at) const { return rows.get(run, at - begin); }
    template <bool All>
    void fetch(Size /*run*/, Size /*at*/) const {}  // by copy()

    Size begin;  ///< of the block in the runs
    SortedHalf<Vector, Half> rows;
};

/// For vectors that are shorter than a line: runs that begin at the same place of a page share a
/// few places in the first-level cache, so side by side each would lose its line before the next
/// step.
template <typename Element, Size Half, bool Full, typename Rule>
__attribute__((flatten)) void order_copied_halves(const std::byte* const* runs, Size run_count,
                                                  const Rule& rule, const Out& out, Size bytes) {
    constexpr Size block = SortedHalf<typename KeysOf<Element>::Vector, Half>::block;
    CopiedHalf<Element, Half> first;
    CopiedHalf<Element, Half> second;
    const Size others = Full ? Half : run_count - Half;
    for (Size begin = 0; begin < bytes; begin += block) {
        const Size end = begin + smaller(block, bytes - begin);
        first.copy(runs, Half, begin, end);
        sort_half<Element, Full>(first, begin, end, first.rows);
        second.copy(runs + Half, others, begin, end);
        join_half<Element, Full>(second, others, begin, end, first.rows, rule, out);
    }
}

/// More than Half runs, up to twice as many.
template <typename Element, Size Half, typename Rule>
void order_halves(const std::byte* const* runs, Size run_count, const Rule& rule, const Out& out,
                  Size bytes) {
    if constexpr (Half > 8 && STARLING_VECTOR_BYTES < line_bytes) {
        if (run_count == 2 * Half) {
            order_copied_halves<Element, Half, true>(runs, run_count, rule, out, bytes);
        } else {
            order_copied_halves<Element, Half, false>(runs, run_count, rule, out, bytes);
        }
    } else if (run_count == 2 * Half) {
        order_halves<Element, Half, true>(runs, run_count, rule, out, bytes);
    } else {
        order_halves<Element, Half, false>(runs, run_count, rule, out, bytes);
    }
}
