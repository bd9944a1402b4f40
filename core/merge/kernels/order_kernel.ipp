// Coordinate median and trimmed mean of runs with equal weights.
//
// Up to 12 rows are sorted in registers as they come. Of up to 32, the first 8 or 16 are sorted
// into a block in the first-level cache and joined with the others there. More are sorted in
// memory.

/// Whether none is infinite or NaN.
template <typename Element>
inline bool all_finite(const typename KeysOf<Element>::Numbers& numbers) {
    const auto out_of_range = numbers - numbers != typename KeysOf<Element>::Numbers{};
#if STARLING_VECTOR_BYTES == 64
    return _mm512_test_epi64_mask(reinterpret_cast<__m512i>(out_of_range),
                                  reinterpret_cast<__m512i>(out_of_range)) == 0;
#elif STARLING_VECTOR_BYTES == 32
    return _mm256_movemask_epi8(reinterpret_cast<__m256i>(out_of_range)) == 0;
#else
    const I64 halves = reinterpret_cast<I64>(out_of_range);
    return (halves[0] | halves[1]) == 0;
#endif
}

/// (lower + upper) / 2, in binary64, as bits of elements.
template <typename Element>
inline typename KeysOf<Element>::Vector wide_middle(const typename KeysOf<Element>::Vector& lower,
                                                    const typename KeysOf<Element>::Vector& upper) {
    const Values<Element> low(lower);
    const Values<Element> high(upper);
    F64 middles[Values<Element>::vectors];
    middles[0] = (low.template at<0>() + high.template at<0>()) * 0.5;
    if constexpr (Values<Element>::vectors == 2) {
        middles[1] = (low.template at<1>() + high.template at<1>()) * 0.5;
    }
    return rounded<Element>(middles);
}

/// The same number, of elements that are added as they are. A sum of two f32 that is rounded to
/// binary64 first is the same f32, and to halve one is exact where the sum is below 2^-125, as all
/// are then multiples of 2^-149. What is left are sums that are too large for an f32, and NaN.
/// \return whether `middle` is set
template <typename Element>
inline bool middle_of_finite(const typename KeysOf<Element>::Vector& one,
                             const typename KeysOf<Element>::Vector& other,
                             typename KeysOf<Element>::Vector& middle) {
    using Numbers = typename KeysOf<Element>::Numbers;
    const Numbers sum = reinterpret_cast<Numbers>(one) + reinterpret_cast<Numbers>(other);
    middle = reinterpret_cast<typename KeysOf<Element>::Vector>(sum * Element{0.5});
    return __builtin_expect(all_finite<Element>(sum), true);
}

/// (lower + upper) / 2 of keys, rounded once, as bits of elements.
template <typename Element>
inline typename KeysOf<Element>::Vector middle_of(const typename KeysOf<Element>::Vector& lower,
                                                  const typename KeysOf<Element>::Vector& upper) {
    if constexpr (Values<Element>::vectors == 1) {
        return wide_middle<Element>(lower, upper);
    }
    typename KeysOf<Element>::Vector middle;
    return middle_of_finite<Element>(keys_of<Element>(lower), keys_of<Element>(upper), middle)
               ? middle
               : wide_middle<Element>(lower, upper);
}

/// Adds up the numbers of sorted rows, in ascending order.
template <typename Element>
struct SortedSum {
    using Vector = typename KeysOf<Element>::Vector;
    static constexpr Size vectors = Values<Element>::vectors;

    void add(const Vector& keys) {
        const Values<Element> values(keys);
        sums[0] += values.template at<0>();
        if constexpr (vectors == 2) {
            sums[1] += values.template at<1>();
        }
    }
    Vector divided(Size count) {
        const F64 divisor = all(static_cast<double>(count));
        for (Size v = 0; v < vectors; ++v) {
            sums[v] /= divisor;
        }
        return rounded<Element>(sums);
    }

    F64 sums[vectors] = {};
};

/// A rule says what becomes of a column, as bits of elements.
template <typename Element>
struct Median {
    using Vector = typename KeysOf<Element>::Vector;

    /// Of bits, not keys: the order of two does not matter.
    Vector of_pair(const Vector& one, const Vector& other) const {
        Vector middle;
        if (middle_of_finite<Element>(one, other, middle)) {
            return middle;
        }
        return wide_middle<Element>(keys_of<Element>(one), keys_of<Element>(other));
    }
    template <Size Rows>
    Vector of(Vector (&rows)[Rows]) const {
        run_network<Sort<Rows>>(rows);
        if constexpr (Rows % 2 == 1) {
            return keys_of<Element>(rows[Rows / 2]);
        } else {
            return middle_of<Element>(rows[Rows / 2 - 1], rows[Rows / 2]);
        }
    }
    /// Of a sorted column. Rows that are not there are half -NaN and half NaN, so that the middle
    /// stays where it is.
    template <Size Rows>
    Vector of_padded(const Vector (&rows)[Rows], Size run_count) const {
        if (run_count % 2 == 1) {
            return keys_of<Element>(rows[Rows / 2 - 1]);
        }
        return middle_of<Element>(rows[Rows / 2 - 1], rows[Rows / 2]);
    }
    bool is_low(Size missing, Size missing_count) const { return missing < missing_count / 2; }
    Vector of_sorted(const std::byte* rows, Size run_count) const {
        if (run_count % 2 == 1) {
            return keys_of<Element>(load<Vector>(rows + run_count / 2 * sizeof(Vector)));
        }
        return middle_of<Element>(load<Vector>(rows + (run_count / 2 - 1) * sizeof(Vector)),
                                  load<Vector>(rows + run_count / 2 * sizeof(Vector)));
    }
};

template <typename Element>
struct TrimmedMean {
    using Vector = typename KeysOf<Element>::Vector;

    Size trim;  ///< rows at each end that do not count

    /// Nothing is left out of two.
    Vector of_pair(const Vector& one, const Vector& other) const {
        using Numbers = typename KeysOf<Element>::Numbers;
        // The sum begins at 0, so a mean of -0 is +0.
        const Numbers first = reinterpret_cast<Numbers>(one) + Element{0};
        Vector middle;
        if (middle_of_finite<Element>(reinterpret_cast<Vector>(first), other, middle)) {
            return middle;
        }
        Vector rows[] = {keys_of<Element>(one), keys_of<Element>(other)};
        return of(rows);
    }
    template <Size Rows>
    Vector of(Vector (&rows)[Rows]) const {
        run_network<Sort<Rows>>(rows);
        return of_sorted(rows, std::make_index_sequence<Rows>{});
    }
    template <Size Rows>
    Vector of_padded(const Vector (&rows)[Rows], Size run_count) const {
        return of_sorted(reinterpret_cast<const std::byte*>(rows), run_count);
    }
    bool is_low(Size, Size) const { return false; }  // missing rows are the last ones
    Vector of_sorted(const std::byte* rows, Size run_count) const {
        SortedSum<Element> sum;
        for (Size k = trim; k < run_count - trim; ++k) {
            sum.add(load<Vector>(rows + k * sizeof(Vector)));
        }
        return sum.divided(run_count - 2 * trim);
    }

private:
    /// Without a loop, rows stay in registers.
    template <Size Rows, Size... Row>
    Vector of_sorted(const Vector (&rows)[Rows], std::index_sequence<Row...>) const {
        SortedSum<Element> sum;
        const auto add = [&](Size row) __attribute__((always_inline)) {
            if (row >= trim && row < Rows - trim) {
                sum.add(rows[row]);
            }
        };
        (add(Row), ...);
        return sum.divided(Rows - 2 * trim);
    }
};

constexpr Size few = 12;  ///< runs that are sorted in one go
/// How far ahead runs are asked for that are read side by side.
constexpr Size near_bytes = is_avx2 ? 1024 : 256;

template <typename Element, typename Rule, Size Rows>
__attribute__((flatten)) void order_few(const std::byte* const* runs, const Rule& rule, Out out,
                                        Size bytes) {
    using Vector = typename KeysOf<Element>::Vector;
    const std::byte* own[Rows];
    for (Size k = 0; k < Rows; ++k) {
        own[k] = runs[k];
    }
    for (Size line = 0; line < bytes; line += line_bytes) {
        for (Size k = 0; k < Rows; ++k) {
            fetch_ahead(own[k] + line + near_bytes);
        }
        Vector results[line_bytes / sizeof(Vector)];
        for (Size v = 0; v < line_bytes / sizeof(Vector); ++v) {
            const Size at = line + v * sizeof(Vector);
            Vector rows[Rows];
            if constexpr (Rows == 2) {
                results[v] = rule.of_pair(load<Vector>(own[0] + at), load<Vector>(own[1] + at));
            } else {
                for (Size k = 0; k < Rows; ++k) {
                    rows[k] = load_keys<Element>(own[k] + at);
                }
                results[v] = rule.of(rows);
            }
        }
        out.put(results, line);
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
        const Vector results[] = {rule.of_sorted(scratch, run_count)};
        out.put(results, at);
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
