#include "core/base/invariant.hpp"
#include "core/base/json_writer.hpp"
#include "core/board/run_model.hpp"
#include "core/json/json.hpp"
#include "core/ledger/signature.hpp"
#include "core/licence/licence.hpp"
#include "core/params/param_layout.hpp"
#include "core/runs/run_results.hpp"
#include "deploy/board/status_events.hpp"
#include "deploy/swci/swci_command.hpp"
#include "deploy/swci/swci_options.hpp"
#include "options/node_options.hpp"
#include "options/shell_words.hpp"
#include "tests/fuzz/targets.hpp"
#include "transport/tls/node_keys.hpp"
#include "transport/tls/pem_blocks.hpp"

namespace starling::fuzz {
namespace {

void walk(const JsonValue& value, int depth) {
    STARLING_INVARIANT(depth <= json_depth_max, "bounded, or a text could use up the stack");
    for (const auto& member : value.items) {
        (void)json_string(member.name);
        walk(member.value, depth + 1);
    }
}

void json(ByteView input) {
    const std::string_view given = text_of(input);
    if (const auto value = parse_json(given)) {
        walk(*value, 0);
        // An SN's answers, as swarm-board reads them.
        RunModel run({.nodes = 5, .spans = 20, .rounds = 5, .points = 5, .log = 5, .alarms = 3});
        StatusEvents events(run);
        for (const char* topic : {"servers", "nodes", "contract", "round"}) {
            events.add(topic, *value, 1);
        }
        STARLING_INVARIANT(parse_json(run.json()), "whatever the answers say");
        RunRecord record;
        record.id = "x";
        STARLING_INVARIANT(take_results(run, record), "a small picture");
        STARLING_INVARIANT(parse_run_record(to_json(record)), "whatever the answers say");
    }
    if (const auto record = parse_run_record(given)) {
        STARLING_INVARIANT(parse_run_record(to_json(*record)), "it is read as it is written");
    }
    const auto quoted = parse_json(json_string(given));
    STARLING_INVARIANT(quoted && quoted->text == valid_utf8(given),
                       "what is quoted is read as it was, if it is UTF-8");
    JsonWriter writer;
    writer.begin_object().field("x", given).end_object();
    STARLING_INVARIANT(parse_json(writer.take()), "what is written can be read");
    const std::string valid = valid_utf8(given);
    STARLING_INVARIANT(valid_utf8(valid) == valid, "valid text stays as it is");
}

void layout(ByteView input) {
    const auto read = ParamLayout::parse(text_of(input));
    if (!read) {
        return;
    }
    const auto again = ParamLayout::parse(read->text());
    STARLING_INVARIANT(again && again->text() == read->text(), "it is read as it is written");
    STARLING_INVARIANT(read->size_bytes() <= ParamLayout::bytes_max, "bounded");
    std::uint64_t at = 0;
    for (const auto& tensor : read->tensors()) {
        STARLING_INVARIANT(tensor.offset_bytes == at, "one tensor behind the other");
        at += tensor.size_bytes();
    }
    STARLING_INVARIANT(at == read->size_bytes(), "all of them");
    (void)read->summary();
    (void)first_difference(*read, *again);
}

class TrustingIssuer final : public SignatureVerifier {
public:
    bool verify(ByteView /*message*/, ByteView /*signature*/) const override { return true; }
};

void licence_file(ByteView input) {
    const TrustingIssuer issuer;
    if (const auto read = read_licence(text_of(input), issuer)) {
        const std::string written = licence_text(*read);
        const auto again = read_licence(signed_licence(written, Bytes(64)), issuer);
        STARLING_INVARIANT(again && licence_text(*again) == written, "it is read as it is written");
    }
    if (const auto date = parse_date(text_of(input))) {
        STARLING_INVARIANT(date_text(*date) == text_of(input), "one spelling of a day");
    }
}

void words(ByteView input) {
    const auto read = shell_words(text_of(input));
    if (!read) {
        return;
    }
    std::string again;
    for (const std::string& word : *read) {
        again += '\'';
        for (const char c : word) {
            again += c == '\'' ? std::string("'\\''") : std::string(1, c);
        }
        again += "' ";
    }
    const auto reread = shell_words(again);
    STARLING_INVARIANT(reread && *reread == *read, "quoted words are read as they are");
}

/// What an SN parses of a registering node.
void chain(ByteView input) {
    static const std::shared_ptr<const NodeVerifier> verifier = make_node_verifier();
    Credentials credentials;
    credentials.certificate = Bytes(input.begin(), input.end());
    credentials.endorsement = Bytes(64);
    (void)verifier->endorsed({"sl1"}, Role::sl, credentials);
    if (const auto read = decode_chain(input)) {
        const Bytes written = encode_chain(*read);
        STARLING_INVARIANT(decode_chain(written), "what is written can be read");
    }
}

}  // namespace

void text(ByteView input) {
    constexpr InputTest parsers[] = {json, layout, licence_file, words, chain};
    static_assert(std::size(parsers) == text_parser::count);
    choose(parsers, input);
}

/// Byte 0 selects the program. One argument a line; NAME=VALUE is an environment variable.
void options(ByteView input) {
    if (input.empty()) {
        return;
    }
    const unsigned which = std::to_integer<unsigned>(input[0]) % 6;
    std::string_view left = text_of(input.subspan(1));
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
    while (!left.empty()) {
        const std::string line(left.substr(0, left.find('\n')));
        left.remove_prefix(std::min(left.size(), line.size() + 1));
        const std::size_t equals = line.find('=');
        if (line.starts_with("SWARM_") && equals != std::string::npos) {
            environment[line.substr(0, equals)] = line.substr(equals + 1);
        } else {
            arguments.push_back(line);
        }
    }
    switch (which) {
        case 0:
            (void)parse_run_sn(arguments, environment);
            break;
        case 1:
            (void)parse_run_sl(arguments, environment);
            break;
        case 2:
            (void)parse_run_apls(arguments, environment);
            break;
        case 3:
            (void)parse_swci(arguments, environment);
            break;
        default:
            (void)parse_swci_command(arguments, which == 5);
    }
}

}  // namespace starling::fuzz
