// Squared distances between runs, and of runs from a point. Sums are kept in distance_lanes lanes
// on every vector unit, so that elements are added in the same order.

constexpr Size vectors_of_lanes = distance_lanes / lanes;
constexpr Size point_block = 512;  ///< elements of the point that are held in the first-level cache
constexpr Size pair_block = 128;   ///< elements of all runs that are held there, as doubles

/// Sums of distance_lanes lanes.
struct LaneSums {
    void read_from(const double* sums) {
        for (Size v = 0; v < vectors_of_lanes; ++v) {
            vectors[v] = load<F64>(sums + v * lanes);
        }
    }
    void write_to(double* sums) const {
        for (Size v = 0; v < vectors_of_lanes; ++v) {
            store(vectors[v], sums + v * lanes);
        }
    }
    void add_square(Size v, const F64& difference) { vectors[v] += difference * difference; }

    F64 vectors[vectors_of_lanes];
};

/// See ElementKernels::square_distances.
template <typename Element>
void square_distances(const WeightedPoint& point, const std::byte* const* runs, Size run_count,
                      double* sums, Size count) {
    alignas(line_bytes) double values[point_block];
    const F64 total = all(point.total);
    for (Size begin = 0; begin < count; begin += point_block) {
        MeanBlock<Element> block{};
        block.begin = begin;
        block.size = smaller(point_block, count - begin);
        block.sums = values;
        sum_block<Element, false>(point.runs, point.weights, point.run_count, point_block, block);
        for (Size i = 0; i < block.size; i += lanes) {
            store(load<F64>(values + i) / total, values + i);
        }
        for (Size k = 0; k < run_count; ++k) {
            const std::byte* const run = runs[k] + begin * sizeof(Element);
            LaneSums own;
            own.read_from(sums + k * distance_lanes);
            for (Size i = 0; i < block.size; i += distance_lanes) {
                for (Size v = 0; v < vectors_of_lanes; ++v) {
                    const Size at = i + v * lanes;
                    own.add_square(
                        v, read<Element>(run + at * sizeof(Element)) - load<F64>(values + at));
                }
            }
            own.write_to(sums + k * distance_lanes);
        }
    }
}

/// Distances of `row` from `Others` rows that follow each other, so that each element of it is
/// loaded once for all of them.
template <Size Others>
inline void add_pairs(const double* row, const double* others, double* sums, Size size) {
    LaneSums own[Others];
    for (Size o = 0; o < Others; ++o) {
        own[o].read_from(sums + o * distance_lanes);
    }
    for (Size i = 0; i < size; i += distance_lanes) {
        for (Size v = 0; v < vectors_of_lanes; ++v) {
            const Size at = i + v * lanes;
            const F64 value = load<F64>(row + at);
            for (Size o = 0; o < Others; ++o) {
                own[o].add_square(v, value - load<F64>(others + o * pair_block + at));
            }
        }
    }
    for (Size o = 0; o < Others; ++o) {
        own[o].write_to(sums + o * distance_lanes);
    }
}

/// See ElementKernels::pair_distances.
template <typename Element>
void pair_distances(const std::byte* const* runs, Size run_count, std::byte* scratch, double* sums,
                    Size count) {
    static_assert(scratch_bytes(1) == pair_block * sizeof(double));
    auto* const rows = reinterpret_cast<double*>(scratch);
    for (Size begin = 0; begin < count; begin += pair_block) {
        const Size size = smaller(pair_block, count - begin);
        for (Size k = 0; k < run_count; ++k) {
            const std::byte* const run = runs[k] + begin * sizeof(Element);
            for (Size i = 0; i < size; i += lanes) {
                fetch_far_ahead(run + (pair_block + i) * sizeof(Element));
                store(read<Element>(run + i * sizeof(Element)), rows + k * pair_block + i);
            }
        }
        for (Size j = 1; j < run_count; ++j) {
            double* const own = sums + j * (j - 1) / 2 * distance_lanes;
            const double* const row = rows + j * pair_block;
            Size i = 0;
            for (; i + 4 <= j; i += 4) {
                add_pairs<4>(row, rows + i * pair_block, own + i * distance_lanes, size);
            }
            for (; i < j; ++i) {
                add_pairs<1>(row, rows + i * pair_block, own + i * distance_lanes, size);
            }
        }
    }
}
