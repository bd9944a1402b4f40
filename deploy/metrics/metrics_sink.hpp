#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "core/node/node.hpp"
#include "deploy/metrics/exposition.hpp"

namespace starling {

/// Counts what a node reports and hands it on to the log. All functions may be called from any
/// thread; no lock is held while the next sink works.
class MetricsSink final : public TraceSink {
public:
    /// `next` must outlive this.
    MetricsSink(NodeId node, Role role, TraceSink& next);

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// An input of the node, for the connections: no event tells of them.
    void look(const Input& input);
    /// A peer was turned away before it could become a connection.
    void count_refused();

    /// All values now, in Prometheus' text format.
    std::string text() const;

private:
    /// What is counted for a contract: by the SN for each, by an SL for its own.
    struct ContractFigures {
        std::uint64_t committed = 0;
        std::uint64_t attempts = 0;
        std::uint64_t round = 0;
        std::uint64_t attempt = 0;
        std::uint64_t round_members = 0;
        std::uint64_t members_gone = 0;
        std::map<std::string, std::uint64_t> deviated;    ///< rounds, by member
        std::map<std::string, std::uint64_t> not_finite;  ///< rounds, by member
        std::set<std::string> members;
        std::map<std::string, std::uint64_t> ended;  ///< by phase
        std::optional<SwarmTime> first_check_in;     ///< of the round
        std::optional<SwarmTime> exchange_began;     ///< of the attempt
        std::optional<SwarmTime> last_commit;
        Histogram round_duration;
        Histogram check_in_to_commit;
        Histogram exchange_duration;
    };
    struct Connections {
        std::uint64_t opened = 0;
        std::uint64_t lost = 0;
    };

    void count(SwarmTime time, const TraceEvent& event);
    void count_sn(SwarmTime time, const TraceEvent& event);
    void count_sl(SwarmTime time, const TraceEvent& event);
    static void committed(SwarmTime time, const TraceEvent& event, ContractFigures& figures);
    void write_node(Exposition& out) const;
    void write_rounds(Exposition& out) const;
    void write_sn(Exposition& out) const;
    void write_sl(Exposition& out) const;

    const NodeId node_;
    const Role role_;
    TraceSink& next_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

    mutable std::mutex mutex_;
    std::map<std::string, ContractFigures> contracts_;
    std::map<NodeId, Role> up_;
    std::map<Role, Connections> connections_;
    std::uint64_t connect_failures_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t warnings_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t entries_ = 0;  ///< SN
    std::uint64_t denied_ = 0;   ///< SN
    bool leads_ = false;         ///< SN
    std::uint64_t term_ = 0;     ///< SN
    std::string contract_;       ///< SL: the one it is a member of
    std::uint64_t sent_bytes_ = 0;
    std::uint64_t received_bytes_ = 0;
    std::uint64_t samples_ = 0;
    std::uint64_t epochs_ = 0;
    std::optional<double> last_loss_;
    std::uint64_t not_finite_ = 0;  ///< SL
};

}  // namespace starling
