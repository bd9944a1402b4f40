#include "core/board/event_words.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/trace/event_fields.hpp"

namespace starling {
namespace {

constexpr std::size_t words_max = 400;  // characters of one text; fields of a trace may be anything

using enum Level;

// By name of the event.
constexpr EventWords all_words[] = {
    {"api_ready", info, false, "The SN serves its API on port {port}"},
    {"apls_ready", info, false, "The licence server is ready"},
    {"catch_up_begin", info, false, "Missed rounds: fetches the model of round {round}"},
    {"caught_up", info, false, "Has the model of round {round} again"},
    {"certificate_ends", warning, true, "The certificate of {node} expires in {days} days"},
    {"check_in", info, false, "Checks in to round {round}"},
    {"command_denied", warning, true, "A command of {node} was refused"},
    {"conditions_changed", warning, true, "Conditions, begin ({begins}): {fault}"},
    {"contract_ended", info, false, "Contract {contract}: the run is {phase}"},
    {"contribution_not_finite", error, true, "{node} contributed NaN or infinity to round {round}"},
    {"evaluation", info, false, "{correct} of {samples} test samples are right"},
    {"exchange_begin", info, false,
     "Round {round}, attempt {attempt}: exchange with {members} members"},
    {"exchange_done", info, false, "Round {round} is merged: {digest:12}"},
    {"exchange_early", info, false, "Round {round}: exchange with {members} members begins"},
    {"exchange_plan", info, false, "Round {round} is exchanged as a {plan}: {reason}"},
    {"exchange_refused", error, true, "No plan of the exchange of round {round} is possible"},
    {"final_model", info, false, "Has the final model: {digest:12}"},
    {"history_taken", info, false, "Applied the entries {from} to {to} that it had missed"},
    {"host_off", error, true, "Host {host} went off"},
    {"host_on", info, false, "Host {host} is on again"},
    {"join_refused", error, true, "This SN was not admitted, or was removed"},
    {"leader_elected", info, false, "Is the leader of the SNs, in term {term}"},
    {"leader_ended", info, false, "Is no longer the leader"},
    {"leader_found", info, false, "There is a leader again"},
    {"leaderless", warning, true, "The SNs have no leader"},
    {"ledger_forked", error, true, "{node} has signed another history of the ledger"},
    {"ledger_recovered", info, false, "Has loaded {entries} entries of its ledger"},
    {"licence_grace", warning, true, "No licence server; the seat is valid for {seconds} s"},
    {"licence_not_valid", error, true, "The licence file is refused"},
    {"link_down", error, true, "Link {link} is down"},
    {"link_up", info, false, "Link {link} is up again"},
    {"member_deviated", error, true, "{node} merged round {round} to other parameters"},
    {"member_enrolled", info, false, "{node} joins the run of {contract}"},
    {"member_excluded", warning, true, "{node} is excluded: it exchanged nothing"},
    {"member_gone", warning, true, "{node} is lost, has left, or was expelled"},
    {"member_not_finite", error, true, "{node} contributed NaN or infinity to round {round}"},
    {"members_kept_apart", warning, true,
     "Nothing moves between {node} and {others}: they are kept apart"},
    {"merge_deviates", error, true, "Merged round {round} to other parameters than the majority"},
    {"merged_early", info, false, "Round {round} is merged: {digest:12}"},
    {"ml_segment_refused", warning, true, "A segment between program and SL does not belong here"},
    {"model_missing", error, true,
     "Nobody sends the model of round {round}, for which {asking} members ask"},
    {"no_answer", warning, true, "{address} does not answer, for {seconds} s"},
    {"node_killed", error, true, "Was killed"},
    {"node_registered", info, false, "{node} is registered"},
    {"node_stopped", info, false, "Has ended with exit code {code}"},
    {"own_parameters_not_finite", error, true, "Its program submitted NaN or infinity: {tensor}"},
    {"owner_voted", info, false, "An owner voted about {node}"},
    {"program_failed", error, true, "The training program ended with an error"},
    {"removal_claimed", warning, true, "Another SN claims that this one was removed"},
    {"resumed", info, false, "Continues with its state of round {round}"},
    {"roll_changed", info, false, "The roll has changed for {node}"},
    {"round_committed", info, false,
     "Round {round} is committed by {members} members: {digest:12}"},
    {"round_done", info, false, "Continues after round {round}"},
    {"round_frozen", info, false, "Round {round}, attempt {attempt}, has {members} members"},
    {"round_stands_still", warning, true, "Nothing moves in round {round} because of {node}"},
    {"round_undecided", error, true, "No majority merged round {round} to the same bytes"},
    {"seat_held", info, false, "Has a seat of the licence"},
    {"seat_lapsed", warning, true, "The seat of {node} was not renewed"},
    {"seat_lost", error, true, "Has no seat of the licence any more"},
    {"seat_refused", warning, true, "{node} was refused a seat"},
    {"seat_revoked", warning, true, "The seat of {node} was revoked by {by}"},
    {"seat_taken", info, false, "{node} has a seat"},
    {"segment_refused", warning, true, "A segment of {peer} is invalid: {reason}"},
    {"segments_deviate", error, true, "{segments} segments merged by {owner} deviate"},
    {"server_lost", warning, true,
     "The connection to the SN was lost: what is shown is its last answer"},
    {"servers_removed", warning, true, "SNs were removed"},
    {"session_failed", error, true, "The session with the SL ended with error {code}"},
    {"session_opened", info, false, "Joined run {run} of {contract}: {bytes} bytes of parameters"},
    {"signature_refused", error, true, "A signature of {node} is not valid"},
    {"sl_ready", info, false, "The SL is registered"},
    {"sn_started", info, false, "The SN starts with {entries} entries"},
    {"snapshot_failed", warning, true, "No snapshot of the ledger could be written"},
    {"start_replaced", warning, true, "{node} was started twice: the earlier start is refused"},
    {"state_not_kept", error, true, "The program's state could not be stored"},
    {"store_failed", error, true, "Could not write to its disk"},
    {"trace_gap", warning, true, "Events are missing in the trace"},
    {"waiting", info, false, "Round {round} waits: {here} of {min_peers} members are here"},
};

static_assert(std::is_sorted(std::begin(all_words), std::end(all_words),
                             [](const EventWords& a, const EventWords& b) {
                                 return a.event < b.event;
                             }));

}  // namespace

const EventWords* find_event_words(std::string_view event) {
    const auto* const found =
        std::lower_bound(std::begin(all_words), std::end(all_words), event,
                         [](const EventWords& a, std::string_view b) { return a.event < b; });
    return found != std::end(all_words) && found->event == event ? found : nullptr;
}

std::string words_of(const EventWords& words, const TraceEvent& event) {
    const EventFields fields(event);
    std::string text;
    std::string_view rest = words.words;
    while (!rest.empty() && text.size() < words_max) {
        const std::size_t open = rest.find('{');
        text += rest.substr(0, open);
        if (open == std::string_view::npos) {
            break;
        }
        const std::size_t close = rest.find('}', open);
        std::string_view key = rest.substr(open + 1, close - open - 1);
        rest.remove_prefix(close + 1);
        std::size_t length = words_max;
        if (const std::size_t colon = key.find(':'); colon != std::string_view::npos) {
            std::from_chars(key.data() + colon + 1, key.data() + key.size(), length);
            key = key.substr(0, colon);
        }
        text += fields.has(key) ? fields.text(key).substr(0, length) : "?";
    }
    return text.substr(0, words_max);
}

}  // namespace starling
