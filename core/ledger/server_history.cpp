#include "core/ledger/server_history.hpp"

#include <algorithm>
#include <utility>

#include "core/ledger/membership.hpp"

namespace starling {
namespace {

constexpr std::size_t removed_server_bytes_min = 29;

void encode_removed_server(Writer& writer, std::uint64_t number, const RemovedServer& removed) {
    writer.u64(number);
    encode(writer, removed.node);
    encode(writer, removed.address);
    writer.u64(removed.index);
    writer.boolean(removed.removal.has_value());
    if (removed.removal) {
        encode(writer, Command(*removed.removal));
    }
    writer.boolean(removed.rebuilt.has_value());
    if (removed.rebuilt) {
        encode(writer, removed.rebuilt->credentials);
        writer.u32(static_cast<std::uint32_t>(removed.rebuilt->entry.size()));
        writer.raw(removed.rebuilt->entry);
    }
}

RemovedServer decode_removed_server(Reader& reader) {
    RemovedServer removed;
    removed.node = decode_node_id(reader);
    removed.address = decode_address(reader);
    removed.index = reader.u64();
    if (reader.boolean()) {
        Command command = decode_command(reader);
        auto* removal = std::get_if<RemoveServers>(&command);
        if (removal == nullptr) {
            reader.fail();
            return removed;
        }
        removed.removal = std::move(*removal);
    }
    if (reader.boolean()) {
        removed.rebuilt.emplace();
        removed.rebuilt->credentials = decode_credentials(reader);
        const std::uint32_t size = reader.u32();
        if (size > rebuild_entry_bytes_max) {
            reader.fail();
        }
        const ByteView entry = reader.raw(reader.ok() ? size : 0);
        removed.rebuilt->entry.assign(entry.begin(), entry.end());
    }
    return removed;
}

}  // namespace

void ServerHistory::apply_membership(const LogRecord& record) {
    if (record.kind != RecordKind::membership) {
        return;
    }
    Result<std::vector<Server>> servers = decode_membership(record.data);
    if (!servers) {
        return;
    }
    for (const Server& before : servers_) {
        const bool stays = std::any_of(servers->begin(), servers->end(), [&](const Server& server) {
            return server.number == before.number;
        });
        if (!stays) {
            removed_[before.number] = {before.node, before.address, record.index, {}, {}};
        }
    }
    for (const Server& server : *servers) {
        removed_.erase(server.number);
    }
    servers_ = std::move(*servers);
    membership_index_ = record.index;
}

void ServerHistory::apply_removal(const Entry& entry, const RemoveServers& removal,
                                  const std::map<NodeId, RegisteredNode>& nodes) {
    const auto signer = nodes.find(entry.signer);
    for (auto& [number, removed] : removed_) {
        if (removed.index != removal.index) {
            continue;
        }
        removed.removal = removal;
        if (removal.rebuilt && signer != nodes.end()) {
            removed.rebuilt = RebuildProof{signer->second.credentials, encode_entry(entry)};
        }
    }
}

void ServerHistory::encode(Writer& writer) const {
    writer.u64(membership_index_);
    encode_servers(writer, servers_);
    writer.u32(static_cast<std::uint32_t>(removed_.size()));
    for (const auto& [number, removed] : removed_) {
        encode_removed_server(writer, number, removed);
    }
}

ServerHistory ServerHistory::decode(Reader& reader) {
    ServerHistory history;
    history.membership_index_ = reader.u64();
    history.servers_ = decode_servers(reader);
    const std::uint32_t removed = reader.count(removed_server_bytes_min, UINT32_MAX);
    std::uint64_t before = 0;
    for (std::uint32_t i = 0; i < removed && reader.ok(); ++i) {
        const std::uint64_t number = reader.u64();
        if (number <= before) {
            reader.fail();
        }
        history.removed_.emplace(number, decode_removed_server(reader));
        before = number;
    }
    return history;
}

}  // namespace starling
