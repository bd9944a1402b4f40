// What a segment and a model go through in a round, each step alone: hash, frame, and hand-over
// between the program's tensors and the segments.
#include <benchmark/benchmark.h>

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

}  // namespace
}  // namespace starling::bench
