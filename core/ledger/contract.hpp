#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/hasher.hpp"
#include "core/base/heap_optional.hpp"
#include "core/base/ids.hpp"
#include "core/base/lazy_container.hpp"
#include "core/base/scalars.hpp"
#include "core/base/time.hpp"
#include "core/ledger/member_list.hpp"
#include "core/ledger/member_report.hpp"
#include "core/merge/compression.hpp"
#include "core/merge/finite.hpp"
#include "core/merge/merge_rules.hpp"
#include "core/merge/plan.hpp"

namespace starling {

constexpr std::size_t contract_name_max = 128;  ///< bytes
constexpr std::uint32_t weight_max = 100;       ///< of a member's contribution

/// Whether it may stand as a member's site: empty, or as a node's name.
bool is_site(std::string_view text);

/// What a member that has finished its training sends in later rounds (HPE's
/// checkinModelOnTrainEnd): its own last parameters, the last merged ones, or nothing. Travels on
/// the wire: do not renumber.
enum class EndMode : std::uint8_t { snapshot = 1, active = 2, inactive = 3 };

std::string_view to_string(EndMode mode);
Result<EndMode> parse_end_mode(std::string_view text);

/// On whose disks a merged model is before its round is committed: of all members of the round, of
/// more than half of them, or of none. The others write it meanwhile. Travels on the wire: do not
/// renumber.
enum class Durability : std::uint8_t { all = 1, quorum = 2, none = 3 };

std::string_view to_string(Durability durability);
Result<Durability> parse_durability(std::string_view text);
/// Whether a round may be committed once so many of its members have the model on their disks.
bool is_durable_enough(Durability durability, std::size_t durable, std::size_t members);

/// The rules of a training, fixed by the first member that enrols; the others must bring the same.
struct ContractConfig {
    std::uint32_t min_peers = 2;         ///< >= 1; quorum of every round
    std::uint32_t sync_frequency = 128;  ///< batches between rounds, >= 1
    MergeMethod merge;
    CompressionMethod compression;  ///< of segments that members send each other
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
    ExchangePlan exchange = ExchangePlan::automatic;
    Durability durable = Durability::all;
    std::int64_t grace_ns = 0;  ///< wait for further members once min_peers have checked in
    /// End the swarm if min_peers are not there by then; 0 = wait for ever.
    std::int64_t wait_limit_ns = 0;
    /// Of the slowest link that rounds wait for, in bytes a second: see attempt_limit(). 32 kbit/s.
    std::uint64_t slowest_link = 4000;
    Digest layout_fingerprint;
    std::uint64_t layout_bytes = 0;  ///< size of the parameter vector

    friend bool operator==(const ContractConfig&, const ContractConfig&) = default;
};

/// "min_peers 2, sync_frequency 128, merge mean, ..." for people.
std::string to_string(const ContractConfig& config);

/// How long an attempt at a round may take while bytes move: four times what the busiest member
/// needs at the slowest link, and ten minutes. It bounds how long a member that sends a byte now
/// and then, or only claims progress, can delay a round.
SwarmDuration attempt_limit(const ContractConfig& config, std::size_t members);
/// One of so many parts of that limit is what the busiest member needs at the slowest link, and two
/// and a half minutes: enough for members of which one has delayed this run before.
constexpr int attempt_limit_parts = 4;

/// A member's check-in: its parameters for this round are ready.
struct CheckIn {
    std::uint32_t weight = 1;   ///< node weightage, 0 to 100; 0 = takes part, adds nothing
    std::uint64_t samples = 0;  ///< seen since the last round
    std::uint32_t epochs_done = 0;
    std::uint32_t epochs_total = 0;
    bool finished = false;  ///< has ended its local training
    bool fresh = false;     ///< brings parameters trained since the last round
    /// The parameters hold a NaN or an infinity: see NonFinitePolicy. Set by its own SL.
    bool non_finite = false;
    double loss = 0.0;               ///< of the local training, NaN = not measured
    LazyContainer<Scalars> scalars;  ///< measured since the last round

    friend bool operator==(const CheckIn&, const CheckIn&) = default;
};

/// A member that signs a digest other than the agreed one in this many rounds of a run is expelled
/// from the run, if min_peers remain without it.
constexpr std::uint32_t deviations_max = 3;

/// Hold-ups: a round had to continue without the member, because it exchanged nothing with most
/// others or did not report its merge. Each is forgotten after rounds_per_holdup rounds that the
/// member took part in. Refusing connections and leaving in mid-exchange cost the others seconds
/// only, and count a tenth. At holdups_max the member is expelled from the run, if min_peers remain
/// without it.
constexpr std::uint32_t rounds_per_holdup = 100;
constexpr std::uint32_t rounds_per_refusal = 10;
constexpr std::uint32_t holdups_max = 5;

/// An active member without a check-in for both this time and this many times the run's longest
/// round counts as lost, and as a hold-up: the run can't end without its last check-in.
constexpr SwarmDuration shortest_absence = std::chrono::hours(1);
constexpr int absence_rounds = 20;

enum class MemberStatus : std::uint8_t { active = 1, left = 2, lost = 3, expelled = 4 };

struct Member {
    Address address;  ///< of its SL's exchange port
    /// Members of one site are near to each other, as far as their owners declare it; may be empty.
    ShortText site;
    MemberStatus status = MemberStatus::active;
    std::optional<CheckIn> check_in;   ///< of the current round
    std::uint64_t check_in_index = 0;  ///< index of the ledger entry that brought it
    CheckIn last;                      ///< of the last round it took part in
    SwarmTime heard_at{};              ///< its newest check-in, or when it joined
    HeapOptional<Round> deviated_in;   ///< the newest round in which its merge deviated
};

/// Rounds of a run in which a member's parameters held NaN or infinity.
struct NonFiniteRounds {
    std::uint32_t count = 0;
    Round last = 0;
};

enum class ContractPhase : std::uint8_t {
    gathering = 1,   ///< members train and check in
    exchanging = 2,  ///< the round is frozen: its members exchange and merge
    complete = 3,    ///< all members finished; the last commit is the final model
    aborted = 4,     ///< ended before; `reason` says why
};

std::string_view to_string(ContractPhase phase);

/// One accepted merge.
struct Commit {
    Round round = 0;
    Attempt attempt = 0;
    Digest digest;  ///< of the merged parameters
    MemberList members;
    bool final = false;

    friend bool operator==(const Commit&, const Commit&) = default;
};

/// What is counted of a contract's members, with each change: thousands of them check in.
struct MemberCounts {
    std::uint32_t active = 0;
    std::uint32_t checked_in = 0;  ///< active, and with a check-in
    std::uint32_t lost = 0;
    std::uint32_t expelled = 0;
    std::uint64_t name_bytes = 0;  ///< that a list of all of them takes in a message

    void add(const NodeId& node, const Member& member);
    void remove(const NodeId& node, const Member& member);
};

/// Bytes of a node's name in a message.
inline std::uint64_t name_bytes_of(const NodeId& node) { return 4 + node.name.size(); }

/// The members of a contract.
struct Members : std::map<NodeId, Member> {
    MemberCounts counts;

    /// Every change of what is counted of a member is made by this. A new one is added.
    template <typename Change>
    void change(const NodeId& node, const Change& what) {
        const auto [at, fresh] = try_emplace(node);
        if (!fresh) {
            counts.remove(node, at->second);
        }
        what(at->second);
        counts.add(node, at->second);
    }
};

/// The agreed state of one training, changed by Ledger::apply() alone.
struct Contract {
    std::string name;
    Run run = 0;
    ContractConfig config;
    std::string layout_text;  ///< of the first member, to name differences
    ContractPhase phase = ContractPhase::gathering;
    Round round = 0;
    Attempt attempt = 0;
    Members members;
    MemberList frozen;  ///< while exchanging: this attempt's members
    /// While exchanging: members of the round's first attempt that are out of it by now, ascending.
    /// Segments keep their owners over attempts: see make_plan().
    std::vector<NodeId> departed;
    std::optional<Commit> last_commit;
    /// Rounds of this run that a member merged to other bytes than the agreed ones.
    std::map<NodeId, std::uint32_t> deviations;
    std::map<NodeId, NonFiniteRounds> non_finite;
    /// Members that exchange nothing with each other, of each pair the smaller id first. The fault
    /// may be on either side, or between them: where both take part neither merges segments.
    std::set<std::pair<NodeId, NodeId>> apart;
    struct Reports {
        /// While exchanging: of the first members of `frozen`, those that the ledger has already.
        /// See RecordReports. While gathering: those that came with check-ins, ascending by node;
        /// they have no signature of their own.
        std::vector<MemberReport> recorded;
        /// Attempts at this round that no majority has merged to the same bytes.
        std::uint32_t undecided = 0;
    };
    Reports reports;  ///< of the round
    /// Rounds of this run that a member has held up, in parts of rounds_per_holdup.
    std::map<NodeId, std::uint32_t> holdups;
    struct RoundTimes {
        SwarmTime began_at{};     ///< of this round: the commit of the one before
        SwarmDuration longest{};  ///< of this run, from commit to commit
        /// Index of the last entry that changed more than who has enrolled and checked in.
        std::uint64_t decided_index = 0;
    };
    RoundTimes times;
    std::optional<SwarmTime> deadline;  ///< when Expire is due: grace or wait limit is over
    std::string reason;                 ///< of an abort
    std::uint64_t version = 0;          ///< index of the last entry that changed it

    std::uint32_t checked_in_count() const { return members.counts.checked_in; }
    std::uint32_t active_count() const { return members.counts.active; }
    bool are_apart(const NodeId& one, const NodeId& other) const;
    bool has_ended() const;
    /// No attempt at a round is on any more.
    void stop_exchange();
    bool has_lost(const NodeId& node) const;
    bool has_expelled(const NodeId& node) const;
};

/// How many times as long as in a small swarm the interval between an SN's checks of leases is, so
/// that it checks about 250 in a second. A lease is so many times as long, too.
constexpr int interval_factor(std::size_t members, std::size_t most = 120) {
    constexpr std::size_t a_second = 250;
    return static_cast<int>(std::clamp<std::size_t>(members / a_second, 1, most));
}
/// The same for the interval between an SL's heartbeats. In the largest swarms, whose leases
/// are bounded, a lease has four of these instead of eight.
constexpr int heartbeat_interval_factor(std::size_t members) {
    return interval_factor(members, 240);
}

/// Why an expelled member is not heard: for people.
std::string expelled_text(const Contract& contract, const NodeId& node);

/// Of a round that its members begin to exchange before it is frozen (sl/early_exchange.hpp).
/// Gathering the check-ins of more is a small part of a round, and each member compares and plans
/// for all.
constexpr std::size_t early_members_max = 512;

/// Whether an exchange among one list of members merges to the same bytes as among the other: they
/// differ at most in the entries that brought the check-ins, and in addresses.
bool merge_alike(const MemberList& one, const MemberList& other);

/// Whether the frozen attempt is a round's first one with the members of the round before, so that
/// they may have exchanged before it was frozen.
///
/// \param of  a Contract or ContractView \pre its phase is exchanging
template <typename Frozen>
bool may_have_begun_early(const Frozen& of) {
    return of.frozen.size() <= early_members_max && of.attempt == 0 && of.departed.empty() &&
           of.last_commit && of.last_commit->round + 1 == of.round &&
           merge_alike(of.frozen, of.last_commit->members);
}

/// Members that have checked in for the round after the last commit without being in that commit:
/// they have gone on from its model, so they can send it to those that lack it. While gathering, in
/// contracts of up to early_members_max members; the first ones by id, `holders_max` at most.
MemberList further_holders(const Contract& contract);
constexpr std::size_t holders_max = 8;

/// What members are told of a contract: enough to derive the round's plan, and small.
struct ContractView {
    std::string name;
    Run run = 0;
    std::uint64_t version = 0;
    ContractPhase phase = ContractPhase::gathering;
    Round round = 0;
    Attempt attempt = 0;
    std::uint32_t checked_in = 0;
    std::uint32_t min_peers = 0;
    MemberList frozen;   ///< while exchanging
    MemberList holders;  ///< otherwise, see further_holders()
    std::vector<NodeId> departed;
    std::optional<Commit> last_commit;
    /// While gathering: whether all members of the last commit still take part.
    bool all_stayed = false;
    std::string reason;

    friend bool operator==(const ContractView&, const ContractView&) = default;
};

ContractView view_of(const Contract& contract);

/// What every view_of() a ledger's contract keeps to, and exchanges take for granted: members
/// ascending, each once and with a weight of at most 100, and a round that is exchanged has some
/// weight. An SN that lies may say anything.
bool is_sound(const ContractView& view);
/// Whether there is something to merge, and somebody who does it: a plan needs both.
bool can_merge(const MemberList& members);

}  // namespace starling
