#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "core/ledger/snapshot.hpp"
#include "core/raft/detail/raft_entries.hpp"
#include "core/raft/detail/repeated_appends.hpp"
#include "core/raft/host_rules.hpp"
#include "core/raft/raft_consensus.hpp"
#include "core/raft/raft_log.hpp"

namespace starling {

constexpr unsigned short plenty_of_disk = 65535;

inline raft_time milliseconds_of(SwarmTime time) {
    return static_cast<raft_time>(to_ns(time) / 1'000'000);
}
inline unsigned milliseconds_of(SwarmDuration duration) {
    return static_cast<unsigned>(duration.count() / 1'000'000);
}

/// One source file a direction: what other SNs say (raft_receive.cpp), all else
/// (raft_consensus.cpp).
class RaftConsensus final : public Consensus {
public:
    explicit RaftConsensus(RaftOptions options)
        : options_(std::move(options)), repeated_(options_.heartbeat) {}
    RaftConsensus(const RaftConsensus&) = delete;
    RaftConsensus& operator=(const RaftConsensus&) = delete;
    ~RaftConsensus() override {
        if (started_) {
            raft_close(&raft_, nullptr);
        }
    }

    void start(SwarmTime now, DurableLog log, std::optional<Server> founder,
               ConsensusOutput& output) override;
    bool receive(SwarmTime now, const NodeId& from, const ConsensusMessage& message,
                 ConsensusOutput& output) override;
    Result<void> propose(SwarmTime now, Bytes entry, ConsensusOutput& output) override;
    Result<void> add_server(SwarmTime now, const Server& server, ConsensusOutput& output) override;
    Result<void> remove_server(SwarmTime now, const NodeId& node, ConsensusOutput& output) override;
    void forget(std::uint64_t index) override;
    void step_down(SwarmTime now, ConsensusOutput& output) override;
    std::optional<SwarmTime> deadline() const override {
        // Half a millisecond late, so that the whole millisecond is over.
        return from_ns(static_cast<std::int64_t>(raft_timeout(&raft_)) * 1'000'000 + 500'000);
    }
    void tick(SwarmTime now, ConsensusOutput& output) override;

    bool leads() const override { return started_ && raft_.state == RAFT_LEADER; }
    std::optional<std::uint64_t> read_index() const override;
    std::optional<NodeId> leader() const override;
    std::uint64_t term() const override { return raft_current_term(&raft_); }
    const std::vector<Server>& servers() const override { return servers_; }

private:
    raft_event event_at(SwarmTime now, raft_event_type type) const {
        raft_event event{};
        event.time = std::max(milliseconds_of(now), raft_.now);
        event.type = type;
        event.capacity = plenty_of_disk;
        return event;
    }
    /// One raft_step and everything that follows from it. \param entries  what the event holds.
    int feed(SwarmTime now, raft_event& event, const RaftEntries* entries, ConsensusOutput& output);
    void take_entries(SwarmTime now, const raft_update& update, const RaftEntries* entries,
                      ConsensusOutput& output);
    void begin_behind(const LedgerSnapshot& snapshot);
    void extend_trail();
    Result<Bytes> encoded_record(std::uint64_t index) const;
    void take_messages(SwarmTime now, const raft_update& update, ConsensusOutput& output);
    void send_append(SwarmTime now, const raft_message& message, ConsensusOutput& output);
    void deliver_committed(SwarmTime now, ConsensusOutput& output);
    Result<void> submit(SwarmTime now, LogRecord record, ConsensusOutput& output);
    Result<void> change(SwarmTime now, std::vector<Server> servers, ConsensusOutput& output);
    void receive_append(SwarmTime now, const NodeId& from, const ConsensusMessage& message,
                        std::vector<LogRecord> records, ConsensusOutput& output);
    int feed_append(SwarmTime now, const NodeId& from, const ConsensusMessage& message,
                    std::uint64_t before, std::uint64_t term_before, RaftEntries& entries,
                    ConsensusOutput& output);
    RaftPosition position(SwarmTime now, const NodeId& sender) const;
    void note_raise(SwarmTime now, const NodeId& sender);
    std::uint64_t find_successor(SwarmTime now);
    bool is_overtaken(const ConsensusMessage& result) const;
    void send_newer_term(std::uint64_t asked, std::size_t from, ConsensusOutput& output) const;
    void set_last_index(std::size_t from, ConsensusOutput& output) const;
    void notify_commit(ConsensusOutput& output);
    void promote_learners(SwarmTime now, ConsensusOutput& output);
    void wait_in_full();
    bool lacks_records() const { return options_.lacks_records && options_.lacks_records(); }
    raft_server* own_learner();

    RaftOptions options_;
    mutable raft raft_{};  ///< raft_leader() takes it without const
    bool started_ = false;
    RaftLog log_;
    std::vector<Server> servers_;
    std::uint64_t membership_index_ = 0;  ///< of the record that servers_ comes from
    /// The newest membership of the records that are on the disk only.
    struct Membership {
        std::uint64_t index = 0;
        std::vector<Server> servers;
    } forgotten_membership_;
    std::uint64_t delivered_ = 0;
    bool waits_in_full_ = false;
    SwarmTime leader_heard_at_{};
    /// When each sender has raised the term of this server, within term_raise_window.
    std::map<NodeId, std::deque<SwarmTime>> raises_;
    std::map<std::uint64_t, std::uint64_t> notified_;  ///< by this leader: server -> agreed index
    RepeatedAppends repeated_;                         ///< by this leader
    std::set<std::uint64_t> lacking_;  ///< members that lack records, by their newest result
};

}  // namespace starling
