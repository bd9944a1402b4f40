// Values that programs report by name: which are allowed, how they travel, and what a member can't
// do with them.
#include "core/base/scalars.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "core/base/real_text.hpp"
#include "core/ml/swarm.hpp"
#include "core/ml/training_thread.hpp"
#include "core/trace/event_registry.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

std::string numbered(std::size_t i) { return "v" + std::to_string(100 + i); }

TEST(Scalars, ANameIsASafePathOfAFile) {
    for (const char* name : {"a", "lr", "val/top-5.acc", "_x", "0", "A/b/C"}) {
        EXPECT_TRUE(is_scalar_name(name)) << name;
    }
    for (const char* name : {"", "/a", "a/", "a//b", "..", "../a", "a/../b", ".a", "a/.b", "-a",
                             "a b", "a\n", "a\"", "ü", "a\\b", "a:b", "a=b"}) {
        EXPECT_FALSE(is_scalar_name(name)) << name;
    }
    EXPECT_TRUE(is_scalar_name(std::string(scalar_name_max, 'a')));
    EXPECT_FALSE(is_scalar_name(std::string(scalar_name_max + 1, 'a')));
}

TEST(Scalars, TheLastValueOfANameCountsAndNoMoreThanSixteenNames) {
    Scalars scalars;
    for (std::size_t i = 0; i < scalars_max; ++i) {
        ASSERT_TRUE(set_scalar(scalars, numbered(i), 1.0));
    }
    EXPECT_TRUE(set_scalar(scalars, numbered(3), 2.0)) << "it is known";
    EXPECT_EQ(scalars.at(numbered(3)), 2.0);
    const Result<void> refused = set_scalar(scalars, "w", 1.0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "'w' is one too many: at most 16 named values are reported between two rounds");
    EXPECT_FALSE(set_scalar(scalars, "a b", 1.0));
}

Scalars coded(const Bytes& bytes, bool& good) {
    Reader reader(bytes);
    Scalars scalars = decode_scalars(reader);
    good = reader.done();
    return scalars;
}

TEST(Scalars, AreDecodedAsTheyWereEncodedAlsoIfTheyAreNotFinite) {
    const Scalars scalars{{"a", -0.1}, {"b", inf}, {"c", std::nan("")}, {"d/e", 1e-300}};
    Writer writer;
    encode(writer, scalars);
    bool good = false;
    const Scalars decoded = coded(writer.bytes(), good);
    ASSERT_TRUE(good);
    ASSERT_EQ(decoded.size(), 4U);
    EXPECT_EQ(decoded.at("a"), -0.1);
    EXPECT_EQ(decoded.at("b"), inf);
    EXPECT_TRUE(std::isnan(decoded.at("c")));
    EXPECT_EQ(decoded.at("d/e"), 1e-300);
}

TEST(Scalars, AnotherOrderADuplicateABadNameOrTooManyAreMalformed) {
    const auto decodes = [](const std::vector<std::string>& names) {
        Writer writer;
        writer.u32(static_cast<std::uint32_t>(names.size()));
        for (const std::string& name : names) {
            writer.string(name);
            writer.f64(1.0);
        }
        bool good = false;
        coded(writer.bytes(), good);
        return good;
    };
    EXPECT_TRUE(decodes({"a", "b"}));
    EXPECT_FALSE(decodes({"b", "a"}));
    EXPECT_FALSE(decodes({"a", "a"}));
    EXPECT_FALSE(decodes({"a\"} 1\nevil"}));
    EXPECT_FALSE(decodes({"<b>"}));
    EXPECT_FALSE(decodes({std::string(65, 'a')}));
    std::vector<std::string> many;
    for (std::size_t i = 0; i <= scalars_max; ++i) {
        many.push_back(numbered(i));
    }
    EXPECT_FALSE(decodes(many));
    many.pop_back();
    EXPECT_TRUE(decodes(many));
}

TEST(RealText, ReadsBackAsTheSameNumber) {
    for (const double value : {0.0, 0.1, -1.0 / 3.0, 1e-310, 1e300, inf, -inf}) {
        EXPECT_EQ(real_in(real_text(value)), value) << real_text(value);
    }
    EXPECT_EQ(real_text(std::nan("")), "nan");
    EXPECT_EQ(real_text(-std::nan("")), "nan");
    for (const char* text : {"", "1x", "0x", " 1", "1,5", "nanx"}) {
        EXPECT_FALSE(real_in(text)) << text;
    }
    EXPECT_EQ(event_error(scalar_event(3, "val/loss", -inf)), "");
    EXPECT_NE(event_error(TraceEvent("scalar").with("value", "much")), "");
}

class OneFloat final : public ModelParameters {
public:
    OneFloat() { layout_ = *ParamLayout::make({{"w", DType::f32, {1}, 0}}); }
    const ParamLayout& layout() const override { return layout_; }
    void save(std::span<std::byte> out) const override { std::memset(out.data(), 0, out.size()); }
    void load(std::span<const Blob>) override {}

private:
    ParamLayout layout_;
};

/// Answers a program's requests as a swarm of one; \return  what each check-in has reported, and
/// the reason of the end.
std::pair<std::vector<Scalars>, std::string> reported_by(const TrainFunction& train,
                                                         std::vector<std::string>& traced) {
    TrainingThread thread(train, {},
                          {[] {},
                           [&](const TraceEvent& event) {
                               if (event.name == "scalar") {
                                   traced.push_back(trace_line({}, {"ml"}, event));
                               }
                           }});
    std::vector<Scalars> reported;
    TrainReply reply = BeginReply{};
    for (;;) {
        thread.resume(std::move(reply));
        thread.wait(1'000'000);
        const TrainRequest request = thread.take_request();
        if (const auto* end = std::get_if<ExitRequest>(&request)) {
            return {reported, end->reason};
        }
        if (const auto* sync = std::get_if<SyncRequest>(&request)) {
            reported.push_back(*sync->check_in.scalars);
            reply = SyncedReply{reported.size() - 1, {}, sync->params, sync->check_in.finished, {}};
        } else {
            reply = OpenedReply{0, 1};
        }
    }
}

TEST(Scalars, TravelWithTheNextCheckInOfTheCallback) {
    std::vector<std::string> traced;
    const auto [reported, reason] = reported_by(
        [](SwarmSession& session) {
            OneFloat parameters;
            SwarmCallback callback(session, parameters, {.sync_frequency = 2});
            callback.on_train_begin();
            for (int batch = 1; batch <= 4; ++batch) {
                callback.report("step", batch);
                callback.on_batch_end(0.5);
            }
            callback.on_train_end();
            callback.report("test/accuracy", 0.75);
        },
        traced);
    EXPECT_EQ(reason, "");
    const std::vector<Scalars> expected{{}, {{"step", 2.0}}, {{"step", 4.0}}, {}};
    EXPECT_EQ(reported, expected) << "one value a round: the last one; nothing is told twice";
    EXPECT_EQ(traced,
              std::vector<std::string>{"0 ml scalar round=3 name=test/accuracy value=0.75"});
}

TEST(Scalars, AWrongNameEndsTheProgramWithItsReason) {
    std::vector<std::string> traced;
    const auto [reported, reason] = reported_by(
        [](SwarmSession& session) {
            OneFloat parameters;
            SwarmCallback callback(session, parameters, {});
            callback.report("my loss", 1.0);
        },
        traced);
    EXPECT_EQ(reason,
              "SwarmCallback: 'my loss' can't be the name of a reported value: 1 to 64 letters, "
              "digits, '_', '-' and '.', with '/' between parts");
}

TEST(Scalars, AreInTheTraceOfTheMembersAndTheLedgerOfEverySn) {
    MemorySwarm swarm(1, {}, 3);
    swarm.reported[1] = {{"val/accuracy", 0.5}};
    swarm.add_pair(1, {});
    swarm.add_pair(2, {});
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    const auto events = swarm.trace.named("scalar", "sl1");
    ASSERT_FALSE(events.empty());
    EXPECT_TRUE(trace_line({}, {"sl1"}, events.front().event)
                    .ends_with(" scalar round=0 name=val/accuracy value=0.5"));
    EXPECT_TRUE(swarm.trace.named("scalar", "sl2").empty());
}

}  // namespace
}  // namespace starling::test
