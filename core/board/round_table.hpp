#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/board/node_table.hpp"

namespace starling {

/// A round of a contract's run. Times are microseconds since the start of the run, -1: not yet.
struct BoardRound {
    std::size_t id = 0;
    std::string contract;
    std::uint64_t run = 0;
    std::uint64_t round = 0;
    std::uint64_t attempt = 0;  ///< the newest one
    std::uint64_t members = 0;
    std::int64_t first_check_in_us = -1;
    std::int64_t last_check_in_us = -1;
    std::int64_t frozen_us = -1;
    std::int64_t committed_us = -1;
    std::int64_t done_us = -1;     ///< the last member continued
    std::uint64_t sent_bytes = 0;  ///< parameters, by all members, in all attempts
    std::string digest = {};
    std::string plan = {};  ///< of the exchange; empty: that of the round before
    bool final = false;
    std::uint64_t version = 0;
};

/// Why a contract does not go on at once, and since when.
struct BoardWait {
    std::size_t id = 0;
    std::string contract;
    std::int64_t from_us = 0;
    std::int64_t to_us = -1;
    std::int64_t since_us = 0;  ///< start of this wait: several texts in sequence have the same
    std::string text;
    std::uint64_t version = 0;
};

/// Contracts with their rounds, and for whom each waited when. At most `rounds_max` rounds and four
/// times as many texts of waits: the oldest are dropped.
class RoundTable {
public:
    RoundTable(NodeTable& nodes, std::size_t rounds_max)
        : nodes_(nodes), rounds_(rounds_max), waits_(4 * rounds_max) {}

    void joined(const std::string& contract, std::size_t node, Moment now);
    void gone(const std::string& contract, std::size_t node, Moment now);
    /// It is a member of another contract now.
    void forget(const std::string& contract, std::size_t node, Moment now);
    void run_is(const std::string& contract, std::uint64_t run, Moment now);
    void checked_in(const std::string& contract, std::size_t node, std::uint64_t round, Moment now);
    void frozen(const std::string& contract, std::uint64_t round, std::uint64_t attempt,
                std::uint64_t members, Moment now);
    void plan_is(const std::string& contract, std::uint64_t round, std::string_view plan,
                 Moment now);
    void merged(const std::string& contract, std::size_t node, std::uint64_t round,
                std::uint64_t sent_bytes, Moment now);
    /// Members have sent parameters, beside what merged() says.
    void sent(const std::string& contract, std::uint64_t round, std::uint64_t bytes, Moment now);
    /// A member continues.
    void done(const std::string& contract, std::uint64_t round, Moment now);
    void committed(const std::string& contract, std::uint64_t round, std::uint64_t members,
                   std::string_view digest, bool final, Moment now);
    /// \param by  the SN that says so
    void ended(const std::string& contract, std::string_view phase, std::size_t by, Moment now);
    /// An SN says that the first member of a run has joined. Of another one than the current if the
    /// same SN has said that this ended: other SNs may be behind.
    void begins(const std::string& contract, std::size_t by, Moment now);
    /// A node has ended or failed: the texts that depend on it are made again.
    void update_waits(Moment now);

    bool is_over(const std::string& contract) const;
    /// The contract that a node without one belongs to: the only one, or the one named "default".
    std::string only_contract() const;

    /// Writes the members "contracts", "rounds", "rounds_from", "waits", "waits_from" of an object:
    /// what changed after version `since`.
    void write(JsonWriter& json, std::uint64_t since) const;

private:
    struct Contract {
        std::uint64_t run = 0;
        std::uint64_t round = 0;  ///< the one that is on
        bool exchange = false;    ///< it is frozen
        std::set<std::size_t> members;
        std::set<std::size_t> here;    ///< have checked in
        std::set<std::size_t> merged;  ///< in the attempt
        std::set<std::size_t> lost;    ///< members that are gone, and may return
        std::int64_t since_us = 0;     ///< start of the wait
        std::string phase;             ///< empty: the run goes on
        std::size_t ended_by = 0;
        std::size_t missing = 0;  ///< of the newest text
        std::size_t wait = 0;     ///< its id + 1; 0: there is none
        std::uint64_t version = 0;
    };

    Contract& contract_of(const std::string& name, Moment now);
    BoardRound& round_of(const std::string& name, std::uint64_t round, Moment now);
    void end_round(Contract& contract, Moment now);
    void update_wait(const std::string& name, Moment now);
    std::string wait_text(const Contract& contract, std::size_t& missing) const;
    std::string names_of(const std::set<std::size_t>& nodes) const;

    NodeTable& nodes_;
    std::map<std::string, Contract> contracts_;
    std::map<std::tuple<std::string, std::uint64_t, std::uint64_t>, std::size_t> ids_;
    KeptList<BoardRound> rounds_;
    KeptList<BoardWait> waits_;
};

}  // namespace starling
