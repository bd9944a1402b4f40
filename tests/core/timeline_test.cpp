// The timeline of a run for ui.perfetto.dev: parsed again, and compared with the events it is of.
#include "core/board/timeline.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "core/board/run_model.hpp"
#include "core/board/timeline_file.hpp"
#include "core/files/read_file.hpp"
#include "core/json/json.hpp"
#include "core/trace/trace_text.hpp"

namespace starling {
namespace {

/// Reads the text as the viewer does: slices of each process, of which the last open one ends
/// first.
class TimelineTest : public testing::Test {
protected:
    TimelineTest() { model.set_observer(timeline); }

    void lines(const std::vector<std::string>& all) {
        for (const std::string& line : all) {
            const auto text = parse_trace_line(line);
            ASSERT_TRUE(text) << line;
            model.add(text->time_ns, text->node, text->event);
        }
    }

    static std::string text(const JsonValue& object, std::string_view key) {
        const JsonValue* value = object.find(key);
        return value == nullptr ? "" : value->text;
    }

    void read() {
        timeline.finish();
        const Result<JsonValue> parsed = parse_json(written);
        ASSERT_TRUE(parsed) << parsed.error().message << written;
        std::map<std::string, std::int64_t> newest;
        std::map<std::string, std::vector<std::pair<std::string, std::int64_t>>> open;
        for (const JsonMember& item : parsed->find("traceEvents")->items) {
            const JsonValue& event = item.value;
            const std::string kind = text(event, "ph");
            const std::string pid = text(event, "pid");
            const std::int64_t ts = std::stoll(text(event, "ts"));
            if (kind == "M") {
                names[pid] = text(*event.find("args"), "name");
                continue;
            }
            ASSERT_TRUE(names.contains(pid)) << "an event of a process without a name";
            if (kind == "B") {
                EXPECT_GE(ts, newest[pid]);
                open[pid].emplace_back(text(event, "name"), ts);
                EXPECT_LE(open[pid].size(), 2U);
            } else if (kind == "E") {
                ASSERT_FALSE(open[pid].empty()) << "an end without a begin";
                EXPECT_GE(ts, newest[pid]);
                const auto [name, begin] = open[pid].back();
                open[pid].pop_back();
                total[names[pid] + " " + name] += ts - begin;
            } else if (kind == "i") {
                instants.push_back(names[pid] + ": " + text(event, "name") + " @" +
                                   std::to_string(ts));
            } else if (kind == "C") {
                counters.push_back(event);
            }
            newest[pid] = kind == "B" || kind == "E" ? ts : newest[pid];
        }
        for (const auto& [pid, slices] : open) {
            EXPECT_TRUE(slices.empty()) << names[pid] << " has an open slice at the end";
        }
    }

    std::string written;
    Timeline timeline{[this](std::string_view text) { written += text; }};
    RunModel model;
    std::map<std::string, std::string> names;   ///< by process
    std::map<std::string, std::int64_t> total;  ///< microseconds by "node slice"
    std::vector<std::string> instants;
    std::vector<JsonValue> counters;
};

TEST_F(TimelineTest, TheSlicesOfAMemberNestInItsRoundsAndHaveTheTimesOfItsTrace) {
    lines({"1000000 sl1 session_opened contract=c run=0 bytes=8",
           "3000000 sl1 sync_receiving round=0", "4000000 sl1 check_in round=0 samples=1",
           "9000000 sl1 exchange_begin round=0 attempt=0 members=2",
           "15000000 sl1 exchange_done contract=c run=0 round=0 attempt=0 digest=ab "
           "sent_bytes=70 received_bytes=30",
           "16000000 sl1 round_done round=0 members=2 digest=ab final=0",
           "20000000 sl1 sync_receiving round=1",
           "21000000 sl1 round_done round=1 members=2 digest=ab final=1",
           "26000000 sl1 node_stopped code=0"});
    read();
    const std::map<std::string, std::int64_t> expected = {
        {"sl1 training", 2000 + 4000}, {"sl1 sending", 1000 + 1000}, {"sl1 waiting", 5000},
        {"sl1 exchanging", 6000},      {"sl1 reporting", 1000},      {"sl1 round 0", 15000},
        {"sl1 round 1", 5000},         {"sl1 serving", 5000}};
    EXPECT_EQ(total, expected);
    ASSERT_FALSE(counters.empty());
    std::string bytes;
    for (const JsonValue& counter : counters) {
        if (text(counter, "name") == "parameter bytes") {
            bytes += text(*counter.find("args"), "sent") + "/" +
                     text(*counter.find("args"), "received") + " ";
        }
    }
    EXPECT_EQ(bytes, "70/30 ");
}

TEST_F(TimelineTest, ACounterHasTheMembersByActivityOnceForEachInstant) {
    lines({"1000 sl1 session_opened contract=c run=0 bytes=8",
           "1000 sl2 session_opened contract=c run=0 bytes=8",
           "5000 sl1 check_in round=0 samples=1", "7000 sl2 check_in round=0 samples=1"});
    read();
    std::string seen;
    for (const JsonValue& counter : counters) {
        const JsonValue& args = *counter.find("args");
        seen +=
            text(counter, "ts") + ":" + text(args, "training") + "," + text(args, "waiting") + " ";
    }
    EXPECT_EQ(seen, "0:2,0 4:1,1 6:0,2 ");
}

TEST_F(TimelineTest, FaultsAndElectionsAreInstantsAndAKilledNodeHasNoOpenRound) {
    lines({"1000 sl1 session_opened contract=c run=0 bytes=8", "2000 sn1 leader_elected term=1",
           "5000 platform link_down link=wan", "9000 sl1 node_killed",
           "12000 sl1 session_opened contract=c run=0 bytes=8", "15000 platform link_up link=wan"});
    read();
    EXPECT_EQ(instants,
              (std::vector<std::string>{"sn1: Is the leader of the SNs, in term 1 @1",
                                        "platform: Link wan is down @4", "sl1: Was killed @8",
                                        "platform: Link wan is up again @14"}));
    EXPECT_EQ(total["sl1 down"], 3);
    EXPECT_EQ(total["sl1 round 0"], 8 + 3);
}

TEST_F(TimelineTest, AClockThatStepsBackMakesNoSliceThatEndsBeforeItBegins) {
    lines({"9000000 sl1 session_opened contract=c run=0 bytes=8",
           "2000000 sl1 check_in round=0 samples=1",
           "4000000 sl1 exchange_begin round=0 attempt=0 members=2",
           "12000000 sl1 node_stopped code=0"});
    read();
    EXPECT_EQ(total["sl1 round 0"], 3000);
}

TEST_F(TimelineTest, ANameWithQuotesAndABackslashIsEscaped) {
    lines({"1000 a\"b\\c sl_ready"});
    read();
    EXPECT_EQ(total.count("a\"b\\c starting"), 1U);
}

TEST(TimelineFile, AnOlderFileStaysUntilTheNewOneIsWhole) {
    const auto folder = std::filesystem::path(testing::TempDir()) / "starling-timeline";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const auto path = folder / "run.json";
    const auto files = [&] {
        return std::distance(std::filesystem::directory_iterator(folder), {});
    };
    std::ofstream(path) << "older";
    {
        RunModel model;
        const auto begun = TimelineFile::create(path, model);
        ASSERT_TRUE(begun);
        EXPECT_EQ(*read_whole_file(path), "older");
        EXPECT_EQ(files(), 2);
    }
    EXPECT_EQ(*read_whole_file(path), "older");
    EXPECT_EQ(files(), 1) << "a run that was not finished leaves nothing behind";
    RunModel model;
    auto file = TimelineFile::create(path, model);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->finish());
    EXPECT_TRUE(parse_json(*read_whole_file(path)));
    EXPECT_EQ(files(), 1);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace starling
