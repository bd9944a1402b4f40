// Sorting networks: the same comparisons whatever the values, so whole vectors are sorted at once,
// one column a lane.

/// Calls compare(i, j), i < j, for the comparisons that sort `count` rows: merge exchange, Knuth,
/// The Art of Computer Programming, volume 3, algorithm 5.2.2M (Batcher).
template <typename Compare>
constexpr void merge_exchange(Size count, Compare& compare) {
    Size top = 1;
    while (top * 2 < count) {
        top *= 2;
    }
    for (Size p = count < 2 ? 0 : top; p > 0; p /= 2) {
        Size q = top;
        Size r = 0;
        Size d = p;
        for (;;) {
            for (Size i = 0; i + d < count; ++i) {
                if ((i & p) == r) {
                    compare(i, i + d);
                }
            }
            if (q == p) {
                break;
            }
            d = q - p;
            q /= 2;
            r = p;
        }
    }
}

/// Calls compare(i, j) for those that merge two sorted halves of `count` rows, a power of two:
/// Batcher's odd-even merge, the same book, section 5.3.4.
template <typename Compare>
constexpr void odd_even_merge(Size count, Compare& compare) {
    for (Size d = count / 2; d > 0; d /= 2) {
        for (Size first = d == count / 2 ? 0 : d; first + d < count; first += 2 * d) {
            for (Size i = 0; i < d; ++i) {
                compare(first + i, first + i + d);
            }
        }
    }
}

struct Counter {
    Size count = 0;
    constexpr void operator()(Size, Size) { ++count; }
};

template <Size Count>
struct Comparisons {
    Size low[Count == 0 ? 1 : Count] = {};
    Size high[Count == 0 ? 1 : Count] = {};
    Size size = 0;
    constexpr void operator()(Size i, Size j) {
        low[size] = i;
        high[size] = j;
        ++size;
    }
};

template <Size Rows>
struct Sort {
    static constexpr Size count = [] {
        Counter counter;
        merge_exchange(Rows, counter);
        return counter.count;
    }();
    static constexpr Comparisons<count> comparisons = [] {
        Comparisons<count> list;
        merge_exchange(Rows, list);
        return list;
    }();
};

template <Size Rows>
struct MergeHalves {
    static constexpr Size count = [] {
        Counter counter;
        odd_even_merge(Rows, counter);
        return counter.count;
    }();
    static constexpr Comparisons<count> comparisons = [] {
        Comparisons<count> list;
        odd_even_merge(Rows, list);
        return list;
    }();
};

/// Calls use(0) to use(Count - 1) without a loop: rows that a loop counts through go through
/// memory.
template <typename Use, Size... Row>
inline __attribute__((always_inline)) void each_row(const Use& use, std::index_sequence<Row...>) {
    (use(Row), ...);
}
template <Size Count, typename Use>
inline __attribute__((always_inline)) void each_row(const Use& use) {
    each_row(use, std::make_index_sequence<Count>{});
}

template <typename Vector>
inline Vector min_of(const Vector& a, const Vector& b) {
    return a < b ? a : b;
}
template <typename Vector>
inline Vector max_of(const Vector& a, const Vector& b) {
    return a < b ? b : a;
}
template <typename Vector>
inline void compare_exchange(Vector& a, Vector& b) {
    const Vector low = min_of(a, b);
    b = max_of(a, b);
    a = low;
}

/// With all rows in registers, as far as there are so many. What the caller does not use of the
/// result, the compiler does not compute.
template <typename Network, typename Vector, Size Rows, Size... C>
inline void run_network(Vector (&rows)[Rows], std::index_sequence<C...>) {
    (compare_exchange(rows[Network::comparisons.low[C]], rows[Network::comparisons.high[C]]), ...);
}
template <typename Network, typename Vector, Size Rows>
inline void run_network(Vector (&rows)[Rows]) {
    run_network<Network>(rows, std::make_index_sequence<Network::count>{});
}

/// Rows in memory, any number of them.
template <typename Vector>
struct ExchangeRows {
    std::byte* rows;
    void operator()(Size i, Size j) const {
        Vector a = load<Vector>(rows + i * sizeof(Vector));
        Vector b = load<Vector>(rows + j * sizeof(Vector));
        compare_exchange(a, b);
        store(a, rows + i * sizeof(Vector));
        store(b, rows + j * sizeof(Vector));
    }
};
