#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/lazy_container.hpp"
#include "core/sl/command_queue.hpp"
#include "core/sl/end_claims.hpp"
#include "core/sl/heartbeat_pace.hpp"
#include "core/sl/node_end.hpp"
#include "core/sl/sl_node.hpp"
#include "core/sl/view_watch.hpp"

namespace starling {

/// The SL's connection to an SN: which SN is used and when the next one is dialled, the commands
/// that wait for an answer, and when heartbeats are sent.
///
/// One SN is in use at a time. The next address is dialled when its connection breaks, when it does
/// not answer a command, and when it sends no new view (ViewWatch); in the latter two cases beside
/// the connection, which is replaced once the new one is there. Earlier SNs may stay connected, so
/// that their views can be compared.
///
/// An SN may lie. Where there are several, what ends the node counts once two of them have said it
/// (EndClaims). What an SN has answered is asked of the next one again: a command that was accepted
/// falsely is in no ledger.
class SnLink {
public:
    /// \param setup  of the node; must outlive this
    explicit SnLink(const SlNodeOptions& setup);

    /// The SN in use, while it is connected.
    const std::optional<NodeId>& sn() const { return sn_; }
    bool is_sn(const NodeId& node) const { return sn_ == node; }
    bool is_address(const Address& address) const;
    /// Whether there are others than the SN in use.
    bool has_others() const { return setup_->sn_addresses.size() > 1; }
    /// Which is dialled next.
    const Address& address() const {
        return setup_->sn_addresses[at_ % setup_->sn_addresses.size()];
    }

    void start(SwarmTime now, Outbox& out);
    /// Dials, unless an SN is connected.
    void dial(Outbox& out) const;
    void on_up(SwarmTime now, const PeerUp& up, Outbox& out);
    /// \return true: it was the SN in use.
    bool on_lost(SwarmTime now, const PeerLost& lost, Outbox& out);
    /// \return why the node can't go on, if so.
    std::optional<NodeEnd> on_connect_failed(SwarmTime now, const ConnectFailed& failed,
                                             Outbox& out);
    /// Any frame of the SN in use.
    void on_heard(SwarmTime now);

    /// Queues the command, and sends it to all SNs that are connected if no other one waits for its
    /// answer.
    void submit(SwarmTime now, Command command, Outbox& out);
    struct Answered {
        Command command;
        bool again = false;  ///< another SN had answered it before
    };
    /// The command that `result` answers; nothing: it answers an earlier copy, or no command, or
    /// is a refusal that does not count yet: the next SN is dialled.
    std::optional<Answered> take_answered(SwarmTime now, const CommandResult& result, Outbox& out);
    /// Sends the next command, after the answer to the one before.
    void send_next(Outbox& out);

    bool heartbeat_due(SwarmTime now) { return pace_.due(now); }
    /// How many times more rarely than in a small swarm heartbeats may be sent, as the SN in use
    /// says. A command that is not answered is repeated with a heartbeat, which then is due soon:
    /// where another SN can be dialled instead, as soon as in a small swarm.
    int interval_factor() const;
    /// Sends it to the SN in use (with a report to all that are connected), repeats the command
    /// that waits, and dials the next SN if this one leaves commands unanswered or sends no new
    /// view.
    ///
    /// \pre sn()
    /// \param awaited  the round that this node waits for, if it does.
    void send_heartbeat(SwarmTime now, Heartbeat beat, std::optional<Round> awaited, Outbox& out);
    /// Dials the next SN if this one has lost touch with the leader, and leaves a command
    /// unanswered.
    ///
    /// \return true: it does so.
    bool on_heartbeat_answered(SwarmTime now, const CommandResult& answer, Outbox& out);

    /// The SN in use says what ends this node, or that its lease is over.
    ///
    /// \pre sn()
    /// \param code  of a refusal
    /// \return  false: that does not count yet, and the next SN is dialled.
    bool is_confirmed(SwarmTime now, EndClaim what, const std::string& said, Outbox& out,
                      Errc code = Errc::ok);
    /// It has answered otherwise than the one before: a third one is asked.
    void suspect_answers() { answered_ = KeptAnswers{*sn_, false}; }
    /// This node enrols again, since its lease is over.
    void on_rejoin() { claims_.forget(EndClaim::lease_over); }
    /// It has accepted a check-in, and tells of that round without this node. \pre sn()
    void on_left_out(SwarmTime now, Outbox& out);
    /// Others exchange or have merged that round with this node: what that took is in the ledger.
    void on_taken_part(Round round) { commands_.forget_up_to(round); }

    /// From now on the SN sends views.
    void expect_view(SwarmTime now) { views_.expect(now); }
    /// \param version  of the view; 0: some of its lists of members have come
    void on_view(SwarmTime now, std::uint64_t version = 0);
    /// The SN in use has told the same as another one before.
    void on_same_view(SwarmTime now, std::uint64_t version);
    /// Whether the SN in use has sent this version, or a later one. Where there are several, each
    /// one is asked for its own view: the newest one here may be made up.
    std::uint64_t known_version(std::uint64_t newest) const {
        return has_others() ? std::min(newest, told_.version) : newest;
    }
    /// The SN in use tells of an earlier version than the newest one here, which another one has
    /// told. \return  true: it has done so for too long to lag behind, and another one has, too
    /// (where there are three, unless none answers)
    bool contradicts_newest_view(SwarmTime now, Outbox& out);
    /// The SN that has told the newest view is not asked for a while, where there are others.
    void suspect_newest_view(SwarmTime now) { suspect(now, told_.newest_by); }
    /// The others have merged a round to another model than this node: the SN may have named other
    /// members or weights than theirs.
    void on_merge_differs(SwarmTime now, Outbox& out);
    /// The SN in use has sent what none sends that does not lie. \pre sn()
    void on_invalid(SwarmTime now, Outbox& out);
    /// An earlier SN that is still connected has sent a later view than the one in use.
    void on_later_view_elsewhere(SwarmTime now, const NodeId& sn);

private:
    void note_connected(const PeerUp& up);
    void forget_earlier() {
        if (suspicions_) {
            suspicions_->earlier_since.reset();
        }
    }
    bool ends_node(const CommandResult& result) const;
    void send_command(bool retry, Outbox& out);
    template <typename Type>
    void send_to_others(const Type& message, Outbox& out) const;
    void use(SwarmTime now, const NodeId& sn, const Address& dialled);
    void move_on(SwarmTime now, const Address& but);
    void ask_another(SwarmTime now, Round awaited, Outbox& out);
    void dial_next(SwarmTime now, Level level, const std::string& why, Outbox& out);
    void suspect(SwarmTime now, const Address& address);
    bool is_suspected(SwarmTime now, const Address& address) const;
    void leave_without_answer(SwarmTime now, Outbox& out);
    bool answer_is_overdue(SwarmTime now) const;
    void check_views(SwarmTime now, std::optional<Round> awaited, Outbox& out);
    void warn_if_silent(SwarmTime now, Outbox& out);

    const SlNodeOptions* setup_;
    std::optional<NodeId> sn_;  ///< in use; set while it is connected
    Address dialled_;           ///< of sn_
    /// sn_, and earlier ones that are still connected, in the order of their ids; the addresses at
    /// which they were dialled.
    std::vector<std::pair<NodeId, Address>> connected_;
    std::uint32_t at_ = 0;  ///< which of the addresses is dialled; counts on
    /// Fatal failures in a row: as many as addresses means that all SNs refuse this node.
    std::uint32_t refusals_ = 0;
    SwarmTime lost_at_{};         ///< since when no SN is connected; or the last time that happened
    SwarmDuration backoff_{};     ///< before the newest try to connect; 0 after a success
    SwarmTime asked_at_{};        ///< when sn_ got the command that is not answered yet
    SwarmTime heard_at_{};        ///< the newest frame of sn_
    int sn_interval_factor_ = 1;  ///< of heartbeats, as sn_ says
    bool silent_ = false;         ///< that sn_ does not answer was logged
    bool leaderless_ = false;     ///< sn_ has lost touch with the leader, and that was logged
    HeartbeatPace pace_;
    ViewWatch views_;
    CommandQueue commands_;
    EndClaims claims_;
    struct KeptAnswers {
        NodeId by;               ///< the SN in use at the newest one that is kept
        bool confirmed = false;  ///< another one has given an answer to that one, too
    };
    HeapOptional<KeptAnswers> answered_;  ///< nothing: none was kept
    struct Suspicions {                   ///< about the SN in use, the newest ones
        std::optional<SwarmTime> left_out_at;
        std::optional<SwarmTime> earlier_since;  ///< it tells of an earlier version than is known
    };
    HeapOptional<Suspicions> suspicions_;
    struct Suspect {
        SwarmTime until{};
        SwarmDuration length{};  ///< doubles
    };
    struct Told {
        std::uint64_t version = 0;                   ///< newest one of a view by sn_
        Address newest_by;                           ///< the SN that has sent the newest view here
        LazyContainer<std::set<Address>> denied_by;  ///< SNs that tell of earlier ones, for long
        /// SNs that are suspected of lying: another one has told otherwise.
        LazyContainer<std::map<Address, Suspect>> suspects;
    };
    Told told_;
};

}  // namespace starling
