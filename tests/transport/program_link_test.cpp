// What a program and its ML node in another process send each other (transport/program).
#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "core/base/coding.hpp"
#include "transport/program/program_messages.hpp"
#include "transport/tls/passed_files.hpp"

namespace starling::test {
namespace {

Blob filled(std::size_t size, int value) {
    return Blob(Bytes(size, static_cast<std::byte>(value)));
}

bool all_are(ByteView bytes, int value) {
    return std::ranges::all_of(bytes, [value](std::byte b) { return b == std::byte(value); });
}

struct Link {
    Link() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        program.emplace(Descriptor(ends[0]));
        node.emplace(Descriptor(ends[1]));
    }
    /// What arrives of `message`.
    Result<ProgramMessage> passed(const ProgramMessage& message) {
        EXPECT_TRUE(send_message(*program, message));
        Result<ProgramSocket::Record> record = node->receive_next();
        return record ? read_message(*record) : Result<ProgramMessage>(record.error());
    }
    Result<TrainReply> passed(const TrainReply& reply) {
        EXPECT_TRUE(send_reply(*node, reply));
        Result<ProgramSocket::Record> record = program->receive_next();
        return record ? read_reply(*record) : Result<TrainReply>(record.error());
    }
    template <typename T>
    T request(const TrainRequest& sent) {
        const Result<ProgramMessage> got = passed(ProgramMessage(sent));
        EXPECT_TRUE(got) << got.error().message;
        return std::get<T>(std::get<TrainRequest>(*got));
    }
    template <typename T>
    T reply(const TrainReply& sent) {
        const Result<TrainReply> got = passed(sent);
        EXPECT_TRUE(got) << got.error().message;
        return std::get<T>(*got);
    }

    std::optional<ProgramSocket> program;
    std::optional<ProgramSocket> node;
};

SyncRequest sync_of(std::size_t size, int value) {
    SyncRequest sync;
    sync.check_in.samples = 4096;
    sync.check_in.finished = true;
    sync.check_in.loss = 0.25;
    sync.batches = 128;
    sync.params = {filled(size, value), filled(3, value)};
    return sync;
}

TEST(ProgramLink, RequestsArriveWithAllThatTheySay) {
    Link link;
    OpenRequest open;
    open.contract = "c";
    open.config.min_peers = 3;
    open.config.layout_bytes = 8;
    open.layout = std::make_shared<const ParamLayout>(
        *ParamLayout::make({TensorSpec{"w", DType::f32, {2}, 0}}));
    open.end_mode = EndMode::snapshot;
    const auto opened = link.request<OpenRequest>(open);
    EXPECT_EQ(opened.contract, "c");
    EXPECT_EQ(opened.config, open.config);
    EXPECT_EQ(opened.layout->text(), open.layout->text());
    EXPECT_EQ(opened.end_mode, EndMode::snapshot);

    SyncRequest sync = sync_of(5000, 7);
    sync.until_merge = true;
    sync.snapshot = ProgramSnapshot{{2, 5}, filled(900, 9)};
    const auto synced = link.request<SyncRequest>(sync);
    EXPECT_EQ(synced.check_in, sync.check_in);
    EXPECT_EQ(synced.batches, 128U);
    EXPECT_TRUE(synced.until_merge);
    EXPECT_EQ(size_bytes(synced.params), 5003U);
    EXPECT_TRUE(all_are(synced.params.front().view(), 7));
    ASSERT_TRUE(synced.snapshot);
    EXPECT_EQ(synced.snapshot->position, (TrainingPosition{2, 5}));
    EXPECT_EQ(synced.snapshot->state.size(), 900U);
    EXPECT_TRUE(all_are(synced.snapshot->state.view(), 9));

    const auto exit = link.request<ExitRequest>(ExitRequest{Errc::program, "it failed"});
    EXPECT_EQ(exit.code, Errc::program);
    EXPECT_EQ(exit.reason, "it failed");
}

TEST(ProgramLink, RepliesArriveWithAllThatTheySay) {
    Link link;
    EXPECT_TRUE(std::holds_alternative<BeginReply>(*link.passed(TrainReply(BeginReply{}))));
    EXPECT_EQ(link.reply<OpenedReply>(OpenedReply{7, 3}).round, 7U);
    SyncedReply sent;
    sent.round = 11;
    sent.digest.bytes[5] = std::byte{1};
    sent.params = {filled(segment_bytes, 1), filled(10, 1)};
    sent.final = true;
    sent.resumed = ProgramSnapshot{{1, 2}, {}};
    sent.replaced = true;
    const auto synced = link.reply<SyncedReply>(sent);
    EXPECT_EQ(synced.round, 11U);
    EXPECT_EQ(synced.digest, sent.digest);
    EXPECT_TRUE(synced.final);
    EXPECT_TRUE(synced.replaced);
    EXPECT_TRUE(is_whole(synced.params, segment_bytes + 10));
    EXPECT_EQ(synced.resumed->position, (TrainingPosition{1, 2}));
    EXPECT_EQ(link.reply<FailedReply>(FailedReply{{Errc::refused, "no"}}).error.message, "no");
}

TEST(ProgramLink, BatchesAndEventsArriveInOrder) {
    Link link;
    EXPECT_TRUE(std::holds_alternative<BatchDone>(*link.passed(ProgramMessage(BatchDone{}))));
    EXPECT_EQ(std::get<WorkloadNamed>(*link.passed(ProgramMessage(WorkloadNamed{"w/32"}))).name,
              "w/32");
    const auto event = std::get<ReportedEvent>(*link.passed(ProgramMessage(
        reported(TraceEvent("accuracy").with("ppm", "712300").log(Level::warning, "ml", "71 %")))));
    EXPECT_EQ(event.name, "accuracy");
    EXPECT_EQ(event.fields.front().second, "712300");
    EXPECT_EQ(event.level, Level::warning);
    EXPECT_EQ(event.text, "71 %");
    // A name that would spoil the lines of a trace.
    EXPECT_FALSE(link.passed(ProgramMessage(ReportedEvent{"two words", {}, Level::info, "", ""})));
}

TEST(ProgramLink, MemoryIsUsedAgainAndGrowsWithTheModel) {
    Link link;
    const auto first = link.request<SyncRequest>(sync_of(1000, 1));
    const auto second = link.request<SyncRequest>(sync_of(1000, 2));
    // The same memory: a receiver that keeps parameters has to copy them.
    EXPECT_EQ(first.params.front().view().data(), second.params.front().view().data());
    const auto larger = link.request<SyncRequest>(sync_of(100'000, 3));
    EXPECT_TRUE(all_are(second.params.front().view(), 2));
    EXPECT_TRUE(all_are(larger.params.front().view(), 3));
}

TEST(ProgramLink, APartOfARecordIsNotTaken) {
    Link link;
    const std::array<std::byte, 7> part{std::byte{2}};
    ASSERT_EQ(::send(link.program->number(), part.data(), part.size(), 0), 7);
    const Result<std::optional<ProgramSocket::Record>> record = link.node->receive();
    ASSERT_TRUE(record);
    EXPECT_FALSE(record->has_value());
    link.program.reset();
    EXPECT_EQ(link.node->receive().error().code, Errc::unreachable);
}

/// What is said about a record with such a header and head.
Errc refusal_of(std::uint32_t head, std::uint64_t payload, std::uint64_t region,
                const Bytes& bytes = {}, Descriptor file = {}) {
    Link link;
    Writer out;
    out.u32(head);
    out.u64(payload);
    out.u64(region);
    out.raw(bytes);
    if (file) {
        EXPECT_GT(send_with_files(link.program->number(), out.bytes(), {&file, 1}), 0);
    } else {
        EXPECT_GT(::send(link.program->number(), out.bytes().data(), out.bytes().size(), 0), 0);
    }
    const Result<std::optional<ProgramSocket::Record>> record = link.node->receive();
    if (!record) {
        return record.error().code;
    }
    EXPECT_TRUE(record->has_value());
    const Result<ProgramMessage> message = read_message(**record);
    return message ? Errc::ok : message.error().code;
}

TEST(ProgramLink, RecordsThatNobodySendsAreRefused) {
    EXPECT_EQ(refusal_of(0xffffffff, 0, 0), Errc::too_large);
    EXPECT_EQ(refusal_of(0, ~std::uint64_t{0}, 0), Errc::too_large);
    EXPECT_EQ(refusal_of(0, 10, 0), Errc::malformed);    // no memory
    EXPECT_EQ(refusal_of(0, 10, 100), Errc::malformed);  // it did not come
    EXPECT_EQ(refusal_of(0, 0, 0), Errc::unknown_version);
    EXPECT_EQ(refusal_of(2, 0, 0, {std::byte{99}, std::byte{1}}), Errc::unknown_version);
    EXPECT_EQ(refusal_of(2, 0, 0, {std::byte{2}, std::byte{77}}), Errc::malformed);
    EXPECT_EQ(refusal_of(3, 0, 0, {std::byte{2}, std::byte{1}, std::byte{0}}), Errc::malformed);
    EXPECT_EQ(refusal_of(2, 0, 0, {std::byte{2}, std::byte{1}}), Errc::ok);
    // Memory that its sender could take away again.
    Descriptor file(::memfd_create("test", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.number(), 4096), 0);
    EXPECT_EQ(refusal_of(0, 10, 4096, {}, std::move(file)), Errc::refused);
}

TEST(ProgramLink, ACutMessageIsRefusedAtEveryLength) {
    Link link;
    SyncRequest sync = sync_of(100, 1);
    sync.snapshot = ProgramSnapshot{{1, 1}, filled(10, 1)};
    ASSERT_TRUE(send_message(*link.program, ProgramMessage(TrainRequest(sync))));
    const Result<ProgramSocket::Record> record = link.node->receive_next();
    ASSERT_TRUE(record);
    for (std::size_t size = 0; size < record->head.size(); ++size) {
        ProgramSocket::Record cut = *record;
        cut.head.resize(size);
        EXPECT_FALSE(read_message(cut)) << size;
    }
    ProgramSocket::Record without = *record;
    without.payload = {};
    EXPECT_FALSE(read_message(without));
}

TEST(ProgramLink, AWaitCanBeEndedByAnotherThread) {
    Link link;
    Errc seen = Errc::ok;
    std::thread waits([&] { seen = link.program->receive_next().error().code; });
    link.program->stop_receiving();
    waits.join();
    EXPECT_EQ(seen, Errc::unreachable);
}

}  // namespace
}  // namespace starling::test
