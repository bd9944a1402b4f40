// Sorts more runs than registers hold, a line of each at a time, for vectors that are shorter than
// a line. Runs that begin at the same place of a page share 8 places in the first-level cache, so
// the next runs push a line out: all of it is used at once. No block of sorted rows is needed, and
// the runs are long streams, side by side.

constexpr Size vectors_a_line = line_bytes / STARLING_VECTOR_BYTES;

/// How far ahead runs are asked for.
template <Size Half>
constexpr Size line_lead = Half == 8 ? 1024 : 512;

/// Four vectors without a loop would be too many instructions for the processor's caches of them.
template <typename Use>
inline __attribute__((always_inline)) void each_vector(const Use& use) {
    if constexpr (vectors_a_line == 2) {
        each_row<2>(use);
    } else {
        for (Size v = 0; v < vectors_a_line; ++v) {
            use(v);
        }
    }
}

/// Half of the runs, or fewer: the rule says what the missing ones hold.
template <typename Element, Size Half, bool Full, typename Rule>
struct LinesOfRuns {
    using Vector = typename KeysOf<Element>::Vector;

    LinesOfRuns(const std::byte* const* all, Size run_count, const Rule& rule) {
        for (Size v = 0; v < vectors_a_line; ++v) {
            lowest[v] = keys_of<Element>(missing_key<Element>(true));
            highest[v] = keys_of<Element>(missing_key<Element>(false));
        }
        for (Size k = 0; k < Half; ++k) {
            const bool is_there = k < run_count;
            const bool is_low = !is_there && rule.is_low(k - run_count, Half - run_count);
            const Vector* const missing = is_low ? lowest : highest;
            runs[k] = is_there ? all[k] : reinterpret_cast<const std::byte*>(missing);
            line_mask[k] = is_there ? ~Size{0} : 0;
        }
    }
    LinesOfRuns(const LinesOfRuns&) = delete;
    LinesOfRuns& operator=(const LinesOfRuns&) = delete;

    /// Calls use(vector of the line, sorted rows) for each vector.
    template <typename Use>
    inline __attribute__((always_inline)) void sort(Size line, const Use& use) const {
        if constexpr (Half == 8) {
            sort_eight<0>(line, use);
        } else {
            alignas(line_bytes) Vector low[vectors_a_line][8];
            sort_eight<0>(
                line, [&](Size v, const Vector(&rows)[8]) __attribute__((always_inline)) {
                    each_row<8>([&](Size k)
                                    __attribute__((always_inline)) { low[v][k] = rows[k]; });
                });
            sort_eight<8>(
                line, [&](Size v, const Vector(&rows)[8]) __attribute__((always_inline)) {
                    Vector all[16];
                    each_row<8>([&](Size k) __attribute__((always_inline)) {
                        all[k] = low[v][k];
                        all[8 + k] = rows[k];
                    });
                    run_network<MergeHalves<16>>(all);
                    use(v, all);
                });
        }
    }

private:
    template <Size First, typename Use>
    inline __attribute__((always_inline)) void sort_eight(Size line, const Use& use) const {
        const std::byte* from[8];
        each_row<8>([&](Size k) __attribute__((always_inline)) {
            from[k] = runs[First + k] + (Full ? line : line & line_mask[First + k]);
            fetch_ahead(from[k] + line_lead<Half>);
        });
        each_vector([&](Size v) __attribute__((always_inline)) {
            Vector rows[8];
            each_row<8>([&](Size k) __attribute__((always_inline)) {
                rows[k] = load_keys<Element>(from[k] + v * sizeof(Vector));
            });
            run_network<Sort<8>>(rows);
            use(v, rows);
        });
    }

    const std::byte* runs[Half];
    Size line_mask[Half];  ///< 0: this run is missing, and is one line for all
    alignas(line_bytes) Vector lowest[vectors_a_line];
    alignas(line_bytes) Vector highest[vectors_a_line];
};

template <typename Element, Size Half, bool Full, typename Rule>
__attribute__((flatten)) void order_lines(const std::byte* const* runs, Size run_count,
                                          const Rule& rule, const Out& to, Size bytes) {
    using Vector = typename KeysOf<Element>::Vector;
    const LinesOfRuns<Element, Half, true, Rule> first(runs, Half, rule);
    const LinesOfRuns<Element, Half, Full, Rule> second(runs + Half, run_count - Half, rule);
    const Out out = to;
    for (Size line = 0; line < bytes; line += line_bytes) {
        alignas(line_bytes) Vector low[vectors_a_line][Half];
        Vector results[vectors_a_line];
        first.sort(
            line, [&](Size v, const Vector(&rows)[Half]) __attribute__((always_inline)) {
                each_row<Half>([&](Size k) __attribute__((always_inline)) { low[v][k] = rows[k]; });
            });
        second.sort(
            line, [&](Size v, const Vector(&rows)[Half]) __attribute__((always_inline)) {
                Vector all[2 * Half];
                each_row<Half>([&](Size k) __attribute__((always_inline)) {
                    all[k] = low[v][k];
                    all[Half + k] = rows[k];
                });
                run_network<MergeHalves<2 * Half>>(all);
                results[v] = rule.of_padded(all, run_count);
            });
        out.put(results, line);
    }
}
