// Coordinate median and trimmed mean of runs with weights: (value, weight) pairs are sorted, by
// value and then by weight. A pair of an f32 is one 64-bit integer, the weight in its lower half.

struct WeightedMedian {};
struct WeightedTrimmedMean {
    Size trim;
};

/// Pairs of f32 in the lanes of sorted rows.
struct PairRow {
    explicit PairRow(const std::byte* row) : pairs(load<I64>(row)) {}
    I64 weights() const { return pairs & 0xffffffff; }
    I64 pairs;
};

/// The values of pairs, as doubles.
inline F64 values_of(const I64& pairs) {
    using Keys = std::int32_t __attribute__((vector_size(STARLING_VECTOR_BYTES / 2)));
    const Keys keys = __builtin_convertvector(pairs >> 32, Keys);
    const Keys bits = keys ^ ((keys >> 31) & 0x7fffffff);
    F32 values;
    __builtin_memcpy(&values, &bits, sizeof values);
    return widened(values);
}

/// Lower: the first pair up to which the weights are half of all or more; upper: more than half.
inline F64 result_of(const WeightedMedian&, const std::byte* rows, Size run_count,
                     std::int64_t total) {
    I64 sum = {};
    I64 lower = {};
    I64 upper = {};
    for (Size k = run_count; k-- > 0;) {  // from the end, so that the first one stays
        const PairRow row(rows + k * sizeof(I64));
        const I64 up_to_here = total - sum;  // the weights of this row and those before it
        lower = 2 * up_to_here >= total ? row.pairs : lower;
        upper = 2 * up_to_here > total ? row.pairs : upper;
        sum += row.weights();
    }
    return (values_of(lower) + values_of(upper)) * 0.5;
}

inline F64 result_of(const WeightedTrimmedMean& rule, const std::byte* rows, Size run_count,
                     std::int64_t) {
    F64 sum = {};
    F64 total = {};
    for (Size k = rule.trim; k < run_count - rule.trim; ++k) {
        const PairRow row(rows + k * sizeof(I64));
        const F64 weights = __builtin_convertvector(row.weights(), F64);
        sum += weights * values_of(row.pairs);
        total += weights;
    }
    return sum / total;
}

inline I64 pairs_at(const std::byte* from, std::int64_t weight) {
    using Bits = std::int32_t __attribute__((vector_size(STARLING_VECTOR_BYTES / 2)));
    fetch_ahead(from + near_bytes);
    const Bits bits = load<Bits>(from);
    const Bits keys = bits ^ ((bits >> 31) & 0x7fffffff);
    return (__builtin_convertvector(keys, I64) << 32) | (I64{} + weight);
}

/// Runs of f32 and what is known of them.
struct WeightedRuns {
    const std::byte* const* runs;
    const double* weights;
    Size run_count;
    std::int64_t total;

    std::int64_t weight(Size run) const { return static_cast<std::int64_t>(weights[run]); }
};

template <typename Rule, Size Rows>
void order_few_pairs(const WeightedRuns& of, const Rule& rule, const Out& out, Size count) {
    for (Size i = 0; i < count; i += lanes) {
        I64 rows[Rows];
        for (Size k = 0; k < Rows; ++k) {
            rows[k] = pairs_at(of.runs[k] + i * sizeof(float), of.weight(k));
        }
        run_network<Sort<Rows>>(rows);
        const F64 results[] = {
            result_of(rule, reinterpret_cast<const std::byte*>(rows), Rows, of.total)};
        write<float>(results, out, i * sizeof(float));
    }
}

template <typename Rule>
void order_many_pairs(const WeightedRuns& of, const Rule& rule, std::byte* scratch, const Out& out,
                      Size count) {
    ExchangeRows<I64> exchange{scratch};
    for (Size i = 0; i < count; i += lanes) {
        for (Size k = 0; k < of.run_count; ++k) {
            store(pairs_at(of.runs[k] + i * sizeof(float), of.weight(k)),
                  scratch + k * sizeof(I64));
        }
        merge_exchange(of.run_count, exchange);
        const F64 results[] = {result_of(rule, scratch, of.run_count, of.total)};
        write<float>(results, out, i * sizeof(float));
    }
}

template <typename Rule, Size... Fewer>
void order_few_pairs(const WeightedRuns& of, const Rule& rule, const Out& out, Size count,
                     std::index_sequence<Fewer...>) {
    using Function = void (*)(const WeightedRuns&, const Rule&, const Out&, Size);
    constexpr Function functions[] = {order_few_pairs<Rule, Fewer + 1>...};
    functions[of.run_count - 1](of, rule, out, count);
}

template <typename Rule>
void order_pairs(const std::byte* const* runs, const double* weights, Size run_count,
                 const Rule& rule, std::byte* scratch, const Out& out, Size count) {
    WeightedRuns of{runs, weights, run_count, 0};
    for (Size k = 0; k < run_count; ++k) {
        of.total += of.weight(k);
    }
    if (run_count <= 16) {
        order_few_pairs(of, rule, out, count, std::make_index_sequence<16>{});
    } else {
        order_many_pairs(of, rule, scratch, out, count);
    }
}

/// A pair of an f64.
struct WidePair {
    std::int64_t key;
    double weight;
};

struct ExchangeWidePairs {
    WidePair* pairs;
    void operator()(Size i, Size j) const {
        const WidePair a = pairs[i];
        const WidePair b = pairs[j];
        if (b.key < a.key || (b.key == a.key && b.weight < a.weight)) {
            pairs[i] = b;
            pairs[j] = a;
        }
    }
};

inline double value_of(const WidePair& pair) {
    const std::int64_t bits = pair.key ^ ((pair.key >> 63) & 0x7fffffffffffffff);
    return load<double>(&bits);
}

inline double result_of(const WeightedMedian&, const WidePair* pairs, Size run_count,
                        double total) {
    double sum = 0.0;
    Size lower = run_count;
    Size upper = run_count;
    for (Size k = 0; k < run_count; ++k) {
        sum += pairs[k].weight;
        lower = lower == run_count && 2 * sum >= total ? k : lower;
        upper = upper == run_count && 2 * sum > total ? k : upper;
    }
    return (value_of(pairs[lower]) + value_of(pairs[upper])) * 0.5;
}

inline double result_of(const WeightedTrimmedMean& rule, const WidePair* pairs, Size run_count,
                        double) {
    double sum = 0.0;
    double total = 0.0;
    for (Size k = rule.trim; k < run_count - rule.trim; ++k) {
        sum += pairs[k].weight * value_of(pairs[k]);
        total += pairs[k].weight;
    }
    return sum / total;
}

/// One element after the other: weighted models of doubles are rare.
template <typename Rule>
void order_wide_pairs(const std::byte* const* runs, const double* weights, Size run_count,
                      const Rule& rule, std::byte* scratch, const Out& out, Size count) {
    auto* const pairs = reinterpret_cast<WidePair*>(scratch);
    double total = 0.0;
    for (Size k = 0; k < run_count; ++k) {
        total += weights[k];
    }
    ExchangeWidePairs exchange{pairs};
    for (Size i = 0; i < count; ++i) {
        for (Size k = 0; k < run_count; ++k) {
            const auto bits = load<std::int64_t>(runs[k] + i * sizeof(double));
            pairs[k] = {bits ^ ((bits >> 63) & 0x7fffffffffffffff), weights[k]};
        }
        merge_exchange(run_count, exchange);
        write_one<double>(result_of(rule, pairs, run_count, total), out.bytes + i * sizeof(double));
    }
}

template <typename Element, typename Rule>
void order_weighted(const std::byte* const* runs, const double* weights, Size run_count,
                    const Rule& rule, std::byte* scratch, const Out& out, Size count) {
    if constexpr (sizeof(Element) == sizeof(float)) {
        order_pairs(runs, weights, run_count, rule, scratch, out, count);
    } else {
        order_wide_pairs(runs, weights, run_count, rule, scratch, out, count);
    }
}

/// See ElementKernels::median.
template <typename Element>
void median(const std::byte* const* runs, const double* weights, Size run_count, std::byte* scratch,
            KernelOut to, Size count) {
    const Out out(to.bytes, to.past_caches);
    if (weights == nullptr) {
        order<Element>(runs, run_count, Median<Element>{}, scratch, out, count);
    } else {
        order_weighted<Element>(runs, weights, run_count, WeightedMedian{}, scratch, out, count);
    }
    out.finish();
}

/// See ElementKernels::trimmed_mean.
template <typename Element>
void trimmed_mean(const std::byte* const* runs, const double* weights, Size run_count, Size trim,
                  std::byte* scratch, KernelOut to, Size count) {
    const Out out(to.bytes, to.past_caches);
    if (weights == nullptr) {
        order<Element>(runs, run_count, TrimmedMean<Element>{trim}, scratch, out, count);
    } else {
        order_weighted<Element>(runs, weights, run_count, WeightedTrimmedMean{trim}, scratch, out,
                                count);
    }
    out.finish();
}
