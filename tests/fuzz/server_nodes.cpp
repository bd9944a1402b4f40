// SNs with malicious peers.
#include "core/base/invariant.hpp"
#include "core/ledger/snapshot.hpp"
#include "core/raft/raft_consensus.hpp"
#include "tests/fuzz/drawer.hpp"
#include "tests/fuzz/targets.hpp"

namespace starling::fuzz {
namespace {

using test::Author;
using test::NodeBench;

constexpr int steps_max = 150;
constexpr int timers_max = 40;  // two hours would have thousands, all alike
/// What one step may send and store because of one peer's message.
constexpr std::size_t effects_max = 20'000;

struct Peer {
    Role role = Role::sl;
    bool up = true;
    std::unique_ptr<Author> author;  ///< of those that sign
};

/// The answer of an SN that follows the sender, or votes for it. \param last  index of its newest
/// record
ConsensusMessage agreement(const ConsensusMessage& asked, std::uint64_t last) {
    ConsensusMessage said;
    said.version = 2;
    said.sender = asked.receiver;
    said.receiver = asked.sender;
    said.term = asked.term;
    if (asked.kind == ConsensusKind::append) {
        said.kind = ConsensusKind::append_result;
        said.log_index = last;
    } else {
        said.kind = ConsensusKind::request_vote_result;
        said.granted = true;
        said.pre_vote = asked.pre_vote;
    }
    return said;
}

/// The state of a ledger that SNs 1 to 3 keep.
Bytes state_of_three() {
    ServerHistory servers;
    servers.apply_membership(
        {1, 1, RecordKind::membership,
         encode_membership({test::server(1), test::server(2), test::server(3)})});
    TermRuns terms;
    terms.append(1);
    terms.append(1);
    return encode_snapshot(openssl_hasher(), {Digest{}, 0, terms, servers, Ledger{}});
}

/// The SN under test, three members, an administrator, and optionally two other SNs. Each behaves
/// honestly at times: a peer that always lies reaches little code.
class SnRun {
public:
    /// \param servers  SNs 2 and 3 are present and malicious; otherwise this SN is alone.
    SnRun(Drawer& draw, bool servers)
        : draw_(draw), bench_(make_sn_node(options(servers, draw), openssl_hasher())) {
        names_ = {"sl1", "sl2", "sl3", "swci1"};
        if (servers) {
            names_.insert(names_.end(), {"sn2", "sn3"});
        }
        for (const std::string& name : names_) {
            Peer& peer = peers_[name];
            peer.role = name[1] == 'l' ? Role::sl : name[1] == 'n' ? Role::sn : Role::tool;
            peer.author = peer.role == Role::tool ? nullptr : std::make_unique<Author>(name);
            const bool named = name == "sn2";
            bench_.step(
                PeerUp{{name}, peer.role, named ? test::server(2).address : Address{}, 0, {}});
        }
        for (int tries = servers && draw.coin() ? 15 : 0; tries > 0 && !bench_.stopped; --tries) {
            bench_.pass(std::chrono::milliseconds(100));
            agree("sn2");
        }
    }

    void run() {
        for (int step = 0; step < steps_max && !draw_.done() && !bench_.stopped; ++step) {
            const int last = static_cast<int>(names_.size()) - 1;
            one_step(names_[static_cast<std::size_t>(draw_.in_range(0, last))]);
            STARLING_INVARIANT(bench_.effects.size() < effects_max,
                               "work for one frame is bounded");
        }
    }
    bool stopped() const { return bench_.stopped.has_value(); }

private:
    static SnNodeOptions options(bool servers, Drawer& draw) {
        const std::vector<Server> three = {test::server(1), test::server(2), test::server(3)};
        SnNodeOptions options =
            test::sn_options(servers && !draw.one_in(4) ? three : std::vector<Server>{});
        options.admins = {{"swci1"}};
        const auto none = [](std::uint64_t) { return Error{Errc::not_found, "none"}; };
        options.memory = {.snapshot_interval = 4,
                          .archive = [none](std::uint64_t at) -> Result<Bytes> { return none(at); },
                          .link = [none](std::uint64_t at) -> Result<Digest> { return none(at); }};
        if (servers && draw.one_in(4)) {  // it joins, with the state that the others give it
            options.log = {};
            options.sentinel = test::server(2).address;
        }
        return options;
    }

    /// SNs 2 and 3 as an SN that joins takes them for honest.
    void give_state(const std::string& name) {
        const NodeId node{name};
        if (bench_.last<SnapshotQuery>(node) == nullptr) {
            return;
        }
        if (const auto* fetch = bench_.last<FetchSnapshot>(node)) {
            bench_.frame(node, SnapshotPart{fetch->index, fetch->offset}, Blob(state_));
        }
        bench_.frame(node, SnapshotOffer{{test::server(2), test::server(3)},
                                         {{2, state_.size(), openssl_hasher().digest(state_)}}});
    }

    void one_step(const std::string& name) {
        Peer& peer = peers_.at(name);
        const int what = draw_.in_range(0, 15);
        if (what == 0) {
            bench_.pass(draw_.time_span(), timers_max);
        } else if (what == 1) {
            bench_.step(peer.up ? Input(PeerLost{{name}, "x"})
                                : Input(PeerUp{{name}, peer.role, {}}));
            peer.up = !peer.up;
        } else if (peer.up && what < 9 && peer.role != Role::tool) {
            if (peer.role == Role::sl) {
                honest_member(*peer.author);
            } else {
                honest_server(*peer.author);
            }
        } else if (peer.up) {
            say(name, [&] { return draw_.message(peer.author.get()); });
        }
    }

    /// A command that was not logged uses up no sequence number: otherwise one refused command
    /// would block all later ones of a member.
    template <typename Draw>
    void say(const std::string& name, Draw message) {
        Author* author = peers_.at(name).author.get();
        const std::uint64_t sequence = author == nullptr ? 0 : author->sequence;
        const std::size_t records = bench_.records.size();
        Message said = message();
        Blob body = draw_.body_of(said);
        bench_.frame({name}, std::move(said), std::move(body));
        if (author != nullptr && bench_.records.size() == records) {
            author->sequence = sequence;
        }
    }

    void honest_member(Author& author) {
        const std::string name = author.id.name;
        const auto* told = bench_.last<ViewUpdate>(author.id);
        const ContractView view = told == nullptr ? ContractView{} : told->view;
        if (registered_.insert(name).second) {
            say(name, [&] { return author.registration(); });
        }
        switch (draw_.in_range(0, 4)) {
            case 0:
                say(name, [&] {
                    return author.submit(Enrol{"c", test::tiny_contract(2), test::tiny_layout, {}});
                });
                break;
            case 1:
            case 2:
                say(name, [&] {
                    return author.submit(CheckInRound{"c", view.run, view.round, draw_.check_in(),
                                                      draw_.early_merge()});
                });
                break;
            default: {
                Heartbeat beat = draw_.heartbeat(nullptr);
                beat.contract = "c";
                beat.run = view.run;
                beat.round = view.round;
                beat.attempt = view.attempt;
                beat.session = author.session;
                if (beat.report) {
                    beat.report->signature = author.signer->sign(
                        report_text(author.id, "c", beat.run, beat.round, beat.attempt,
                                    beat.report->digest, beat.report->durable));
                }
                say(name, [&] { return beat; });
            }
        }
    }

    void honest_server(Author& author) {
        const std::string name = author.id.name;
        switch (draw_.in_range(0, 4)) {
            case 4:
                give_state(name);
                break;
            case 0:
                say(name, [&] { return append_of(name); });
                break;
            case 1:
                say(name, [&] {
                    author.session = 0;
                    return RelayedCommand{
                        author.id, author.submit(RegisterNode{Role::sn, test::server(2).address,
                                                              author.signer->credentials()})};
                });
                break;
            default:
                agree(name);
        }
    }

    void agree(const std::string& name) {
        const auto* asked = bench_.last<ConsensusMessage>({name});
        if (asked != nullptr) {
            bench_.frame({name}, agreement(*asked, bench_.records.size()));
        }
    }
    /// An append of the leader whose records follow the existing ones.
    ConsensusMessage append_of(const std::string& name) {
        const std::uint64_t term = bench_.votes.empty() ? 1 : bench_.votes.back().term;
        ConsensusMessage said;
        said.version = 2;
        said.sender = name == "sn2" ? 2 : 3;
        said.receiver = 1;
        said.term = term + (draw_.one_in(3) ? 1U : 0U);
        said.log_index = bench_.records.size();
        if (!bench_.records.empty() && !bench_.records.back().empty()) {
            said.log_term = decode_record(said.log_index, bench_.records.back())->term;
        }
        said.records = draw_.records(said.log_index + 1, said.term);
        said.commit = said.log_index + (draw_.coin() ? said.records.size() : 0);
        return said;
    }

    Drawer& draw_;
    Bytes state_ = state_of_three();
    NodeBench bench_;
    std::map<std::string, Peer> peers_;
    std::vector<std::string> names_;
    std::set<std::string> registered_;
};

}  // namespace

void sn_members(ByteView input) {
    Drawer draw(input);
    SnRun run(draw, false);
    run.run();
    STARLING_INVARIANT(!run.stopped(), "no member, and no tool, stops an SN");
}

/// A malicious majority of SNs may do anything to the third.
void sn_servers(ByteView input) {
    Drawer draw(input);
    SnRun(draw, true).run();
}

void raft(ByteView input) {
    Drawer draw(input);
    RaftOptions options;
    options.self = {"sn1"};
    const std::unique_ptr<Consensus> consensus = make_raft_consensus(options);
    ConsensusOutput output;
    DurableLog log;
    log.vote = {1, 1, 0};
    if (draw.coin()) {
        log.records.push_back(encode_record(
            {1, 1, RecordKind::membership,
             encode_membership({test::server(1), test::server(2), test::server(3, draw.coin())})}));
    }
    SwarmTime now = from_ns(1'000'000'000);
    std::uint64_t last = log.records.size();
    std::optional<ConsensusMessage> asked;  // the latest request of another SN
    consensus->start(now, log, std::nullopt, output);
    for (int step = 0; step < steps_max && !draw.done(); ++step) {
        output.clear();
        switch (draw.in_range(0, 11)) {
            case 0:
                now += std::chrono::milliseconds(draw.in_range(1, 2000));
                consensus->tick(now, output);
                break;
            case 1:
                (void)consensus->propose(now, Bytes(3), output);
                break;
            case 2:
                (void)consensus->add_server(now, draw.server(), output);
                break;
            case 3:
                (void)consensus->remove_server(now, draw.node(), output);
                break;
            case 4:
                consensus->step_down(now, output);
                break;
            case 5:
            case 6:
                if (asked) {
                    const ConsensusMessage answer = agreement(*asked, last);
                    (void)consensus->receive(now, {asked->receiver == 3 ? "sn3" : "sn2"}, answer,
                                             output);
                }
                break;
            default: {
                ConsensusMessage said = draw.consensus();
                if (draw.coin()) {  // with a term and index that are accepted
                    said.term = consensus->term();
                    said.log_index =
                        std::min(last, static_cast<std::uint64_t>(draw.in_range(0, 6)));
                }
                (void)consensus->receive(now, {said.sender == 3 ? "sn3" : "sn2"}, said, output);
            }
        }
        for (const ConsensusAction& action : output) {
            if (const auto* append = std::get_if<AppendRecords>(&action)) {
                last = append->first + append->records.size() - 1;
            } else if (const auto* send = std::get_if<SendConsensus>(&action)) {
                asked = send->message;
            }
        }
        (void)consensus->leader();
        (void)consensus->deadline();
        (void)consensus->read_index();
    }
}

}  // namespace starling::fuzz
