// What a segment and a model go through in a round, each step alone: hash, frame, and hand-over
// between the program's tensors and the segments.
#include <cstring>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/base/random.hpp"
#include "core/merge/segment_codec.hpp"
#include "core/params/segments.hpp"
#include "core/wire/codec.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t model_bytes = 44'695'848;  // a ResNet-18 for 10 classes

void count_bytes(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(bytes));
}

void hash_segment(benchmark::State& state) {
    const Hasher& hasher = openssl_hasher();
    const Bytes segment(segment_bytes, std::byte{7});
    for (auto iteration : state) {
        benchmark::DoNotOptimize(hasher.digest(ByteView(segment)));
    }
    count_bytes(state, segment.size());
}
BENCHMARK(hash_segment)->Name("hash, 256 KiB");

void hash_model(benchmark::State& state) {
    const Hasher& hasher = openssl_hasher();
    const Segments segments = cut(Blob(Bytes(model_bytes, std::byte{7})));
    for (auto iteration : state) {
        benchmark::DoNotOptimize(hasher.digest(std::span<const Blob>(segments)));
    }
    count_bytes(state, model_bytes);
}
BENCHMARK(hash_model)->Name("hash, 44.7 MB");

Frame segment_frame() {
    return {SegmentData{{"default", 0, 17, 0}, SegmentKind::merged, 42},
            Blob(Bytes(segment_bytes, std::byte{7}))};
}

void encode_segment(benchmark::State& state) {
    const Frame frame = segment_frame();
    for (auto iteration : state) {
        benchmark::DoNotOptimize(encode_head(frame));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(encode_segment)->Name("codec, encode a segment's head");

void decode_segment(benchmark::State& state) {
    const Bytes head = encode_head(segment_frame());
    const ByteView bytes(head);
    for (auto iteration : state) {
        const Result<FrameHeader> header = decode_header(bytes.first(frame_header_bytes));
        benchmark::DoNotOptimize(decode_message(*header, bytes.subspan(frame_header_bytes)));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(decode_segment)->Name("codec, decode a segment's head");

/// From the program's tensors to segments, as programs without shared memory do it: one copy.
void hand_over(benchmark::State& state) {
    const Bytes tensors(model_bytes, std::byte{7});
    for (auto iteration : state) {
        Bytes copy(tensors.size());
        std::copy(tensors.begin(), tensors.end(), copy.begin());
        benchmark::DoNotOptimize(cut(Blob(std::move(copy))));
    }
    count_bytes(state, model_bytes);
}
BENCHMARK(hand_over)->Name("hand-over, tensors to segments, fresh memory");

void take_back(benchmark::State& state) {
    const Segments segments = cut(Blob(Bytes(model_bytes, std::byte{7})));
    Bytes tensors(model_bytes);
    for (auto iteration : state) {
        copy_bytes(segments, 0, tensors);
        benchmark::ClobberMemory();
    }
    count_bytes(state, model_bytes);
}
BENCHMARK(take_back)->Name("hand-over, segments to tensors");

/// A segment of one f32 tensor, whose elements differ a little from those of a reference.
struct CompressedStep {
    explicit CompressedStep(const char* method)
        : codec(std::make_shared<const ParamLayout>(
                    *ParamLayout::make({{"weights", DType::f32, {segment_bytes / sizeof(float)}}})),
                *parse_compression(method)) {
        Random random(7);
        const auto drawn = [&random](double spread, const Blob& centre) {
            std::vector<float> floats(segment_bytes / sizeof(float), 0.0F);
            if (!centre.empty()) {
                std::memcpy(floats.data(), centre.view().data(), segment_bytes);
            }
            for (float& value : floats) {
                value += static_cast<float>(spread * random.normal());
            }
            Bytes bytes(segment_bytes);
            std::memcpy(bytes.data(), floats.data(), segment_bytes);
            return Blob(std::move(bytes));
        };
        reference = drawn(1.0, {});
        values = drawn(1e-3, reference);
    }
    SegmentCodec codec;
    Blob reference, values;
};

void compress(benchmark::State& state, const char* method) {
    const CompressedStep step(method);
    Blob residual;
    for (auto iteration : state) {
        benchmark::DoNotOptimize(
            step.codec.encode_contribution(0, step.values, step.reference, residual));
    }
    count_bytes(state, segment_bytes);
}
BENCHMARK_CAPTURE(compress, f16, "f16")->Name("compress, 256 KiB, f16");
BENCHMARK_CAPTURE(compress, bf16, "bf16")->Name("compress, 256 KiB, bf16");
BENCHMARK_CAPTURE(compress, int8, "int8")->Name("compress, 256 KiB, int8");
BENCHMARK_CAPTURE(compress, top_k, "top-k")->Name("compress, 256 KiB, top-k");

void decompress(benchmark::State& state, const char* method) {
    const CompressedStep step(method);
    Blob residual;
    const Blob encoded = step.codec.encode_contribution(0, step.values, step.reference, residual);
    for (auto iteration : state) {
        benchmark::DoNotOptimize(step.codec.decode(0, encoded, step.reference));
    }
    count_bytes(state, segment_bytes);
}
BENCHMARK_CAPTURE(decompress, f16, "f16")->Name("decompress, 256 KiB, f16");
BENCHMARK_CAPTURE(decompress, bf16, "bf16")->Name("decompress, 256 KiB, bf16");
BENCHMARK_CAPTURE(decompress, int8, "int8")->Name("decompress, 256 KiB, int8");
BENCHMARK_CAPTURE(decompress, top_k, "top-k")->Name("decompress, 256 KiB, top-k");

}  // namespace
}  // namespace starling::bench
