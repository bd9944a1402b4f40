#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/board/run_model.hpp"
#include "core/json/json.hpp"

namespace starling {

/// Turns an SN's answers to queries (core/sn/sn_status.hpp) into the events that they tell of, as
/// if the SN's trace was read: what has changed since the answer before.
class StatusEvents {
public:
    explicit StatusEvents(RunModel& model) : model_(model) {}

    /// \param topic    "servers", "nodes", "contract" or "round"
    /// \param time_ns  since 1970
    void add(std::string_view topic, const JsonValue& answer, std::int64_t time_ns);

private:
    void add_servers(const JsonValue& answer);
    void add_nodes(const JsonValue& answer);
    void add_certificate(const std::string& node, const JsonValue& item);
    void add_contract(const JsonValue& answer);
    void add_missing_model(const JsonValue& answer);
    bool lags(const JsonValue& answer) const;
    void forget_earlier_ledger(const JsonValue& answer);
    void add_check_in(const JsonValue& member, const std::string& round);
    void add_round(const JsonValue& answer);
    void add_received(const JsonValue& answer);
    void add_commit(const JsonValue& answer, const std::string& contract);
    void report(std::string_view node, const TraceEvent& event) {
        model_.add(time_ns_, node, event);
    }

    RunModel& model_;
    std::int64_t time_ns_ = 0;
    std::string sn_ = "sn";                         ///< that answers
    std::map<std::string, std::string> leads_;      ///< SN -> "leads" or "follows" or "away"
    std::map<std::string, bool> connected_;         ///< node -> as it was told last
    std::set<std::string> members_;                 ///< active ones
    std::map<std::string, std::string> check_ins_;  ///< member -> run and round that it is in
    std::map<std::string, std::int64_t> days_;      ///< node -> its certificate's, as told last
    std::string contract_;                          ///< that is followed
    std::string run_;                               ///< that `members_` are of
    std::string round_;                             ///< run and round that is on
    std::set<std::string> told_;                    ///< what was told of this round
    /// What a member has told of an attempt, by sender.
    struct Received {
        std::tuple<std::int64_t, std::int64_t, std::int64_t> attempt;  ///< run, round, attempt
        std::map<std::string, std::int64_t> from;
    };
    std::map<std::string, Received> received_;       ///< by member
    std::deque<std::string> commits_;                ///< the newest ones that were told
    std::string missing_;                            ///< the model that nobody sends, as told last
    std::pair<std::int64_t, std::int64_t> reached_;  ///< run and round of the ledger
};

}  // namespace starling
