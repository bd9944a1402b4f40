// The picture of a run: what its events say about who does what, and for whom a round waits.
#include <gtest/gtest.h>

#include "core/board/event_words.hpp"
#include "core/board/page.hpp"
#include "core/board/report_page.hpp"
#include "core/board/run_model.hpp"
#include "core/json/json.hpp"
#include "core/trace/event_registry.hpp"
#include "core/trace/trace_text.hpp"

namespace starling {
namespace {

/// A model that is fed with lines of a trace, and what its JSON says.
class BoardTest : public testing::Test {
protected:
    void lines(const std::vector<std::string>& all) {
        for (const std::string& line : all) {
            const auto text = parse_trace_line(line);
            ASSERT_TRUE(text) << line;
            model.add(text->time_ns, text->node, text->event);
        }
    }
    JsonValue json(std::uint64_t since = 0) const {
        const Result<JsonValue> value = parse_json(model.json(since));
        EXPECT_TRUE(value) << (value ? "" : value.error().message);
        return value ? *value : JsonValue{};
    }
    static std::string text(const JsonValue& object, std::string_view key) {
        const JsonValue* value = object.find(key);
        return value == nullptr ? "(missing)" : value->text;
    }
    std::string wait() const {
        const JsonValue all = json();
        const auto& waits = all.find("waits")->items;
        return waits.empty() ? "" : text(waits.back().value, "text");
    }
    std::string state(const std::string& name) const {
        const JsonValue all = json();
        for (const JsonMember& node : all.find("nodes")->items) {
            if (text(node.value, "name") == name) {
                return text(node.value, "state");
            }
        }
        return "(no such node)";
    }
    void two_members() {
        lines({"1000 sl1 session_opened contract=c run=0 bytes=8",
               "2000 sl2 session_opened contract=c run=0 bytes=8"});
    }

    RunModel model;
};

TEST_F(BoardTest, NobodyWaitsWhileAllTrain) {
    two_members();
    EXPECT_EQ(wait(), "Round 0: the members train. Nobody waits.");
    EXPECT_EQ(state("sl1"), "training");
}

TEST_F(BoardTest, ARoundNamesTheMembersThatItWaitsFor) {
    two_members();
    lines({"3000 sl1 check_in round=0 samples=1 weight=1"});
    EXPECT_EQ(wait(), "Round 0: 1 of 2 members has checked in. Missing: sl2.");
    EXPECT_EQ(state("sl1"), "waiting");
    lines({"4000 sl2 node_killed"});
    EXPECT_EQ(wait(), "Round 0: 1 of 2 members has checked in. Missing: sl2 (down).");
}

TEST_F(BoardTest, ARoundGoesThroughItsPhases) {
    two_members();
    lines({"3000 sl1 check_in round=0", "4000 sl2 check_in round=0",
           "5000 sl1 exchange_begin round=0 attempt=0 members=2",
           "5000 sl2 exchange_begin round=0 attempt=0 members=2",
           "6000 sl1 exchange_done contract=c run=0 round=0 sent_bytes=10 received_bytes=20"});
    EXPECT_EQ(wait(), "Round 0: exchange of parameters, until sl2 has merged.");
    lines({"7000 sl2 exchange_done contract=c run=0 round=0 sent_bytes=30 received_bytes=20"});
    EXPECT_EQ(wait(), "Round 0: all members have merged; the ledger has to commit.");
    lines({"8000 sn1 round_committed contract=c run=0 round=0 attempt=0 members=2 digest=ab12",
           "9000 sl1 round_done round=0 members=2"});
    const JsonValue all = json();
    const JsonValue& round = all.find("rounds")->items.at(0).value;
    EXPECT_EQ(text(round, "first_check_in_us"), "2");  // since the first event, at 1,000 ns
    EXPECT_EQ(text(round, "frozen_us"), "4");
    EXPECT_EQ(text(round, "committed_us"), "7");
    EXPECT_EQ(text(round, "sent_bytes"), "40");
    EXPECT_EQ(text(round, "digest"), "ab12");
    EXPECT_EQ(state("sl1"), "training");
}

TEST_F(BoardTest, AMemberWithoutATraceIsKnownByWhatTheSnSays) {
    lines({"1000 sn1 member_enrolled contract=c node=sl1 first=1",
           "1000 sn1 member_enrolled contract=c node=sl2 first=0",
           "2000 sn1 checked_in contract=c node=sl1 round=0 here=1"});
    EXPECT_EQ(state("sl1"), "waiting");
    EXPECT_EQ(wait(), "Round 0: 1 of 2 members has checked in. Missing: sl2.");
    lines({"3000 sn1 member_gone contract=c node=sl2"});
    EXPECT_EQ(state("sl2"), "down");
    EXPECT_EQ(
        wait(),
        "Round 0: 1 of 1 member has checked in. More members have to join; lost: sl2 (down).");
}

TEST_F(BoardTest, ARoundWithoutSnsSaysSo) {
    two_members();
    lines({"2500 sn1 sn_started entries=0", "3000 sl1 check_in round=0",
           "4000 sn1 node_stopped code=0"});
    EXPECT_EQ(wait(),
              "Round 0, but no SN is running: 1 of 2 members has checked in. Missing: sl2.");
    lines({"5000 sn1 sn_started entries=9"});
    EXPECT_EQ(wait(), "Round 0: 1 of 2 members has checked in. Missing: sl2.");
}

TEST_F(BoardTest, AReplicaThatIsBehindChangesNothing) {
    two_members();
    lines({"3000 sl1 check_in round=0", "4000 sl2 check_in round=0",
           "8000 sn1 round_committed contract=c run=0 round=0 members=2 digest=ab"});
    const std::string before = wait();
    lines({"9000 sn2 checked_in contract=c node=sl1 round=0 here=1",
           "9000 sn2 round_committed contract=c run=0 round=0 members=2 digest=ab"});
    EXPECT_EQ(wait(), before);
    EXPECT_EQ(json().find("rounds")->items.size(), 1U);
}

TEST_F(BoardTest, ANewRunBeginsWhereTheSameSnSaysSo) {
    two_members();
    lines({"3000 sn1 contract_ended contract=c run=0 phase=complete",
           "4000 sn2 member_enrolled contract=c node=sl1 first=1"});
    EXPECT_EQ(wait(), "The training is complete.");
    lines({"5000 sn1 member_enrolled contract=c node=sl1 first=1"});
    EXPECT_EQ(wait(), "Round 0: the members train. Nobody waits.");
    EXPECT_EQ(text(json().find("contracts")->items.at(0).value, "run"), "1");
}

TEST_F(BoardTest, ChangesAfterAVersionAreToldAlone) {
    two_members();
    const std::uint64_t before = model.version();
    EXPECT_EQ(json(before).find("nodes")->items.size(), 0U);
    lines({"3000 sl1 check_in round=0 loss_millionths=500000"});
    const JsonValue changes = json(before);
    ASSERT_EQ(changes.find("nodes")->items.size(), 1U);
    EXPECT_EQ(text(changes.find("nodes")->items.at(0).value, "name"), "sl1");
    EXPECT_EQ(changes.find("losses")->items.size(), 1U);
    EXPECT_EQ(changes.find("spans")->items.size(),
              2U);  // the one that ends, and the one that begins
}

TEST_F(BoardTest, NamedValuesAreKeptByMemberNameAndRound) {
    two_members();
    lines({"3000 sl1 scalar round=0 name=val/accuracy value=0.5",
           "4000 sl2 scalar round=0 name=val/accuracy value=nan",
           "5000 sn1 scalar node=sl2 round=1 name=lr value=-1e-05",
           "6000 sl1 scalar round=1 name=<b>x</b> value=1",
           "7000 sl1 scalar round=1 name=a value=x"});
    const JsonValue all = json();
    const auto& points = all.find("scalars")->items;
    ASSERT_EQ(points.size(), 3U) << "names and numbers that are none are left out";
    const auto point = [&](std::size_t i) {
        std::string line;
        for (const JsonMember& item : points[i].value.items) {
            line += (line.empty() ? "" : " ") +
                    (item.value.kind == JsonValue::Kind::null ? "null" : item.value.text);
        }
        return line;
    };
    EXPECT_EQ(point(0), "0 val/accuracy 0 2 0.5");
    EXPECT_EQ(point(1), "1 val/accuracy 0 3 null");
    EXPECT_EQ(point(2), "1 lr 1 4 -1e-05") << "an SN's event about a member";
}

TEST_F(BoardTest, TransfersAreKeptBySenderAndReceiver) {
    two_members();
    lines({"3000 sl1 exchange_done round=0 from=sl2:40,*:5",
           "4000 sl2 exchange_done round=0 from=sl1:30",
           "5000 sl2 exchange_done round=1 from=sl1:x,:7,,sl1,sl3:0,sl1:8:9"});
    const JsonValue all = json();
    std::vector<std::string> found;
    for (const JsonMember& item : all.find("transfers")->items) {
        const auto& parts = item.value.items;  // id, sender, receiver, us, bytes
        found.push_back(parts.at(1).value.text + ">" + parts.at(2).value.text + " " +
                        parts.at(4).value.text);
    }
    // Of what is damaged, that alone is taken which is a name and a number.
    EXPECT_EQ(found, (std::vector<std::string>{"1>0 40", "-1>0 5", "0>1 30", "2>1 9"}));
    EXPECT_EQ(text(all.find("nodes")->items.at(2).value, "name"), "sl1:8");
}

TEST_F(BoardTest, TransfersThatAreNoLongerKeptAreSummed) {
    RunModel small({.transfers = 3});
    for (int i = 0; i < 10; ++i) {
        const std::string line = std::to_string(i) + "000 sl1 exchange_done from=sl2:10";
        const auto text = parse_trace_line(line);
        ASSERT_TRUE(text);
        small.add(text->time_ns, text->node, text->event);
    }
    const JsonValue all = *parse_json(small.json());
    EXPECT_EQ(text(all, "transfers_from"), "7");
    ASSERT_EQ(all.find("links_before")->items.size(), 1U);
    EXPECT_EQ(all.find("links_before")->items.at(0).value.items.at(2).value.text, "70");
    EXPECT_EQ(parse_json(small.json(small.version()))->find("links_before")->items.size(), 0U);
}

/// Items of a list as text: "1 a 5", "[1,2]" for a list in it.
std::vector<std::string> items_of(const JsonValue& all, std::string_view list) {
    std::vector<std::string> texts;
    for (const JsonMember& item : all.find(list)->items) {
        std::string line;
        for (const JsonMember& part : item.value.items) {
            line += (line.empty() ? "" : " ") + part.value.text;
            for (const JsonMember& inner : part.value.items) {
                line += "," + inner.value.text;
            }
        }
        texts.push_back(line);
    }
    return texts;
}

TEST_F(BoardTest, LinksOfAPlatformHaveTheirUseOverTime) {
    using Lines = std::vector<std::string>;
    lines({"1000 sl1 node_placed host=h1",
           "2000 platform route_used from=h1 to=h2 links=up,backbone,down",
           "3000 platform link_used link=backbone bytes=70 bytes_per_second=1000",
           "9000 platform link_used link=backbone bytes=5 bytes_per_second=500"});
    const JsonValue all = json();
    EXPECT_EQ(text(all.find("nodes")->items.at(0).value, "host"), "h1");
    EXPECT_EQ(items_of(all, "links"), (Lines{"0 up 0", "1 backbone 500", "2 down 0"}));
    EXPECT_EQ(items_of(all, "routes"), (Lines{"h1 h2 ,0,1,2"}));
    EXPECT_EQ(items_of(all, "link_uses"), (Lines{"0 1 2 70 1000", "1 1 8 5 500"}));
    const std::uint64_t before = model.version();
    lines({"10000 platform link_used link=up bytes=1 bytes_per_second=2"});
    EXPECT_EQ(items_of(json(before), "link_uses"), (Lines{"2 0 9 1 2"}));
    EXPECT_EQ(items_of(json(before), "links"), (Lines{"0 up 2"}));
    EXPECT_EQ(items_of(json(before), "routes"), (Lines{}));
}

TEST(Board, KeepsABoundedNumberOfLinksRoutesAndUses) {
    RunModel model({.link_uses = 10});
    for (int i = 0; i < 3'000; ++i) {
        for (const std::string& event :
             {"link_used bytes=2 bytes_per_second=1 link=l" + std::to_string(i),
              "route_used from=a to=b links=l" + std::to_string(i) + ",x,,y"}) {
            const std::string line = std::to_string(i * 1000) + " platform " + event;
            model.add(i, "platform", parse_trace_line(line)->event);
        }
    }
    const JsonValue all = *parse_json(model.json());
    EXPECT_EQ(all.find("links")->items.size(), PlatformTable::links_max);
    EXPECT_EQ(all.find("routes")->items.size(), PlatformTable::routes_max);
    EXPECT_EQ(all.find("link_uses")->items.size(), 10U);
    std::uint64_t sum = 20;
    for (const JsonMember& item : all.find("link_uses_before")->items) {
        sum += std::stoull(item.value.items.at(1).value.text);
    }
    EXPECT_EQ(sum, 6'000U) << "no byte is lost";
}

TEST_F(BoardTest, BytesThatAnSnIsToldOfCountForSenderReceiverAndRound) {
    lines({"1000 sn1 member_enrolled contract=c node=sl1",
           "1000 sn1 member_enrolled contract=c node=sl2",
           "2000 sn1 bytes_received contract=c node=sl1 round=0 from=sl2:40,sl3:2",
           "3000 sn1 bytes_received contract=c node=sl1 round=0 from=sl2:10"});
    const JsonValue all = json();
    EXPECT_EQ(all.find("transfers")->items.size(), 3U);
    EXPECT_EQ(text(all.find("rounds")->items.at(0).value, "sent_bytes"), "52");
    for (const JsonMember& node : all.find("nodes")->items) {
        const std::string name = text(node.value, "name");
        EXPECT_EQ(text(node.value, "received_bytes"), name == "sl1" ? "52" : "0");
        EXPECT_EQ(text(node.value, "sent_bytes"), name == "sl2" ? "50" : name == "sl3" ? "2" : "0");
    }
}

TEST_F(BoardTest, SeatsAreWhatTheLicenceServerSaidLast) {
    EXPECT_EQ(json().find("licence")->kind, JsonValue::Kind::null);
    lines(
        {"1000 apls licence_seats licensee=Two%20clinics until=2027-12-31 valid=1 answers=1 "
         "seats=sn:1/2,sl:3/5,x,y:/,z:1/"});
    EXPECT_EQ(text(*json().find("licence"), "licensee"), "Two clinics");
    EXPECT_EQ(items_of(*json().find("licence"), "seats"),
              (std::vector<std::string>{"sn 1 2", "sl 3 5"}));
    lines({"2000 apls licence_seats answers=0"});
    EXPECT_EQ(text(*json().find("licence"), "answers"), "false");
    EXPECT_EQ(items_of(*json().find("licence"), "seats").size(), 2U) << "its last answer";
}

TEST_F(BoardTest, AMembersProgressIsThatOfItsCheckIns) {
    two_members();
    for (const char* round_and_epochs : {"0 epochs=0", "1 epochs=1", "2 epochs=1", "3 epochs=2"}) {
        lines(
            {"3000 sl1 check_in epochs_total=5 finished=0 round=" + std::string(round_and_epochs)});
    }
    const JsonValue all = json();
    const JsonValue& node = all.find("nodes")->items.at(0).value;
    EXPECT_EQ(text(node, "epochs"), "2");
    EXPECT_EQ(text(node, "epochs_total"), "5");
    EXPECT_EQ(text(node, "epochs_round"), "3");
    lines({"4000 sl1 check_in epochs_total=5 finished=1 round=4 epochs=2"});
    const JsonValue later = json();
    EXPECT_EQ(text(later.find("nodes")->items.at(0).value, "epochs_round"), "4");
}

TEST_F(BoardTest, SnsThatReportTheSameAlarmAreCounted) {
    two_members();
    lines({"3000 sn1 member_gone contract=c node=sl2", "3100 sn2 member_gone contract=c node=sl2",
           "3200 sn3 member_gone contract=c node=sl2"});
    const JsonValue all = json();
    ASSERT_EQ(all.find("alarms")->items.size(), 1U);
    EXPECT_EQ(text(all.find("alarms")->items.at(0).value, "count"), "3");
}

TEST_F(BoardTest, MembersThatLeaveAfterTheEndAreNoAlarm) {
    two_members();
    lines({"3000 sn1 contract_ended contract=c run=0 phase=complete",
           "4000 sn1 member_gone contract=c node=sl2"});
    EXPECT_EQ(json().find("alarms")->items.size(), 0U);
    EXPECT_EQ(wait(), "The training is complete.");
}

TEST(Board, KeepsNoMoreThanItsLimits) {
    RunModel model({.nodes = 10,
                    .spans = 100,
                    .rounds = 20,
                    .points = 50,
                    .transfers = 60,
                    .log = 30,
                    .alarms = 5});
    for (int i = 0; i < 5'000; ++i) {
        const std::string node = "sl" + std::to_string(i % 40);
        const std::string round = std::to_string(i / 2);
        for (const std::string& event :
             {"session_opened contract=c" + std::to_string(i) + " run=" + round,
              "check_in loss_millionths=5 round=" + round,
              "scalar value=1 name=n" + round + " round=" + round, "no_answer address=a" + round,
              "exchange_done from=sl1:5,sl" + round + ":6,*:7 round=" + round}) {
            const std::string line = std::to_string(i * 1000) + " " + node + " " + event;
            const auto text = parse_trace_line(line);
            ASSERT_TRUE(text);
            model.add(text->time_ns, text->node, text->event);
        }
    }
    const Result<JsonValue> json = parse_json(model.json());
    ASSERT_TRUE(json);
    for (const auto& [list, most] : std::map<std::string, std::size_t>{{"nodes", 10},
                                                                       {"spans", 100},
                                                                       {"rounds", 20},
                                                                       {"waits", 80},
                                                                       {"losses", 50},
                                                                       {"scalars", 50},
                                                                       {"transfers", 60},
                                                                       {"links_before", 250},
                                                                       {"log", 30},
                                                                       {"alarms", 5},
                                                                       {"contracts", 1001}}) {
        EXPECT_LE(json->find(list)->items.size(), most) << list;
        EXPECT_GT(json->find(list)->items.size(), 0U) << list;
    }
}

TEST(Board, WordsExistForEventsThatExist) {
    for (const EventKind& kind : event_kinds()) {
        if (const EventWords* words = find_event_words(kind.name)) {
            // Each field in the words is one of the event's.
            const std::string all = " " + std::string(kind.fields);
            for (std::size_t at = words->words.find('{'); at != std::string_view::npos;
                 at = words->words.find('{', at + 1)) {
                const std::string_view key =
                    words->words.substr(at + 1, words->words.find_first_of(":}", at) - at - 1);
                EXPECT_NE(all.find(" " + std::string(key) + ":"), std::string::npos)
                    << kind.name << " has no field " << key;
            }
        }
    }
}

TEST(Board, NoTextOfARunCanEndTheScriptThatItStandsIn) {
    RunModel model;
    TraceEvent event =
        TraceEvent("no_answer").with("address", "</script><script>alert(1)</script>");
    model.add(0, "<img src=x onerror=alert(1)>", event);
    const ShownRun run{"run", "recorded", &model};
    const std::string page = report_page("</title><b>", std::span(&run, 1), "", {1, 2, 3, 4});
    const std::size_t data = page.find("id=\"data\">");
    ASSERT_NE(data, std::string::npos);
    const std::string inside = page.substr(data + 10, page.find("</script>", data) - data - 10);
    const Result<JsonValue> json = parse_json(inside);
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(json->find("title")->text, "</title><b>");
    EXPECT_EQ(page.find("<img"), std::string::npos);
}

TEST(Board, ThePageLoadsNothingAndIsLight) {
    const ShownRun* none = nullptr;
    const std::string page = report_page("t", std::span(none, 0), "", {1, 2, 3, 4});
    EXPECT_LE(page.size(), 500'000U);
    for (const char* loads : {"src=\"http", "href=\"http", "@import", "url(", "import {"}) {
        EXPECT_EQ(page.find(loads), std::string::npos) << loads;
    }
    for (const PageFile& file : page_files()) {
        EXPECT_EQ(file.text.find("innerHTML"), std::string_view::npos) << file.name;
    }
}

}  // namespace
}  // namespace starling
