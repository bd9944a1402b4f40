#include "options/node_options.hpp"

#include <gtest/gtest.h>

#include "options/nearest_name.hpp"
#include "options/node_flags.hpp"
#include "options/shell_words.hpp"

namespace starling {
namespace {

using Words = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

const Words sl_minimum{"--host-ip=127.0.1.1", "--sn-ip=127.0.1.2"};

Words operator+(Words left, const Words& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

SlOptions sl(const Words& arguments, const Environment& environment = {}) {
    const Result<Parsed<SlOptions>> parsed = parse_run_sl(arguments, environment);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
    return parsed && parsed->options ? *parsed->options : SlOptions{};
}

/// The message of a usage error, or "accepted".
std::string sl_error(const Words& arguments, const Environment& environment = {}) {
    const Result<Parsed<SlOptions>> parsed = parse_run_sl(arguments, environment);
    if (parsed) {
        return "accepted";
    }
    EXPECT_EQ(parsed.error().code, Errc::usage);
    return parsed.error().message;
}

TEST(RunSnOptions, EveryFlagIsRead) {
    const auto parsed = parse_run_sn(
        {"--name=sn1", "--host-ip", "sn.example.org", "--sentinel", "--sn-api-port=30404",
         "--sn-election-timeout=1500", "--sn-snapshot-interval=500", "--sn-archive-entries=2000",
         "--key=k.pem", "--cert", "c.pem", "--capath=ca", "--cacert=ca.pem", "--workspace=w",
         "--trace=t.trace", "--log-level=WARN"},
        {});
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    ASSERT_TRUE(parsed->options.has_value());
    const SnOptions& options = *parsed->options;
    EXPECT_EQ(options.common.name, "sn1");
    EXPECT_EQ(options.common.host_ip, "sn.example.org");
    EXPECT_TRUE(options.sentinel);
    EXPECT_EQ(options.api_port, 30404);
    EXPECT_EQ(options.election_timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(options.archive_entries, 2000U);
    EXPECT_EQ(options.common.key, "k.pem");
    EXPECT_EQ(options.common.cert, "c.pem");
    EXPECT_EQ(options.common.ca_path, "ca");
    EXPECT_EQ(options.common.ca_cert, "ca.pem");
    EXPECT_EQ(options.common.workspace, "w");
    EXPECT_EQ(options.common.trace, "t.trace");
    EXPECT_EQ(options.common.log_level, "warning");
}

TEST(RunSnOptions, DefaultsMatchTheHelp) {
    const auto parsed = parse_run_sn({"--host-ip=::1"}, {});
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    const SnOptions& options = *parsed->options;
    EXPECT_FALSE(options.sentinel);
    EXPECT_EQ(options.api_port, 30304);
    EXPECT_EQ(options.election_timeout, std::chrono::milliseconds(500));
    EXPECT_EQ(options.common.workspace, "workspace");
    EXPECT_EQ(options.common.log_level, "info");
    EXPECT_EQ(options.common.name, "");
    EXPECT_EQ(options.common.trace, "");
}

TEST(RunSnOptions, AnAddressThatCannotBeDialledIsRefused) {
    for (const std::string text :
         {"0.0.0.0", "0", "0x0.0", "::", "0:0::0", "::ffff:0.0.0.0", "::%lo"}) {
        const auto parsed = parse_run_sn({"--host-ip=" + text}, {});
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().message,
                  "--host-ip: '" + text +
                      "' means every address of a host: name one that other nodes can dial. "
                      "See run-sn --help");
        EXPECT_FALSE(parse_run_sl({"--host-ip=::1", "--sn-ip=" + text}, {}).has_value()) << text;
    }
    for (const std::string text :
         {"0.0.0.1", "::1", "fe80::1%lo", "zero.example.org", "10.0.0.0"}) {
        EXPECT_TRUE(parse_run_sn({"--host-ip=" + text}, {}).has_value()) << text;
    }
}

TEST(RunSnOptions, ASwitchTakesNoValue) {
    const auto parsed = parse_run_sn({"--host-ip=::1", "--sentinel=no"}, {});
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().message, "--sentinel takes no value. See run-sn --help");
}

TEST(RunSlOptions, EveryFlagIsRead) {
    const SlOptions options =
        sl({"--name", "sl2", "--host-ip=172.16.0.2", "--sn-ip=172.16.0.1", "--sn-api-port", "31000",
            "--sl-fs-port=31001", "--ml-name=learner", "--ml-entrypoint=bin/cifar10",
            "--site=north", "--ml-cmd=--rate 0.1 'two words'", "--ml-w=work", "--ml-e",
            "MAX_EPOCHS=2", "--ml-e=NOTE=a=b c"});
    EXPECT_EQ(options.common.name, "sl2");
    EXPECT_EQ(options.sns, (std::vector<Address>{{"172.16.0.1", 31000}}));
    EXPECT_EQ(options.fs_port, 31001);
    EXPECT_EQ(options.site, "north");
    EXPECT_EQ(options.ml.name, "learner");
    EXPECT_EQ(options.ml.entrypoint, "bin/cifar10");
    EXPECT_EQ(options.ml.arguments, (Words{"--rate", "0.1", "two words"}));
    EXPECT_EQ(options.ml.working_directory, "work");
    EXPECT_EQ(options.ml.environment, (Environment{{"MAX_EPOCHS", "2"}, {"NOTE", "a=b c"}}));
    EXPECT_TRUE(options.ml.configured());
}

TEST(RunSlOptions, AValueMayLookLikeAFlag) {
    EXPECT_EQ(sl(sl_minimum + Words{"--ml-cmd", "--epochs=2"}).ml.arguments, Words{"--epochs=2"});
    EXPECT_EQ(sl(sl_minimum + Words{"--ml-cmd", "[1,2]"}).ml.arguments, Words{"[1,2]"});
    // An empty variable means no arguments.
    EXPECT_EQ(sl(sl_minimum + Words{"--ml-cmd="}).ml.arguments, Words{});
    EXPECT_EQ(sl(sl_minimum + Words{"--ml-cmd", ""}).ml.arguments, Words{});
    EXPECT_EQ(sl(sl_minimum + Words{"--ml-cmd=", "--ml-w=work"}).ml.working_directory, "work");
    EXPECT_EQ(sl(sl_minimum + Words{"--ml-e", "EMPTY="}).ml.environment,
              (Environment{{"EMPTY", ""}}));
}

TEST(RunSlOptions, TheMlIsNamedAfterItsSl) {
    EXPECT_EQ(sl(sl_minimum + Words{"--name=sl-7"}).ml.name, "ml-7");
    EXPECT_EQ(sl(sl_minimum + Words{"--name=north"}).ml.name, "north-ml");
    EXPECT_EQ(sl(sl_minimum).ml.name, "");
    EXPECT_FALSE(sl(sl_minimum).ml.configured());
}

TEST(RunSlOptions, VariablesReplaceMissingFlags) {
    const Environment environment{{"SWARM_ID_KEY", "k"},          {"SWARM_ID_CERT", "c"},
                                  {"SWARM_ID_CAPATH", "p"},       {"SWARM_ID_CACERT", "f"},
                                  {"SWARM_LOG_LEVEL", "DEBUG"},   {"SN_NODE_IP", "10.0.0.1"},
                                  {"SN_API_SERVER_PORT", "4001"}, {"SL_FS_PORT", "4002"}};
    const SlOptions options = sl({"--host-ip=10.0.0.2"}, environment);
    EXPECT_EQ(options.common.key, "k");
    EXPECT_EQ(options.common.cert, "c");
    EXPECT_EQ(options.common.ca_path, "p");
    EXPECT_EQ(options.common.ca_cert, "f");
    EXPECT_EQ(options.common.log_level, "debug");
    EXPECT_EQ(options.sns, (std::vector<Address>{{"10.0.0.1", 4001}}));
    EXPECT_EQ(options.fs_port, 4002);

    const SlOptions flags_win =
        sl({"--host-ip=10.0.0.2", "--sn-ip=10.0.0.9", "--sl-fs-port=5"}, environment);
    EXPECT_EQ(flags_win.sns, (std::vector<Address>{{"10.0.0.9", 4001}}));
    EXPECT_EQ(flags_win.fs_port, 5);
}

TEST(RunSlOptions, AnEmptyVariableCountsAsUnset) {
    EXPECT_EQ(sl(sl_minimum, {{"SL_FS_PORT", ""}}).fs_port, 30305);
}

TEST(RunSlOptions, AnInvalidVariableIsNamed) {
    EXPECT_EQ(
        sl_error(sl_minimum, {{"SL_FS_PORT", "many"}}),
        "environment variable SL_FS_PORT: 'many' is not a port: a whole number from 1 to 65535. "
        "See run-sl --help");
}

TEST(RunSlOptions, AnUnknownFlagGetsTheNearestName) {
    EXPECT_EQ(sl_error(sl_minimum + Words{"--sn-prot=30304"}),
              "unknown flag '--sn-prot': did you mean '--sn-api-port'? See run-sl --help");
    EXPECT_EQ(sl_error(sl_minimum + Words{"--sn-prot", "30304"}),
              "unknown flag '--sn-prot': did you mean '--sn-api-port'? See run-sl --help");
    EXPECT_EQ(sl_error(sl_minimum + Words{"--qqqqqqqq"}),
              "unknown flag '--qqqqqqqq'. See run-sl --help");
    EXPECT_EQ(sl_error(sl_minimum + Words{"stray"}),
              "argument 'stray' does not belong to a flag. See run-sl --help");
}

TEST(RunSlOptions, MissingFlagsAreNamed) {
    EXPECT_EQ(sl_error({"--sn-ip=127.0.0.1"}), "--host-ip is missing. See run-sl --help");
    EXPECT_EQ(sl_error({"--host-ip=127.0.0.1"}), "--sn-ip is missing. See run-sl --help");
    EXPECT_EQ(sl_error(sl_minimum + Words{"--name"}), "--name needs a value. See run-sl --help");
    EXPECT_EQ(sl_error(Words{"--name="} + sl_minimum), "--name needs a value. See run-sl --help");
    EXPECT_EQ(sl_error(Words{"--name", ""} + sl_minimum),
              "--name needs a value. See run-sl --help");
    EXPECT_EQ(sl_error(sl_minimum + Words{"--key=k"}),
              "--key is given without --cert. See run-sl --help");
    EXPECT_EQ(sl_error(sl_minimum + Words{"--cert=c"}),
              "--cert is given without --key. See run-sl --help");
}

struct BadValue {
    std::string argument;
    std::string complaint;
};

/// The flag alone: a backslash in a value would break CTest's list of tests.
void PrintTo(const BadValue& value, std::ostream* out) {
    *out << value.argument.substr(0, value.argument.find('='));
}

class RunSlBadValue : public testing::TestWithParam<BadValue> {};

TEST_P(RunSlBadValue, IsRefusedWithFlagAndValue) {
    const std::string& argument = GetParam().argument;
    const std::string message = sl_error(sl_minimum + Words{argument});
    const std::string flag = argument.substr(0, argument.find('='));
    EXPECT_TRUE(message.starts_with(flag)) << message;
    EXPECT_NE(message.find(GetParam().complaint), std::string::npos) << message;
    EXPECT_LT(message.size(), 300U) << "a long value is not repeated in full";
}

INSTANTIATE_TEST_SUITE_P(
    Table, RunSlBadValue,
    testing::Values(BadValue{"--sl-fs-port=0", "'0' is not a port"},
                    BadValue{"--sl-fs-port=65536", "'65536' is not a port"},
                    BadValue{"--sn-api-port=-1", "'-1' is not a port"},
                    BadValue{"--sn-api-port=80x", "'80x' is not a port"},
                    BadValue{"--sn-api-port=99999999999999999999", "is not a port"},
                    BadValue{"--name=a b", "is not a node name"},
                    BadValue{"--name=..", "is not a node name"},
                    BadValue{"--name=" + std::string(65, 'n'), "is not a node name"},
                    BadValue{"--ml-name=../x", "is not a node name"},
                    BadValue{"--log-level=loud", "'loud' is not a level"},
                    BadValue{"--workspace=" + std::string(5000, 'w'), "is no path"},
                    BadValue{"--ml-cmd='open", "a quote (') is not closed"},
                    BadValue{"--ml-cmd=tail\\", "the last character is a backslash"},
                    BadValue{"--ml-e=NOVALUE", "is not NAME=VALUE"},
                    BadValue{"--ml-e==x", "is not NAME=VALUE"},
                    BadValue{"--ml-e=1A=x", "is not NAME=VALUE"},
                    BadValue{"--host-ip=127.0.0.9", "is given 2 times"}));

TEST(RunSlOptions, InvalidAddressesAreRefused) {
    for (const std::string host : {"a b", "--sn-ip", "http://x/", ""}) {
        EXPECT_NE(sl_error({"--host-ip", host, "--sn-ip=1.2.3.4"}), "accepted") << host;
    }
    EXPECT_NE(sl_error({"--host-ip", std::string(254, 'h'), "--sn-ip=1.2.3.4"}), "accepted");
    EXPECT_EQ(sl_error({"--host-ip", std::string(253, 'h'), "--sn-ip=fe80::1%eth0"}), "accepted");
}

TEST(RunSlOptions, AVariableSetTwiceIsRefused) {
    EXPECT_NE(sl_error(sl_minimum + Words{"--ml-e=A=1", "--ml-e=A=2"}).find("a second time"),
              std::string::npos);
}

TEST(NodeHelp, ShowsEachFlagWithItsVariableAndAnExample) {
    const auto parsed = parse_run_sl({"--help"}, {});
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_FALSE(parsed->options.has_value());
    for (const Flag& flag : run_sl_flags()) {
        EXPECT_NE(parsed->text.find(std::string(flag.name) + " " + std::string(flag.value)),
                  std::string::npos)
            << flag.name;
        EXPECT_NE(parsed->text.find(flag.help), std::string::npos) << flag.name;
        EXPECT_NE(parsed->text.find(flag.environment), std::string::npos) << flag.name;
    }
    EXPECT_NE(parsed->text.find("Example:\n  run-sl --name=sl1"), std::string::npos);
    EXPECT_NE(parsed->text.find("Identity:"), std::string::npos);
}

TEST(NodeHelp, TheExampleIsAccepted) {
    for (const auto* program : {&run_sn_program(), &run_sl_program()}) {
        std::string example(program->example.substr(0, program->example.find("It is ready")));
        std::string line;
        for (const char c : example) {
            line.push_back(c == '\\' || c == '\n' ? ' ' : c);
        }
        const Result<Words> words = shell_words(line);
        ASSERT_TRUE(words.has_value());
        const Words arguments(words->begin() + 1, words->end());
        if (program == &run_sn_program()) {
            EXPECT_TRUE(parse_run_sn(arguments, {}).has_value());
        } else {
            EXPECT_EQ(sl_error(arguments), "accepted");
        }
    }
}

TEST(NodeHelp, VersionAndHelpTakePrecedenceOverMissingFlags) {
    const auto version = parse_run_sn({"--version"}, {});
    ASSERT_TRUE(version.has_value()) << version.error().message;
    EXPECT_TRUE(version->text.starts_with("run-sn (Starling) ")) << version->text;
    const auto help = parse_run_sn({"--help", "--no-such-flag"}, {});
    ASSERT_TRUE(help.has_value()) << help.error().message;
    EXPECT_NE(help->text.find("--sentinel"), std::string::npos);
}

TEST(ShellWords, AreSplitLikeInAShell) {
    EXPECT_EQ(*shell_words(""), Words{});
    EXPECT_EQ(*shell_words("  a\tb \n c "), (Words{"a", "b", "c"}));
    EXPECT_EQ(*shell_words(R"(a'b "c'd "e\"f\n" g\ h '')"),
              (Words{"ab \"cd", "e\"f\\n", "g h", ""}));
    EXPECT_EQ(*shell_words(R"('it'\''s')"), Words{"it's"});
    EXPECT_FALSE(shell_words("\"open").has_value());
}

TEST(NearestName, PrefersAnOmission) {
    const std::vector<std::string_view> names{"--sn-ip", "--sn-api-port", "--sl-fs-port", "--ml-e",
                                              "--ml-entrypoint"};
    EXPECT_EQ(nearest_name("--sn-port", names), "--sn-api-port");
    EXPECT_EQ(nearest_name("--sl-port", names), "--sl-fs-port");
    EXPECT_EQ(nearest_name("-sn-ip", names), "--sn-ip");
    EXPECT_EQ(nearest_name("--ml-env", names), "--ml-e");
    EXPECT_EQ(nearest_name("--ml-entry", names), "--ml-entrypoint");
    EXPECT_EQ(nearest_name("--", names), std::nullopt);
    EXPECT_EQ(nearest_name("--" + std::string(100'000, 'x'), names), std::nullopt);
}

}  // namespace
}  // namespace starling
