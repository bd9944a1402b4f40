// Records of runs: what is written is read back, what others wrote is refused or escaped, and the
// files for TensorBoard and MLflow are theirs, byte by byte.
#include <cmath>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/base/bytes.hpp"
#include "core/files/read_file.hpp"
#include "core/json/json.hpp"
#include "core/runs/run_origin.hpp"
#include "core/runs/run_results.hpp"
#include "core/runs/run_store.hpp"
#include "core/trace/trace_text.hpp"
#include "deploy/runs/mlflow.hpp"
#include "deploy/runs/runs_text.hpp"
#include "deploy/runs/tensorboard.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

namespace fs = std::filesystem;

std::string hex(std::string_view bytes) { return to_hex(std::as_bytes(std::span(bytes))); }

RunRecord some_record(const std::string& id = "20261128-120000-abcdef") {
    RunRecord record;
    record.id = id;
    record.kind = "simulated";
    record.recorded_s = 1'795'000'000;
    record.started_us = 1'795'000'000'000'000;
    record.program = "swarm-sim";
    record.commit = "0123456789abcdef";
    record.seed = 7;
    record.command = {"swarm-sim", "a b.xml"};
    record.configuration = {{"platform", "two.xml"}, {"faults", "t=1s kill h"}};
    record.results = {"complete", 3, 2, 4.5, 1.25, 1000, "ab"};
    record.series = {{"sl1", "loss", {{0, 10, 2.5}, {2, 2'000'010, 0.5}}},
                     {"sl1", "val", {{1, 5, std::nan("")}}},
                     {"sl1", "val/accuracy", {{1, 5, 0.25}}},
                     {"swarm", "round_seconds", {{1, 20, 1.25}}}};
    return record;
}

class Runs : public testing::Test {
protected:
    std::string text_of(const fs::path& file) const {
        const Result<std::string> text = read_whole_file(folder.path() / file);
        EXPECT_TRUE(text) << (text ? "" : text.error().message);
        return text ? *text : "";
    }
    void put(const std::string& name, const std::string& text) const {
        fs::create_directories(folder.path());
        std::ofstream(folder.path() / name) << text;
    }

    TemporaryDirectory folder;
    RunStore store{folder.path()};
};

TEST_F(Runs, ARecordIsReadAsItWasWritten) {
    ASSERT_TRUE(store.write(some_record()));
    const Result<RunRecord> read = store.find("2026");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(to_json(*read), to_json(some_record()));
    EXPECT_TRUE(std::isnan(read->series.at(1).points.at(0).value));
    EXPECT_EQ(read->seed, 7U);
    ASSERT_TRUE(store.write(some_record()));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1) << "no leftovers";
}

TEST_F(Runs, DamagedRecordsAreNamedAndTheOthersListed) {
    ASSERT_TRUE(store.write(some_record("good")));
    put("empty.json", "");
    put("cut.json", to_json(some_record("cut")).substr(0, 300));
    put("other.json", to_json(some_record("good")));
    put("deep.json", std::string(100'000, '['));
    put("note.txt", "not looked at");
    fs::create_directory(folder.path() / "folder.json");
    const Result<RunStore::Listed> listed = store.list();
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->runs.size(), 1U);
    EXPECT_EQ(listed->runs[0].id, "good");
    ASSERT_EQ(listed->errors.size(), 5U);
    for (const char* name : {"cut.json", "deep.json", "empty.json", "folder.json", "other.json"}) {
        const bool named = std::any_of(
            listed->errors.begin(), listed->errors.end(),
            [&](const std::string& error) { return error.find(name) != std::string::npos; });
        EXPECT_TRUE(named) << name;
    }
    EXPECT_EQ(store.find("nothing").error().code, Errc::not_found);
    EXPECT_EQ(store.find("../good").error().code, Errc::not_found);
    EXPECT_EQ(RunStore(folder.path() / "away").list().error().code, Errc::io);
}

TEST_F(Runs, APipeIsNamedInsteadOfWaitingForItsWriter) {
    ASSERT_TRUE(store.write(some_record("good")));
    ASSERT_EQ(::mkfifo((folder.path() / "pipe.json").c_str(), 0600), 0);
    const Result<RunStore::Listed> listed = store.list();
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->runs.size(), 1U);
    EXPECT_EQ(listed->errors, std::vector<std::string>{(folder.path() / "pipe.json").string() +
                                                       " is not a regular file"});
    EXPECT_EQ(store.find("pipe").error().code, Errc::malformed);
    EXPECT_EQ(store.find("latest")->id, "good");
}

TEST_F(Runs, ARunIsFoundByItsBeginningIfNoOtherBeginsSo) {
    RunRecord newest = some_record("20261128-a");
    newest.recorded_s += 1;
    ASSERT_TRUE(store.write(newest));
    ASSERT_TRUE(store.write(some_record("20261128-b")));
    EXPECT_EQ(store.find("latest")->id, "20261128-a");
    EXPECT_EQ(store.find("20261128-b")->id, "20261128-b");
    EXPECT_EQ(store.find("2026").error().message,
              "'2026' may be 20261128-b or 20261128-a: use more of the id");
}

TEST(RunRecord, WhateverTheBytesAreARecordKeepsToItsRules) {
    const std::string good = to_json(some_record());
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return parse_run_record(text.replace(at, from.size(), to));
    };
    ASSERT_TRUE(parse_run_record(good));
    EXPECT_FALSE(with("\"20261128-120000-abcdef\"", "\"../x\""));
    EXPECT_FALSE(with("\"member\": \"sl1\"", "\"member\": \"../..\""));
    EXPECT_FALSE(with("\"name\": \"val/accuracy\"", "\"name\": \"/etc/passwd\""));
    EXPECT_FALSE(with("[0, 10, 2.5]", "[0, 10]"));
    EXPECT_FALSE(with("[0, 10, 2.5]", "[3, 10, 2.5]")) << "rounds ascend";
    EXPECT_FALSE(with("[0, 10, 2.5]", "[0, -10, 2.5]"));
    EXPECT_FALSE(with("[0, 10, 2.5]", "[0, 9223372036854775807, 2.5]"));
    EXPECT_FALSE(with("\"recorded_s\": 1795000000", "\"recorded_s\": 9223372036854775807"));
    EXPECT_FALSE(with("[0, 10, 2.5]", "[0, 10, \"x\"]"));
    EXPECT_FALSE(with("\"format\": 1", "\"format\": 2"));
    EXPECT_FALSE(with("\"seed\": 7", "\"seed\": -7"));
    EXPECT_FALSE(with("\"configuration\": {", "\"configuration\": [],\"x\": {"));
    EXPECT_FALSE(parse_run_record("[]"));
    for (std::size_t size = 0; size + 1 < good.size(); ++size) {
        EXPECT_FALSE(parse_run_record(good.substr(0, size))) << size;
    }
}

TEST(RunRecord, AnIdTellsTheTimeAndTheCommitIsThatOfTheWorkingDirectory) {
    const RunRecord record = record_of_here(1'795'000'000, 0xABCDEF, "x", {});
    EXPECT_EQ(record.id, "20261118-110640-abcdef");
    EXPECT_TRUE(is_run_id(record.id));
    EXPECT_TRUE(record.commit.empty() || record.commit.size() == 40) << record.commit;
    EXPECT_FALSE(record.machine.empty());
}

/// The record of a run with these events.
RunRecord recorded(const std::vector<std::string>& lines) {
    RunModel model;
    for (const std::string& line : lines) {
        const auto text = parse_trace_line(line);
        EXPECT_TRUE(text) << line;
        model.add(text->time_ns, text->node, text->event);
    }
    RunRecord record;
    EXPECT_TRUE(take_results(model, record));
    return record;
}

std::string series_of(const RunRecord& record) {
    std::string text;
    for (const RunSeries& series : record.series) {
        text += series.member + " " + series.name + ":";
        for (const RunPoint& point : series.points) {
            text +=
                " " + std::to_string(point.round) + "=" + std::to_string(point.value).substr(0, 5);
        }
        text += "\n";
    }
    return text;
}

TEST(RunResults, LongTextsOfATraceAreCut) {
    const std::string text(65'000, 'x');
    RunModel model;
    const auto add = [&](const std::string& line) {
        const auto read = parse_trace_line(line);
        ASSERT_TRUE(read) << line.substr(0, 80);
        model.add(read->time_ns, read->node, read->event);
    };
    for (int i = 1; i <= 300; ++i) {
        const std::string number = std::to_string(i);
        add(number + " s" + number + " session_opened contract=" + text + " run=0 bytes=1");
        add(number + " m" + number + " sl_connected sl=" + text);
        add(number + " s" + number + " exchange_plan round=" + number + " plan=" + text);
    }
    EXPECT_LT(model.json().size(), 4'000'000U) << "of 58 MB of texts";
    RunRecord record;
    EXPECT_TRUE(take_results(model, record));
}

TEST(RunResults, OfAPictureThatIsTooLargeAreRefused) {
    RunModel model({.log = 40'000});
    for (int i = 0; i < 40'000; ++i) {
        TraceEvent event("note");
        event.level = Level::info;
        event.text = std::to_string(i) + std::string(490, '\x01');  // six bytes each in JSON
        model.add(i, "sl1", event);
    }
    RunRecord record;
    record.results.rounds = 7;
    const Result<void> taken = take_results(model, record);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Errc::too_large);
    EXPECT_EQ(record.results.rounds, 7U);
}

TEST(RunResults, AreThoseOfTheTrace) {
    const RunRecord record = recorded({
        "1000000 sl1 session_opened contract=c run=0 bytes=8",
        "1100000 ml1 sl_connected sl=sl1",
        "2000000 sl1 check_in round=0 loss_millionths=2500000",
        "2000000 sl1 scalar round=0 name=lr value=0.1",
        "3000000 sn1 round_committed contract=c run=0 round=0 members=2 digest=aa final=0",
        "4000000 sl1 check_in round=1 loss_millionths=1500000",
        "4500000 sl1 check_in round=1 loss_millionths=1250000",
        "4500000 sl1 scalar round=1 name=lr value=nan",
        "5000000 sn1 round_committed contract=c run=0 round=1 members=2 digest=bb final=0",
        "8000000 sn1 round_committed contract=c run=0 round=2 members=1 digest=cc final=1",
        "8500000 sn1 contract_ended contract=c run=0 phase=complete",
        "9000000 ml1 evaluation correct=3 samples=4 classes=2",
    });
    EXPECT_EQ(record.results.end, "complete");
    EXPECT_EQ(record.results.rounds, 3U);
    EXPECT_EQ(record.results.members, 2U);
    EXPECT_DOUBLE_EQ(record.results.seconds, 0.008);
    EXPECT_DOUBLE_EQ(record.results.round_seconds, 0.0025);
    EXPECT_EQ(record.results.digest, "cc");
    EXPECT_EQ(record.started_us, 1000);
    EXPECT_EQ(series_of(record),
              "sl1 accuracy: 0=0.750\nsl1 loss: 0=2.500 1=1.250\nsl1 lr: 0=0.100 1=nan\n"
              "swarm round_seconds: 1=0.002 2=0.003\nswarm sent_bytes: 0=0.000 1=0.000 2=0.000\n");
}

TEST(RunResults, OfSeveralTrainingsInOneTraceTheNewestCounts) {
    const RunRecord record = recorded({
        "1000000 sl1 session_opened contract=c run=0 bytes=8",
        "2000000 sl1 check_in round=5 loss_millionths=9000000",
        "3000000 sn1 round_committed contract=c run=0 round=5 members=2 digest=aa final=1",
        "4000000 sl1 session_opened contract=c run=1 bytes=8",
        "5000000 sl1 check_in round=0 loss_millionths=1000000",
        "6000000 sn1 round_committed contract=c run=1 round=0 members=3 digest=bb final=0",
    });
    EXPECT_EQ(record.results.rounds, 1U);
    EXPECT_EQ(record.results.members, 3U);
    EXPECT_EQ(record.results.digest, "bb");
    EXPECT_EQ(record.results.end, "not ended");
    EXPECT_EQ(series_of(record), "sl1 loss: 0=1.000\nswarm sent_bytes: 0=0.000\n");
}

TEST(RunResults, HostileEventsGiveARecordThatIsReadAgain) {
    RunRecord record = recorded({
        "1000 ../../x check_in round=0 loss_millionths=1",
        "2000 a%22%3Cb%3E check_in round=18446744073709551615 loss_millionths=18446744073709551615",
        "3000 sl1 check_in round=9223372036854775808 loss_millionths=1",
        "4000 sl1 scalar round=1 name=../../y value=1",
        "500 sl1 scalar round=7 name=before.the.first value=1",
        "9223372036854775807 sl1 scalar round=1 name=a value=1e308",
        "5000 sn1 round_committed contract=%3Cb%3E run=4294967295 round=3 members=99999999999 "
        "digest=%0A",
    });
    record.id = "x";
    const Result<RunRecord> again = parse_run_record(to_json(record));
    ASSERT_TRUE(again) << again.error().message;
    for (const RunSeries& series : again->series) {
        EXPECT_TRUE(series.member == "sl1" || series.member == "swarm") << series.member;
    }
}

TEST(TensorBoard, ChecksumsAreThoseOfRfc3720) {
    EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
}

TEST(TensorBoard, AFileBeginsAsThoseOfTensorFlowDo) {
    // The first twelve bytes of each of their event files: a record of 24 bytes.
    const std::string record = tf_record(tf_version_event(1'500'000'000.0));
    EXPECT_EQ(hex(record.substr(0, 12)), "1800000000000000a37f4b22");
    EXPECT_EQ(hex(record.substr(12, 24)), "09000000c00b5ad6411a0d" + hex("brain.Event:2"));
    EXPECT_EQ(record.size(), 12U + 24U + 4U);
}

TEST(TensorBoard, AScalarIsAnEventWithASummary) {
    EXPECT_EQ(hex(tf_scalar_event(1.0, 300, "loss", 0.5F)),
              "09000000000000f03f"  // 1: wall_time 1.0
              "10ac02"              // 2: step 300
              "2a0d"                // 5: summary, 13 bytes
              "0a0b"                //   1: value, 11 bytes
              "0a046c6f7373"        //     1: tag "loss"
              "150000003f");        //     2: simple_value 0.5
}

TEST_F(Runs, ASeriesOfEachMemberIsARunOfTensorBoard) {
    const std::vector<RunRecord> runs{some_record()};
    ASSERT_TRUE(write_tensorboard(runs, folder.path()));
    const fs::path run = "20261128-120000-abcdef";
    const std::string file = text_of(run / "sl1" / "events.out.tfevents.1795000000.starling");
    EXPECT_NE(file.find("val/accuracy"), std::string::npos);
    EXPECT_TRUE(fs::exists(folder.path() / run / "swarm"));
}

TEST_F(Runs, MlflowHasARunWithParametersAndAChildRunOfEachMember) {
    std::vector<RunRecord> runs{some_record()};
    runs[0].configuration["text/../x"] = "two\nlines and \xC3\xA4" + std::string(600, 'x');
    ASSERT_TRUE(write_mlflow(runs, folder.path()));
    ASSERT_TRUE(write_mlflow(runs, folder.path())) << "a second time replaces the first";
    const fs::path run = "starling/20261128-120000-abcdef";
    EXPECT_EQ(text_of(run / "params/platform"), "two.xml");
    EXPECT_EQ(text_of(run / "params/seed"), "7");
    const std::string text = text_of(run / "params/text_.._x");
    EXPECT_TRUE(text.starts_with("two lines and \xC3\xA4xx")) << text;
    EXPECT_EQ(text.size(), 490U) << "what old versions of MLflow read";
    EXPECT_EQ(text_of(run / "tags/mlflow.source.git.commit"), "0123456789abcdef");
    EXPECT_EQ(text_of(run / "metrics/round_seconds"), "1795000000000 1.25 1\n");
    const fs::path child = "starling/20261128-120000-abcdef-sl1";
    EXPECT_EQ(text_of(child / "tags/mlflow.parentRunId"), "20261128-120000-abcdef");
    EXPECT_EQ(text_of(child / "metrics/loss"), "1795000000000 2.5 0\n1795000002000 0.5 2\n");
    EXPECT_EQ(text_of(child / "metrics/val"), "1795000000000 nan 1\n");
    EXPECT_EQ(text_of(child / "metrics/val.accuracy"), "1795000000000 0.25 1\n")
        << "'val' is a file, so 'val/accuracy' can't be one";
    EXPECT_NE(text_of("starling/meta.yaml").find("\nname: \"starling\"\n"), std::string::npos);
    EXPECT_NE(text_of(child / "meta.yaml").find("\nstatus: 3\n"), std::string::npos);
}

TEST_F(Runs, MlflowKeepsWhatPeopleAddedWhenARunIsExportedAgain) {
    std::vector<RunRecord> runs{some_record()};
    ASSERT_TRUE(write_mlflow(runs, folder.path()));
    const fs::path run = "starling/20261128-120000-abcdef";
    put(run / "artifacts/plot.svg", "<svg/>");
    put(run / "tags/mlflow.note.content", "the best one");
    put(run / "tags/starling.end", "overwritten");
    runs[0].configuration.erase("faults");
    runs[0].series.pop_back();
    ASSERT_TRUE(write_mlflow(runs, folder.path()));
    EXPECT_EQ(text_of(run / "artifacts/plot.svg"), "<svg/>");
    EXPECT_EQ(text_of(run / "tags/mlflow.note.content"), "the best one");
    EXPECT_EQ(text_of(run / "tags/starling.end"), "complete");
    EXPECT_FALSE(fs::exists(folder.path() / run / "params/faults"));
    EXPECT_FALSE(fs::exists(folder.path() / run / "metrics/round_seconds"));
}

TEST_F(Runs, MlflowHasMembersAndParametersWithSimilarNamesSideBySide) {
    RunRecord run = some_record("r");
    RunRecord other = some_record("r-sl1");
    run.series.push_back({"sl.1", "loss", {{0, 0, 1.0}}});
    run.series.push_back({"sl_1", "loss", {{0, 0, 2.0}}});
    run.configuration = {{"a.b", "1"}, {"a_b", "2"}, {"a b", "3"}, {"..", "4"}};
    const std::vector<RunRecord> runs{run, other};
    ASSERT_TRUE(write_mlflow(runs, folder.path()));
    const fs::path base = "starling";
    EXPECT_EQ(text_of(base / "r-sl_1/tags/mlflow.runName"), "r sl.1");
    EXPECT_EQ(text_of(base / "r-sl_1-2/tags/mlflow.runName"), "r sl_1");
    EXPECT_EQ(text_of(base / "r-sl1/tags/mlflow.runName"), "r-sl1") << "a run, no member";
    EXPECT_EQ(text_of(base / "r-sl1-2/tags/mlflow.runName"), "r sl1");
    EXPECT_EQ(text_of(base / "r/params/a.b"), "1");
    EXPECT_EQ(text_of(base / "r/params/a_b"), "3");
    EXPECT_EQ(text_of(base / "r/params/a_b-2"), "2");
    EXPECT_EQ(text_of(base / "r/params/_."), "4");
}

TEST_F(Runs, MlflowHasAFileForEachMetricHoweverSimilarTheNames) {
    RunRecord run = some_record("r");
    run.series.clear();
    const std::vector<std::string> names = {
        "val", "val/accuracy", "val.accuracy", "val/a/b", "val/a", "x", "x/y", "x.y/z"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        run.series.push_back({"sl1", names[i], {{0, 0, static_cast<double>(i)}}});
    }
    ASSERT_TRUE(write_mlflow(std::vector<RunRecord>{run}, folder.path()));
    std::set<std::string> values;
    for (const auto& file :
         fs::recursive_directory_iterator(folder.path() / "starling/r-sl1/metrics")) {
        if (file.is_regular_file()) {
            const std::string text = text_of(fs::relative(file.path(), folder.path()));
            EXPECT_TRUE(values.insert(text).second) << file.path();
        }
    }
    EXPECT_EQ(values.size(), names.size());
    EXPECT_FALSE(text_of("starling/r-sl1/metrics/val").empty());
    EXPECT_FALSE(text_of("starling/r-sl1/metrics/val.accuracy").empty());
    EXPECT_FALSE(text_of("starling/r-sl1/metrics/val.accuracy-2").empty());
    EXPECT_FALSE(text_of("starling/r-sl1/metrics/x.y/z").empty());
}

TEST_F(Runs, MlflowGivesNobodyTheIdOfAnotherHoweverTheyAreExported) {
    RunRecord run = some_record("r");
    run.series.push_back({"sl.1", "loss", {{0, 0, 1.0}}});
    run.series.push_back({"sl_1", "loss", {{0, 0, 2.0}}});
    const RunRecord other = some_record("r-sl1");
    const auto names = [&] {
        std::set<std::string> found;
        for (const auto& place : fs::directory_iterator(folder.path() / "starling")) {
            if (place.is_directory()) {
                found.insert(
                    text_of(fs::relative(place.path(), folder.path()) / "tags/mlflow.runName"));
            }
        }
        return found;
    };
    const std::set<std::string> all = {"r", "r sl1", "r sl.1", "r sl_1", "r-sl1", "r-sl1 sl1"};
    for (int time = 0; time < 2; ++time) {
        ASSERT_TRUE(write_mlflow(std::vector<RunRecord>{run}, folder.path()));
        ASSERT_TRUE(write_mlflow(std::vector<RunRecord>{other}, folder.path()));
        ASSERT_TRUE(write_mlflow(std::vector<RunRecord>{other, run}, folder.path()));
        EXPECT_EQ(names(), all) << "each has a folder of its own";
        const auto folders = std::distance(fs::directory_iterator(folder.path() / "starling"),
                                           fs::directory_iterator());
        EXPECT_EQ(folders, 7) << "six runs and meta.yaml: none twice";
    }
}

TEST(RunsText, ShowsWhatDiffersAndNothingElse) {
    RunRecord one = some_record("a");
    RunRecord other = some_record("b");
    EXPECT_EQ(difference_text(one, other), "");
    other.configuration["faults"] = "none";
    other.configuration["date"] = "2026-11-30";
    other.series[0].points.back().value = 0.25;
    const std::string text = difference_text(one, other);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
    EXPECT_NE(text.find("configuration date    (not set)    2026-11-30\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("last loss of sl1"), std::string::npos) << text;
    const Result<JsonValue> json = parse_json(difference_json(one, other));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->find("differences")->items.size(), 3U);
}

TEST(RunsText, ControlCharactersOfARecordDoNotReachTheTerminal) {
    RunRecord record = some_record();
    record.name = "\x1b[2J\x07";
    record.configuration["k\x1b"] = "v\r\nw";
    for (const std::string& text : {runs_table(std::span(&record, 1)), run_text(record),
                                    difference_text(record, some_record())}) {
        for (const char c : text) {
            EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= ' ') << text;
        }
    }
    EXPECT_TRUE(parse_json(runs_json(std::span(&record, 1), {})));
}

}  // namespace
}  // namespace starling::test
