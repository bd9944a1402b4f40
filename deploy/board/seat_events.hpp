#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/board/run_model.hpp"
#include "core/json/json.hpp"

namespace starling {

/// Turns a licence server's answers to the query "seats" (core/licence/apls_node.cpp) into the
/// events that they tell of, as if its trace was read: what has changed since the answer before.
class SeatEvents {
public:
    explicit SeatEvents(RunModel& model) : model_(model) {}

    /// \param time_ns  since 1970
    void add(const JsonValue& answer, std::int64_t time_ns);
    /// The server does not answer: what was known may be outdated.
    void no_answer(std::int64_t time_ns);

private:
    void report(const TraceEvent& event) { model_.add(time_ns_, server_name, event); }
    void add_holders(const JsonValue& answer);

    /// Its answers don't tell the server's own name.
    static constexpr std::string_view server_name = "licence server";
    RunModel& model_;
    std::int64_t time_ns_ = 0;
    bool answered_ = false;                ///< ever
    bool silent_ = false;                  ///< since its last answer, as was reported
    std::string told_;                     ///< of the licence and the number of seats
    std::map<std::string, bool> holders_;  ///< name -> connected to the server
};

}  // namespace starling
