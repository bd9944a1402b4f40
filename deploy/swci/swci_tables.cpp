// Text for the operator from an SN's JSON. The SN may be of another version, or lie: missing
// members are shown as "-", and control characters, which could change a terminal, as "?".
#include "deploy/swci/swci_tables.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace starling {
namespace {

constexpr std::size_t digest_shown = 12;

const JsonValue& member(const JsonValue& value, std::string_view name) {
    static const JsonValue null;
    const JsonValue* found = value.find(name);
    return found == nullptr ? null : *found;
}

bool is_null(const JsonValue& value) { return value.kind == JsonValue::Kind::null; }

/// The member as text, "-" if there is none.
std::string text(const JsonValue& value, std::string_view name) {
    const JsonValue& found = member(value, name);
    return is_null(found) || found.text.empty() ? "-" : found.text;
}

bool flag(const JsonValue& value, std::string_view name) {
    return member(value, name).text == "true";
}

std::string printable(std::string_view raw) {
    std::string shown(raw);
    for (char& c : shown) {
        const auto code = static_cast<unsigned char>(c);
        c = code < ' ' || code == 127 ? '?' : c;
    }
    // U+0080 to U+009F, the other control characters, start with this byte.
    for (std::size_t at = shown.find('\xC2'); at != std::string::npos;
         at = shown.find('\xC2', at)) {
        const bool control =
            at + 1 < shown.size() && static_cast<unsigned char>(shown[at + 1]) < 0xA0;
        shown.replace(at, control ? 2 : 0, control ? "?" : "");
        ++at;
    }
    return shown;
}

/// Number of characters of a UTF-8 text.
std::size_t width(std::string_view shown) {
    return static_cast<std::size_t>(std::count_if(shown.begin(), shown.end(), [](char c) {
        return (static_cast<unsigned char>(c) >> 6U) != 2;
    }));
}

std::string milliseconds(const std::string& number) {
    if (number == "-") {
        return number;
    }
    std::array<char, 32> shown{};
    std::snprintf(shown.data(), shown.size(), "%.1f s",
                  std::strtod(number.c_str(), nullptr) / 1000);
    return shown.data();
}

std::string rounded(const std::string& number) {
    if (number == "-") {
        return number;
    }
    std::array<char, 32> shown{};
    std::snprintf(shown.data(), shown.size(), "%.4f", std::strtod(number.c_str(), nullptr));
    return shown.data();
}

std::string names(const JsonValue& value, std::string_view name) {
    std::string joined;
    for (const auto& [key, item] : member(value, name).items) {
        joined += (joined.empty() ? "" : ", ") + item.text;
    }
    return joined.empty() ? "-" : joined;
}

/// "name: value" lines, values aligned.
std::string pairs(const std::vector<std::pair<std::string, std::string>>& lines) {
    std::size_t column = 0;
    for (const auto& [name, value] : lines) {
        column = std::max(column, name.size() + 2);
    }
    std::string shown;
    for (const auto& [name, value] : lines) {
        std::string line = name + ":";
        line.resize(column, ' ');
        shown += line + printable(value) + "\n";
    }
    return shown;
}

std::string upper(std::string shown) {
    std::transform(shown.begin(), shown.end(), shown.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return shown;
}

std::string nodes_text(const JsonValue& answer) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, node] : member(answer, "nodes").items) {
        const std::string ago = milliseconds(text(node, "last_heard_ms_ago"));
        rows.push_back({upper(text(node, "role")), text(node, "host"), text(node, "port"),
                        text(node, "name"), ago == "-" ? ago : ago + " ago",
                        flag(node, "connected") ? "connected"
                        : flag(node, "lost")    ? "lost"
                                                : "away"});
    }
    return aligned_table({"TYPE", "HOST IP", "PORT", "NAME", "LAST I-AM-ALIVE", "STATE"}, rows);
}

std::string servers_text(const JsonValue& answer) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, server] : member(answer, "servers").items) {
        rows.push_back({text(server, "name"), text(server, "host"), text(server, "port"),
                        flag(server, "votes") ? "yes" : "no, it learns",
                        text(server, "name") == text(answer, "name") ? "asked"
                        : flag(server, "connected")                  ? "connected"
                                                                     : "away",
                        flag(server, "leads") ? "leads" : "follows"});
    }
    return pairs({{"leader", text(answer, "leader")},
                  {"term", text(answer, "term")},
                  {"ledger", text(answer, "ledger_entries") + " entries"}}) +
           "\n" + aligned_table({"NAME", "HOST IP", "PORT", "VOTES", "STATE", "ROLE"}, rows);
}

/// Pending votes of owners: ", 1 of 3 owners for a vote".
std::string owners_text(const JsonValue& answer, const JsonValue& entry) {
    std::string pending;
    for (const auto& [field, what] : {std::pair{"owners_for_vote", "a vote"},
                                      std::pair{"owners_for_expulsion", "its expulsion"}}) {
        if (const std::string count = text(entry, field); count != "0" && count != "-") {
            pending += ", " + count + " of " + text(answer, "owners") + " owners for " + what;
        }
    }
    return pending;
}

std::string roll_text(const JsonValue& answer) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, entry] : member(answer, "roll").items) {
        const std::string by = text(entry, "by");
        rows.push_back({text(entry, "name"), upper(text(entry, "role")), text(entry, "since"),
                        by.empty() || by == "-" ? "first contact" : by,
                        (flag(entry, "expelled")         ? "expelled"
                         : text(entry, "role") == "tool" ? text(entry, "right")
                         : flag(entry, "votes")          ? "votes"
                         : !flag(entry, "seen")          ? "not seen yet"
                         : text(entry, "role") == "sn"   ? "learns, no vote"
                                                         : "takes part") +
                            owners_text(answer, entry),
                        text(entry, "ca")});
    }
    return pairs({{"admission", text(answer, "admission")}, {"founder", text(answer, "founder")}}) +
           "\n" + aligned_table({"NAME", "TYPE", "ENTRY", "BY", "STATE", "CA"}, rows);
}

/// "1/2"; "-": nothing is awaited, as in a contract that has ended.
std::string check_ins(const JsonValue& contract) {
    return text(contract, "wanted") == "0"
               ? "-"
               : text(contract, "checked_in") + "/" + text(contract, "wanted");
}

std::string contracts_text(const JsonValue& answer) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, contract] : member(answer, "contracts").items) {
        std::string reason = text(contract, "reason");
        if (const JsonValue& missing = member(contract, "missing_model"); !is_null(missing)) {
            reason = "the model of round " + text(missing, "round") + " is missing";
        }
        rows.push_back({text(contract, "name"), text(contract, "phase"), text(contract, "run"),
                        text(contract, "round"), text(contract, "attempt"), check_ins(contract),
                        text(contract, "members"),
                        reason == "-" ? text(contract, "waiting") : reason});
    }
    if (rows.empty()) {
        return "No contract was started on this SN.\n";
    }
    return aligned_table(
        {"NAME", "PHASE", "RUN", "ROUND", "ATTEMPT", "CHECKED IN", "MEMBERS", "WHY"}, rows);
}

std::string commit_text(const JsonValue& answer) {
    const JsonValue& commit = member(answer, "last_commit");
    if (is_null(commit)) {
        return "none yet";
    }
    std::string shown = "round " + text(commit, "round") + ", attempt " + text(commit, "attempt") +
                        (flag(commit, "final") ? " (final)" : "") + ", digest " +
                        text(commit, "digest") + ", weights";
    for (const auto& [key, one] : member(commit, "members").items) {
        shown += " " + text(one, "name") + "=" + text(one, "weight");
    }
    return shown;
}

std::vector<std::pair<std::string, std::string>> state_lines(const JsonValue& answer) {
    std::vector<std::pair<std::string, std::string>> lines = {
        {"contract", text(answer, "name")},
        {"phase", text(answer, "phase")},
        {"round", text(answer, "round") + ", attempt " + text(answer, "attempt") + ", run " +
                      text(answer, "run")}};
    if (check_ins(answer) != "-") {
        lines.emplace_back("checked in", check_ins(answer));
    }
    if (text(answer, "waiting") != "-") {
        lines.emplace_back("waiting", text(answer, "waiting"));
    }
    if (const JsonValue& missing = member(answer, "missing_model"); !is_null(missing)) {
        lines.emplace_back("model", text(missing, "text"));
    }
    if (text(answer, "reason") != "-") {
        lines.emplace_back("reason", text(answer, "reason"));
    }
    return lines;
}

/// What the programs have reported by name; empty: nothing.
std::string scalars_table(const JsonValue& answer) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, one] : member(answer, "members").items) {
        for (const auto& [name, value] : member(one, "scalars").items) {
            rows.push_back({text(one, "name"), name,
                            value.kind == JsonValue::Kind::null ? "not finite" : value.text});
        }
    }
    return rows.empty() ? "" : aligned_table({"MEMBER", "REPORTED", "VALUE"}, rows);
}

std::string contract_text(const JsonValue& answer) {
    auto lines = state_lines(answer);
    const JsonValue& config = member(answer, "config");
    const std::string limit = text(config, "wait_limit_ms");
    lines.emplace_back("rules",
                       "min_peers " + text(config, "min_peers") + ", sync_frequency " +
                           text(config, "sync_frequency") + ", merge " + text(config, "merge") +
                           ", compression " + text(config, "compression") + ", non-finite " +
                           text(config, "non_finite") + ", exchange " + text(config, "exchange") +
                           ", durable " + text(config, "durable") + ", grace " +
                           milliseconds(text(config, "grace_ms")) + ", wait limit " +
                           (limit == "0" ? "none" : milliseconds(limit)) + ", slowest link " +
                           text(config, "slowest_link_bytes_per_s") + " bytes/s");
    lines.emplace_back("parameters",
                       text(config, "parameter_bytes") + " bytes, layout " +
                           text(config, "layout_fingerprint").substr(0, digest_shown));
    lines.emplace_back("last commit", commit_text(answer));
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, one] : member(answer, "members").items) {
        rows.push_back(
            {text(one, "name"), text(one, "status"), flag(one, "connected") ? "yes" : "no",
             flag(one, "checked_in") ? "yes" : "no",
             text(one, "epochs_done") + "/" + text(one, "epochs_total"), text(one, "samples"),
             text(one, "weight"), rounded(text(one, "last_loss")), text(one, "non_finite_rounds"),
             text(one, "deviations"), text(one, "held_up_rounds")});
    }
    const std::string scalars = scalars_table(answer);
    return pairs(lines) + "\n" +
           aligned_table({"MEMBER", "STATUS", "CONNECTED", "CHECKED IN", "EPOCHS", "SAMPLES",
                          "WEIGHT", "LAST LOSS", "NAN ROUNDS", "DEVIATIONS", "HELD UP"},
                         rows) +
           (scalars.empty() ? "" : "\n" + scalars);
}

/// Empty if no exchange is under way.
std::string transfers_table(const JsonValue& answer) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, one] : member(answer, "transfers").items) {
        const std::string left = text(one, "seconds_left");
        rows.push_back({text(one, "name"), text(one, "received_bytes"), text(one, "expected_bytes"),
                        text(one, "bytes_per_second"), left == "-" ? "unknown" : left + " s",
                        text(one, "waits_for")});
    }
    return rows.empty()
               ? ""
               : aligned_table({"MEMBER", "RECEIVED", "OF BYTES", "BYTES/S", "TO GO", "WAITS FOR"},
                               rows);
}

std::string round_text(const JsonValue& answer) {
    auto lines = state_lines(answer);
    const std::string deadline = milliseconds(text(answer, "deadline_ms"));
    lines.emplace_back("here", names(answer, "checked_in_members"));
    lines.emplace_back("missing", names(answer, "missing_members"));
    lines.emplace_back("exchanging", names(answer, "exchanging_members"));
    lines.emplace_back("reported", names(answer, "reported_members"));
    lines.emplace_back("deadline", deadline == "-" ? "none" : "in " + deadline);
    lines.emplace_back("last commit", commit_text(answer));
    const std::string transfers = transfers_table(answer);
    return pairs(lines) + (transfers.empty() ? "" : "\n" + transfers);
}

std::string version_text(const JsonValue& answer) {
    return pairs({{"SN", text(answer, "name")},
                  {"version", text(answer, "version") + ", wire " + text(answer, "wire_version")},
                  {"ledger", text(answer, "ledger_entries") + " entries, head " +
                                 text(answer, "ledger_head")},
                  {"up for", milliseconds(text(answer, "uptime_ms"))}});
}

}  // namespace

std::string aligned_table(const std::vector<std::string>& headings,
                          const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < headings.size(); ++column) {
        widths.push_back(width(headings[column]));
        for (const auto& row : rows) {
            widths[column] = std::max(widths[column], width(printable(row[column])));
        }
    }
    std::string table;
    const auto append = [&](const std::vector<std::string>& row) {
        std::string line;
        for (std::size_t column = 0; column < row.size(); ++column) {
            const std::string cell = printable(row[column]);
            line += cell;
            if (column + 1 < row.size()) {
                line.append(widths[column] - width(cell) + 2, ' ');
            }
        }
        table += line + "\n";
    };
    append(headings);
    for (const auto& row : rows) {
        append(row);
    }
    return table;
}

std::string status_text(std::string_view topic, const JsonValue& answer) {
    return topic == "nodes"       ? nodes_text(answer)
           : topic == "servers"   ? servers_text(answer)
           : topic == "roll"      ? roll_text(answer)
           : topic == "contracts" ? contracts_text(answer)
           : topic == "contract"  ? contract_text(answer)
           : topic == "round"     ? round_text(answer)
                                  : version_text(answer);
}

std::string leader_warning(const JsonValue& answer) {
    const JsonValue* leader = answer.find("leader");
    if (leader == nullptr || !is_null(*leader)) {
        return "";
    }
    const std::string away = names(answer, "servers_away");
    return "This SN has had no leader for " + milliseconds(text(answer, "leader_missing_ms")) +
           ": " + text(answer, "servers_needed") + " SNs must agree, " +
           text(answer, "servers_here") + " can be reached from here" +
           (away == "-" ? "" : ", unreachable: " + away) + ". Its answers may be outdated";
}

std::string watch_line(const JsonValue& answer) {
    const JsonValue& commit = member(answer, "last_commit");
    const std::string reason = text(answer, "reason");
    std::string line = text(answer, "name") + "  round " + text(answer, "round") + "  " +
                       text(answer, "phase") + "  " +
                       (check_ins(answer) == "-" ? "" : check_ins(answer) + "  ") +
                       (is_null(commit) ? "-" : text(commit, "digest").substr(0, digest_shown));
    if (reason != "-") {
        line += "  " + reason;
    }
    if (!leader_warning(answer).empty()) {
        const std::string away = names(answer, "servers_away");
        line += "  (no leader for " + milliseconds(text(answer, "leader_missing_ms")) +
                (away == "-" ? "" : ", away: " + away) + ")";
    }
    return printable(line);
}

}  // namespace starling
