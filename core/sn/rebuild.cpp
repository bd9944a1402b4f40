#include "core/sn/rebuild.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "core/base/names_text.hpp"
#include "core/ledger/command.hpp"
#include "core/ledger/membership.hpp"
#include "core/ledger/snapshot.hpp"

namespace starling {
namespace {

/// A rebuild that was the last change of those that keep the ledger.
struct Epoch {
    NodeId alone;  ///< who signed it
    RemoveServers command;
};

struct End {
    std::vector<Server> servers;
    std::optional<Epoch> epoch;
    std::uint64_t term = 0;
    std::int64_t time_ns = 0;
};

/// Where the records behind the snapshot begin.
End begin_of(const DurableLog& log) {
    End begin;
    begin.term = log.vote.term;
    if (!log.snapshot) {
        return begin;
    }
    begin.servers = log.snapshot->servers.servers();
    begin.time_ns = log.snapshot->time_ns;
    for (const auto& [number, removed] : log.snapshot->servers.removed()) {
        if (removed.index == log.snapshot->servers.membership_index() && removed.removal &&
            removed.rebuilt) {
            if (const Result<Entry> entry = decode_entry(removed.rebuilt->entry)) {
                begin.epoch = Epoch{entry->signer, *removed.removal};
            }
        }
    }
    return begin;
}

Result<End> end_of(const DurableLog& log) {
    End end = begin_of(log);
    for (std::size_t at = 0; at < log.records.size(); ++at) {
        const Result<LogRecord> record = decode_record(log.before() + at + 1, log.records[at]);
        if (!record) {
            return record.error();
        }
        end.term = std::max(end.term, record->term);
        if (record->kind == RecordKind::membership) {
            Result<std::vector<Server>> servers = decode_membership(record->data);
            if (!servers) {
                return servers.error();
            }
            end.servers = std::move(*servers);
            end.epoch.reset();
        } else if (record->kind == RecordKind::entry) {
            if (const Result<Entry> entry = decode_entry(record->data)) {
                end.time_ns = std::max(end.time_ns, entry->time_ns);
                const auto* removal = std::get_if<RemoveServers>(&entry->command);
                if (removal != nullptr && removal->rebuilt) {
                    end.epoch = Epoch{entry->signer, *removal};
                }
            }
        }
    }
    return end;
}

}  // namespace

Result<Rebuild> rebuild_alone(const DurableLog& log, const RebuildOptions& options) {
    const Result<End> end = end_of(log);
    if (!end) {
        return end.error();
    }
    std::set<NodeId> others;
    for (const Server& server : end->servers) {
        others.insert(server.node);
    }
    if (others.erase(options.id) == 0) {
        return Error{Errc::refused, "--rebuild-without: '" + options.id.name +
                                        "' is not one of the SNs that keep this ledger (" +
                                        names_text(others, "nobody") + ")"};
    }
    const std::set<NodeId> named(options.without.begin(), options.without.end());
    if (end->epoch && others.empty() && end->epoch->alone == options.id &&
        std::ranges::equal(end->epoch->command.removed, named)) {
        return Rebuild{end->epoch->command.index, {}, log.vote};
    }
    if (named != others) {
        return Error{Errc::refused,
                     others.empty()
                         ? "--rebuild-without: '" + options.id.name +
                               "' already keeps this ledger alone: start it without this flag"
                         : "--rebuild-without must name all other SNs of this ledger, which are " +
                               names_text(others, "nobody") +
                               "; given: " + names_text(named, "nobody")};
    }
    Rebuild rebuild;
    rebuild.first = log.last() + 1;
    const std::uint64_t term = end->term + 1;
    const auto append = [&](RecordKind kind, Bytes data) {
        rebuild.records.push_back(encode_record({0, term, kind, std::move(data)}));
    };
    const auto sign = [&](Command command) {
        Entry entry{end->time_ns, options.id, 0, 0, std::move(command), {}};
        entry.signature = options.signer.sign(command_text(options.id, 0, 0, entry.command));
        append(RecordKind::entry, encode_entry(entry));
    };
    append(RecordKind::membership,
           encode_membership({{options.id, options.peer_address, options.number, true}}));
    sign(RegisterNode{Role::sn, options.api_address, options.signer.credentials()});
    sign(RemoveServers{
        {others.begin(), others.end()}, options.id.name, true, rebuild.first, options.session});
    rebuild.vote = {options.number, term, 0};
    return rebuild;
}

}  // namespace starling
