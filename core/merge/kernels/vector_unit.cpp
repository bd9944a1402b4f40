#include "core/merge/kernels/vector_unit.hpp"

#include <algorithm>
#include <atomic>

#include "core/base/invariant.hpp"

namespace starling {
namespace {

std::atomic<VectorUnit>& unit_in_use() {
    static std::atomic<VectorUnit> unit = vector_units().back();
    return unit;
}

}  // namespace

std::string_view to_string(VectorUnit unit) {
    switch (unit) {
        case VectorUnit::baseline:
            return "baseline";
        case VectorUnit::avx2:
            return "avx2";
        case VectorUnit::avx512:
            return "avx512";
    }
    return "unknown";
}

std::vector<VectorUnit> vector_units() {
    std::vector<VectorUnit> units = {VectorUnit::baseline};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        units.push_back(VectorUnit::avx2);
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        units.push_back(VectorUnit::avx512);
    }
#endif
    return units;
}

VectorUnit vector_unit() { return unit_in_use().load(std::memory_order_relaxed); }

void use_vector_unit(VectorUnit unit) {
    const std::vector<VectorUnit> units = vector_units();
    STARLING_INVARIANT(std::find(units.begin(), units.end(), unit) != units.end(),
                       "tests choose among those that the machine has");
    unit_in_use().store(unit, std::memory_order_relaxed);
}

}  // namespace starling
