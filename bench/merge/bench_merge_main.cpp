// How fast the merge rules read their inputs, beside reading and summing them, and beside the same
// rules by operations of libtorch where it is built in.
//
//   bench_merge [--elements N] [--benchmark_out=FILE --benchmark_out_format=json]
//               [--benchmark_repetitions=N] [--benchmark_filter=REGEX]
//
// A model of 11.17 M floats (44.7 MB) an input is merged as an SL does it, segment by segment, into
// another model. All are run in turn, in random order, 5 times, since the machine may be busy.
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/merge/bench_merge_table.hpp"
#include "bench/merge/torch_rules.hpp"
#include "core/base/random.hpp"
#include "core/merge/kernels/vector_unit.hpp"
#include "core/merge/merge_rules.hpp"
#include "core/params/segments.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t inputs_max = 32;
std::size_t elements = 11'170'000;
#ifdef STARLING_WITH_TORCH
constexpr int torch_repetitions = 2;  // some take 10 s; the table's median is the faster one
#endif

/// Models that differ a little, made once.
std::vector<std::vector<float>>& models() {
    static std::vector<std::vector<float>> all = [] {
        std::vector<std::vector<float>> made(inputs_max, std::vector<float>(elements));
        Random random(1);
        for (std::size_t i = 0; i < elements; ++i) {
            const double common = random.uniform() - 0.5;
            std::uint64_t bits = random.next();
            for (std::size_t k = 0; k < inputs_max; ++k) {
                bits = bits * 6364136223846793005U + 1442695040888963407U;
                made[k][i] = static_cast<float>(
                    common + 1e-2 * (static_cast<double>(bits >> 40U) / 16777216.0 - 0.5));
            }
        }
        return made;
    }();
    return all;
}
std::vector<float>& merged() {
    static std::vector<float> model(elements);
    return model;
}

#if defined(__x86_64__) && !defined(__clang__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
std::uint32_t
sum_bits(const float* from, std::size_t count) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, from + i, sizeof bits);
        sum += bits;
    }
    return sum;
}

std::size_t inputs_of(const benchmark::State& state) {
    return static_cast<std::size_t>(state.range(0));
}
void count_bytes(benchmark::State& state) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0) *
                            static_cast<std::int64_t>(elements * sizeof(float)));
}

/// Calls merge(first element, elements) for each segment.
template <typename Merge>
void each_segment(Merge merge) {
    constexpr std::size_t segment = segment_bytes / sizeof(float);
    for (std::size_t begin = 0; begin < elements; begin += segment) {
        merge(begin, std::min(segment, elements - begin));
    }
}

void read(benchmark::State& state) {
    models();
    for (auto iteration : state) {
        std::uint32_t sum = 0;
        each_segment([&](std::size_t begin, std::size_t count) {
            for (std::size_t k = 0; k < inputs_of(state); ++k) {
                sum += sum_bits(models()[k].data() + begin, count);
            }
        });
        benchmark::DoNotOptimize(sum);
    }
    count_bytes(state);
}

void merge(benchmark::State& state, const MergeMethod& method, bool equal_weights) {
    models();
    std::vector<double> weights(inputs_of(state), 1.0);
    for (std::size_t k = 0; k < weights.size() && !equal_weights; ++k) {
        weights[k] = static_cast<double>(k * 37 % 100 + 1);
    }
    std::vector<const std::byte*> inputs(inputs_of(state));
    for (auto iteration : state) {
        each_segment([&](std::size_t begin, std::size_t count) {
            for (std::size_t k = 0; k < inputs.size(); ++k) {
                inputs[k] = reinterpret_cast<const std::byte*>(models()[k].data() + begin);
            }
            row_of(method)->merge({.dtype = DType::f32,
                                   .inputs = inputs,
                                   .weights = weights,
                                   .parameters = method.parameters,
                                   .model_elements = elements,
                                   .out = reinterpret_cast<std::byte*>(merged().data() + begin),
                                   .count = count,
                                   .past_caches = true});
        });
    }
    count_bytes(state);
}

#ifdef STARLING_WITH_TORCH
void merge_torch(benchmark::State& state, const TorchWay& way) {
    std::vector<float*> inputs;
    for (std::size_t k = 0; k < inputs_of(state); ++k) {
        inputs.push_back(models()[k].data());
    }
    for (auto iteration : state) {
        way.merge(inputs, merged().data(), elements);
    }
    count_bytes(state);
}
#endif

benchmark::internal::Benchmark* with_sizes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgName("inputs")->Unit(benchmark::kMillisecond)->MinTime(0.05);
    for (const int inputs : {2, 4, 8, 16, 32}) {
        benchmark->Arg(inputs);
    }
    return benchmark;
}

void register_all() {
    with_sizes(benchmark::RegisterBenchmark("read", read));
    for (const MergeRuleRow& row : merge_rules()) {
        const std::string name(row.name);
        const MergeMethod method = row.rule;
        with_sizes(benchmark::RegisterBenchmark(
            name.c_str(), [method](benchmark::State& state) { merge(state, method, true); }));
        if (row.rule == MergeRule::coordinate_median || row.rule == MergeRule::trimmed_mean) {
            with_sizes(benchmark::RegisterBenchmark(
                (name + ", weights").c_str(),
                [method](benchmark::State& state) { merge(state, method, false); }));
        }
#ifdef STARLING_WITH_TORCH
        for (const TorchWay& way : torch_ways(name)) {
            with_sizes(benchmark::RegisterBenchmark(
                           (name + ", torch " + way.name).c_str(),
                           [way](benchmark::State& state) { merge_torch(state, way); }))
                ->Repetitions(torch_repetitions);
        }
#endif
    }
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
    using namespace starling::bench;
    std::vector<std::string> words(argv, argv + argc);
    for (std::size_t i = 1; i + 1 < words.size(); ++i) {
        if (words[i] == "--elements") {
            elements = std::stoul(words[i + 1]);
            words.erase(words.begin() + static_cast<std::ptrdiff_t>(i),
                        words.begin() + static_cast<std::ptrdiff_t>(i) + 2);
            break;
        }
    }
    words.insert(words.begin() + 1,
                 {"--benchmark_repetitions=5", "--benchmark_enable_random_interleaving=true"});
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    int count = static_cast<int>(arguments.size());
    register_all();
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
        return 2;
    }
    benchmark::AddCustomContext("vector unit", std::string(to_string(starling::vector_unit())));
    MergeTable table;
    benchmark::RunSpecifiedBenchmarks(&table);
    benchmark::Shutdown();
    return 0;
}
