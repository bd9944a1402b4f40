// Every flag and variable of HPE Swarm Learning's command lines (2.3.0, user guide and scripts): it
// works, or is accepted with a line that explains why it has no effect, or is refused with the
// reason. The expectations are listed independently of the programs' tables, so that a lost row is
// noticed.
#include <map>

#include "options/node_options.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

enum class Outcome { works, no_effect, refused };

const char* name_of(Outcome outcome) {
    return outcome == Outcome::works       ? "works"
           : outcome == Outcome::no_effect ? "accepted without effect"
                                           : "refused";
}

struct Row {
    const char* program;
    const char* given;  ///< the flag with a value, or NAME=VALUE of a variable
    Outcome expected;
};

constexpr Outcome works = Outcome::works;
constexpr Outcome no_effect = Outcome::no_effect;
constexpr Outcome refused = Outcome::refused;

/// Common to all four node scripts; in Starling to run-sn and run-sl.
constexpr const char* common_works[] = {"--name=n1",
                                        "-e SWARM_LOG_LEVEL=debug",
                                        "--env=SWARM_LOG_LEVEL=debug",
                                        "--rm",
                                        "-d",
                                        "--detach",
                                        "--apls-ip=10.0.0.1",
                                        "--primary-apls-ip=10.0.0.1",
                                        "--apls-port=6814",
                                        "--primary-apls-port=6814",
                                        "--secondary-apls-ip=10.0.0.2",
                                        "--secondary-apls-port=6814",
                                        "--cacert=ca.pem",
                                        "--capath=ca",
                                        "--cert=c.pem --key=k.pem",
                                        "--help"};
constexpr const char* common_no_effect[] = {"--hostname=h",   "-h h",
                                            "--network=n",    "--ip=10.0.0.3",
                                            "--dns=10.0.0.4", "-l a=b",
                                            "--label=a=b",    "-p 1:1",
                                            "--publish=1:1",  "-u 1",
                                            "--user=1",       "-w /tmp",
                                            "--workdir=/tmp", "-i",
                                            "--interactive",  "-t",
                                            "--tty",          "--pull",
                                            "--sudo",         "--image=i",
                                            "--image-name=i", "--image-tag=2.3.0",
                                            "--apls-pdf=f",   "-v /a:/b",
                                            "--volume=/a:/b"};
/// One each of docker's own flags, which HPE's scripts pass on, and of HPE's other sidecars.
constexpr const char* common_refused[] = {"--cmd=c",
                                          "--sidecar=ml",
                                          "--volumes-from-main",
                                          "--pid-main",
                                          "--socket-path=/run/spiffe.sock",
                                          "--memory=4g",
                                          "--tb-image=i",
                                          "-- echo"};

constexpr Row rows[] = {
    {"run-sn", "--host-ip=10.0.0.1", works},
    {"run-sn", "--sentinel", works},
    {"run-sn", "--sentinel-ip=10.0.0.2", works},
    {"run-sn", "--sentinel-api-service=sn.example.org:30304", works},
    {"run-sn", "--sentinel-api-port=31304", works},
    {"run-sn", "--sn-api-port=31304", works},
    {"run-sn", "--sn-api-service=sn.example.org:30304", no_effect},
    {"run-sn", "--sn-p2p-service=sn.example.org:30303", no_effect},
    {"run-sn", "--sn-p2p-port=30303", works},
    {"run-sn", "-v data:/platform/swarm/SMLNODE", works},
    {"run-sl", "--host-ip=10.0.0.1", works},
    {"run-sl", "--sn-ip=10.0.0.1", works},
    {"run-sl", "--sn-api-service=sn.example.org:30304", works},
    {"run-sl", "--sn-docker-name=sn1", refused},
    {"run-sl", "--sn-image=i", refused},
    {"run-sl", "--sn-api-port=31304", works},
    {"run-sl", "--sl-fs-port=16000", works},
    {"run-sl", "--sl-fs-service=sl.example.org:16000", works},
    {"run-sl", "--ml-image=i", works},
    {"run-sl", "--ml-name=ml1", works},
    {"run-sl", "--ml-entrypoint=p", works},
    {"run-sl", "--ml-cmd=a b", works},
    {"run-sl", "--ml-w=/tmp", works},
    {"run-sl", "--ml-v=/a:/b", works},
    {"run-sl", "--ml-e=A=b", works},
    {"run-sl", "--ml-user=1:2", works},
    {"run-sl", "--ml-device=/dev/kfd", works},
    {"run-sl", "--ml-ipc=host", works},
    {"run-sl", "--ml-shm-size=8G", works},
    {"run-sl", "--ml-group-add=video", works},
    {"run-sl", "--ml-cap-add=SYS_PTRACE", works},
    {"run-sl", "--ml-security-opt=seccomp=unconfined", works},
    {"run-sl", "--ml-privileged", works},
    {"run-apls", "--apls-port=6814", works},
    {"run-swop", "--usr-dir=d", refused},
    {"run-swop", "--profile-file-name=f", refused},
    {"run-swop", "--sn-ip=10.0.0.1", refused},
    {"run-swop", "--sn-api-port=31304", refused},
    {"run-swop", "--sn-api-service=sn.example.org", refused},
    {"run-swop", "--docker-socket-file=/var/run/docker.sock", refused},
    {"run-swop", "--docker-group-id=1", refused},
    {"run-swop", "--swop-uid=1", refused},
    {"run-swci", "--usr-dir=d", refused},
    {"run-swci", "--init-script-name=swci-init", refused},
    {"stop-swarm", "--all", works},
    {"stop-swarm", "--sl", works},
    {"stop-swarm", "--sn", works},
    {"stop-swarm", "--swci", no_effect},
    {"stop-swarm", "--swop", no_effect},
    {"stop-swarm", "--keep", no_effect},
    {"stop-swarm", "--sudo", no_effect},
    {"stop-swarm", "--help", works},
    {"uninstall-swarm", "", refused},
    {"swarmLogCollector", "registry workspace=dir", refused},
    {"gen-cert", "-e example -i 1", works},
    {"gen-cert", "-h", works},
    {"run-postgres", "-d d -u u -pw p -po 5432 -n n", refused},
    {"run-slm-ui", "-pw p -nw n -l l -pu u -pr p -ca c", refused},
    {"run-slm-ui", "-port 30302 -logs verbose -version", refused},
    {"toy-ml", "SWARM_LOOPBACK=True", works},
    {"run-sn", "SN_I_AM_SENTINEL=True", works},
    {"run-sn", "SN_START_MINING=True", no_effect},
    {"run-sn", "SN_ETH_PORT_EXT=30303", no_effect},
    {"run-sn", "SN_ETH_P2P_SERVICE=sn.example.org", no_effect},
    {"run-sl", "SL_MAKE_ME_ADMIN=False", no_effect},
    {"run-sl", "SL_LEADER_FAILURE_BASE_TIMEOUT=600", no_effect},
    {"run-sl", "SL_WAIT_FOR_FULL_QUORUM_SECONDS=30", no_effect},
    {"run-sl", "SL_RAM_INTENSIVE=False", no_effect},
    {"run-sl", "SL_MODEL_PARAMS_COMPRESSION_THRESHOLD_MB=250", no_effect},
    {"run-sl", "SWCI_RUN_TASK_MAX_WAIT_TIME=120", no_effect},
    {"run-sl", "SWCI_GENERIC_TASK_MAX_WAIT_TIME=120", no_effect},
    {"run-sl", "SWCI_MODE=CLI", no_effect},
    {"run-sl", "SWCI_STARTUP_SCRIPT=swci-init", no_effect},
    {"run-sl", "SWCI_WEB_PORT=30306", no_effect},
    {"run-sl", "SWOP_PROFILE=p", no_effect},
    {"run-sl", "SWOP_KEEP_CONTAINERS=True", no_effect},
    {"run-sl", "SWOP_UID=1", no_effect},
    {"run-sl", "SWOP_GID=1", no_effect},
    {"run-sl", "SWOP_DOCKER_GID=1", no_effect},
    {"run-sl", "SWARM_ID_CACERT=ca.pem", works},
    {"run-sl", "SWARM_ID_CAPATH=ca", works},
    {"run-sl", "SWARM_ID_CERT=c.pem", works},
    {"run-sl", "SWARM_ID_KEY=k.pem", works},
    {"run-sl", "SWARM_SPIFFE_WORKLOAD_API_SOCKET_PATH=/run/s", refused},
    {"run-sn", "THIS_NODE_IP=10.0.0.1", works},
    {"run-sl", "THIS_NODE_IP=10.0.0.1", works},
    {"run-sl", "SN_NODE_IP=10.0.0.1", works},
    {"run-sl", "SN_API_SERVER_PORT=31304", works},
    {"run-sl", "SN_API_SERVICE=sn.example.org:30304", works},
    {"run-sn", "SENTINEL_NODE_IP=10.0.0.1", works},
    {"run-sn", "SENTINEL_API_SERVER_PORT=31304", works},
    {"run-sn", "SENTINEL_API_SERVICE=sn.example.org", works},
    {"run-sl", "SL_FS_PORT=16000", works},
    {"run-sl", "SL_FS_SERVICE=sl.example.org:16000", works},
    {"run-sl", "SL_REQUEST_CHANNEL=/tmp/a", no_effect},
    {"run-sl", "SL_RESPONSE_CHANNEL=/tmp/b", no_effect},
    {"run-sl", "SWARM_LICENSE_AUTOPASSJ_SERVER_PRIMARY_IP=10.0.0.1", works},
    {"run-sl", "SWARM_LICENSE_AUTOPASSJ_SERVER_PRIMARY_PORT=6814", works},
    {"run-sl", "SWARM_LICENSE_AUTOPASSJ_SERVER_SECONDARY_IP=10.0.0.2", works},
    {"run-sl", "SWARM_LICENSE_AUTOPASSJ_SERVER_SECONDARY_PORT=6814", works},
    {"run-sl", "SWARM_LOG_LEVEL=debug", works},
    {"run-sl", "SL_LOG_LEVEL=debug", no_effect},
    {"run-sl", "LOGS_DIR=l", no_effect},
    {"run-sl", "USR_DIR=u", no_effect},
    {"run-sl", "http_proxy=http://10.0.0.9", no_effect},
    {"run-sl", "https_proxy=http://10.0.0.9", no_effect},
    {"run-sl", "no_proxy=10.0.0.1", no_effect},
};

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::size_t from = 0;
    while (from < text.size()) {
        const std::size_t to = std::min(text.find(' ', from), text.size());
        words.push_back(text.substr(from, to - from));
        from = to + 1;
    }
    return words;
}

/// The outcome of a row, the line that reports it, and all options that the program got.
struct Seen {
    Outcome outcome = works;
    std::string line;
    std::string options_text;
};

/// All fields of the options as one text.
class OptionsText {
public:
    OptionsText& operator<<(const std::string& text) {
        text_ += text + "|";
        return *this;
    }
    OptionsText& operator<<(std::uint64_t number) { return *this << std::to_string(number); }
    OptionsText& operator<<(const Address& address) { return *this << to_string(address); }
    template <typename T>
    OptionsText& operator<<(const std::optional<T>& value) {
        return value ? *this << *value : *this << "none";
    }
    template <typename T>
    OptionsText& operator<<(const std::vector<T>& values) {
        for (const T& value : values) {
            *this << value;
        }
        return *this << values.size();
    }
    OptionsText& operator<<(const CommonOptions& o) {
        return *this << o.name << o.host_ip << o.key << o.cert << o.ca_path << o.ca_cert
                     << o.log_level << o.apls << (o.detach ? 1U : 0U) << (o.remove ? 1U : 0U);
    }
    OptionsText& operator<<(const SnOptions& o) {
        return *this << o.common << (o.sentinel ? 1U : 0U) << o.join << o.api_port << o.data
                     << o.p2p_port;
    }
    OptionsText& operator<<(const SlOptions& o) {
        *this << o.common << o.sns << o.fs_port << o.fs_service << o.ml.name << o.ml.entrypoint
              << o.ml.arguments << o.ml.working_directory << o.ml.image << o.ml.volumes << o.ml.user
              << o.ml.engine_flags;
        for (const auto& [name, value] : o.ml.environment) {
            *this << name << value;
        }
        return *this;
    }
    OptionsText& operator<<(const AplsOptions& o) { return *this << o.common << o.port; }

    std::string text_;
};

template <typename Options>
Seen seen_of(const Result<Parsed<Options>>& parsed) {
    if (!parsed) {
        return {refused, parsed.error().message, ""};
    }
    if (!parsed->options) {
        return {works, "", parsed->text};
    }
    const std::string options_text = (OptionsText{} << *parsed->options).text_;
    const auto& notices = parsed->options->common.notices;
    return notices.empty() ? Seen{works, "", options_text}
                           : Seen{no_effect, notices.front(), options_text};
}

class HpeFlags : public SystemSwarm {
protected:
    /// Other flags that are needed for this flag or variable to have a meaning.
    static std::vector<std::string> needed_by(const std::string& program,
                                              const std::string& given) {
        const auto has = [&](const std::string& part) { return holds(given, part); };
        std::vector<std::string> needed;
        if (program == "run-apls") {
            return {"--host-ip=10.0.0.7", "--licence=l", "--licence-key=k",
                    "--cert=c",           "--key=k",     "--capath=ca"};
        }
        if (!has("--host-ip") && !has("THIS_NODE_IP")) {
            needed.emplace_back("--host-ip=10.0.0.7");
        }
        if (program == "run-sl" && !has("--sn-ip") && !has("SN_NODE_IP") &&
            !has("--sn-api-service") && !has("SN_API_SERVICE")) {
            needed.emplace_back("--sn-ip=10.0.0.8");
        }
        if (has("--sentinel-api-port") || has("SENTINEL_API_SERVER_PORT")) {
            needed.emplace_back("--sentinel-ip=10.0.0.6");
        }
        if (has("SWARM_ID_CERT")) {
            needed.emplace_back("--key=other.pem");
        } else if (has("SWARM_ID_KEY")) {
            needed.emplace_back("--cert=other.pem");
        }
        if (has("apls-port") || has("SECONDARY_PORT") || has("PRIMARY_PORT")) {
            needed.emplace_back("--apls-ip=10.0.0.9");
        }
        if (has("secondary-apls-port") || has("SECONDARY_PORT")) {
            needed.emplace_back("--secondary-apls-ip=10.0.0.5");
        }
        if (has("secondary-apls-ip") || has("SECONDARY_IP")) {
            needed.emplace_back("--apls-ip=10.0.0.9");
        }
        return needed;
    }

    Seen parse(const std::string& program, const std::vector<std::string>& arguments,
               const std::map<std::string, std::string>& environment) const {
        return program == "run-sn"     ? seen_of(parse_run_sn(arguments, environment))
               : program == "run-apls" ? seen_of(parse_run_apls(arguments, environment))
                                       : seen_of(parse_run_sl(arguments, environment));
    }
    /// A flag that works must also change the program's options, not be parsed and dropped.
    Seen node(const std::string& program, const std::string& given,
              std::vector<std::string> arguments,
              const std::map<std::string, std::string>& environment) const {
        const std::vector<std::string> needed = needed_by(program, given);
        arguments.insert(arguments.begin(), needed.begin(), needed.end());
        Seen seen = parse(program, arguments, environment);
        EXPECT_FALSE(seen.outcome == works &&
                     seen.options_text == parse(program, needed, {}).options_text)
            << program << " " << given << " changes nothing: " << seen.options_text;
        return seen;
    }

    /// Runs the real program; refused if it ends with a usage error.
    Seen real(const std::string& program, std::vector<std::string> words,
              const std::vector<std::string>& environment) const {
        words.insert(words.begin(), bin(program));
        if (program == "gen-cert" || program == "stop-swarm") {
            words.push_back("--workspace=" + path("w"));
        }
        Program run(words, environment);
        const int code = run.wait_exit(Seconds(60));
        if (code == 2) {
            return {refused, run.output(), ""};
        }
        EXPECT_EQ(code, 0) << run.output();
        const bool noted = holds(run.output(), " has no effect here: ");
        return {noted ? no_effect : works, noted ? run.output() : "", ""};
    }

    Seen look(const Row& row) const {
        const std::string given = row.given;
        const bool variable =
            !given.empty() && given[0] != '-' && holds(given, "=") && !holds(given, " ");
        std::map<std::string, std::string> environment;
        std::vector<std::string> words;
        if (variable) {
            const std::size_t equals = given.find('=');
            environment[given.substr(0, equals)] = given.substr(equals + 1);
        } else if (given.starts_with("--ml-cmd")) {
            words = {given};
        } else {
            words = words_of(given);
        }
        const std::string program = row.program;
        if (program == "run-sn" || program == "run-sl" || program == "run-apls") {
            return node(program, given, words, environment);
        }
        return real(program, words, variable ? std::vector{given} : std::vector<std::string>{});
    }
};

TEST_F(HpeFlags, EachHasItsExpectedOutcome) {
    std::vector<Row> all(std::begin(rows), std::end(rows));
    for (const char* program : {"run-sn", "run-sl"}) {
        for (const char* given : common_works) {
            all.push_back({program, given, works});
        }
        for (const char* given : common_no_effect) {
            all.push_back({program, given, no_effect});
        }
        for (const char* given : common_refused) {
            all.push_back({program, given, refused});
        }
    }
    std::map<std::string, int> counts;
    for (const Row& row : all) {
        const Seen seen = look(row);
        EXPECT_STREQ(name_of(seen.outcome), name_of(row.expected))
            << row.program << " " << row.given << ": " << seen.line;
        // A line with the reason, and whose flag it is.
        if (seen.outcome == no_effect) {
            EXPECT_TRUE(holds(seen.line, " has no effect here: ")) << row.given << seen.line;
        } else if (seen.outcome == refused) {
            EXPECT_TRUE(holds(seen.line, "not possible here: ") ||
                        holds(seen.line, "unknown flag '"))
                << row.given << seen.line;
        }
        ++counts[name_of(seen.outcome)];
        const std::string first = seen.line.substr(0, seen.line.find('\n'));
        std::printf("%-17s %-52s %s%s%s\n", row.program, row.given, name_of(seen.outcome),
                    first.empty() ? "" : ": ", first.c_str());
    }
    std::printf("%zu flags and variables:", all.size());
    for (const auto& [outcome, count] : counts) {
        std::printf(" %d %s;", count, outcome.c_str());
    }
    std::printf("\n");
}

}  // namespace
}  // namespace starling::test
