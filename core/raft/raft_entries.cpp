#include "core/raft/detail/raft_entries.hpp"

namespace starling {
namespace {

/// The batch pointer that libraft frees; it never reads it.
void* make_batch() {
    void* batch = raft_malloc(1);
    STARLING_INVARIANT(batch != nullptr, "one byte");
    return batch;
}

/// libraft's own encoding, which it decodes within the same call.
Bytes raft_bytes_of(const std::vector<Server>& servers) {
    raft_configuration configuration = configuration_of(servers);
    raft_buffer buffer{};
    const int encoded = raft_configuration_encode(&configuration, &buffer);
    raft_configuration_close(&configuration);
    STARLING_INVARIANT(encoded == 0, "an encoding is memory only");
    const auto* bytes = static_cast<const std::byte*>(buffer.base);
    Bytes copy(bytes, bytes + buffer.len);
    raft_free(buffer.base);
    return copy;
}

raft_entry_type type_of(RecordKind kind) {
    switch (kind) {
        case RecordKind::entry:
            return RAFT_COMMAND;
        case RecordKind::barrier:
            return RAFT_BARRIER;
        case RecordKind::membership:
            return RAFT_CHANGE;
    }
    return RAFT_COMMAND;
}

}  // namespace

raft_configuration configuration_of(const std::vector<Server>& servers) {
    raft_configuration configuration;
    raft_configuration_init(&configuration);
    for (const Server& server : servers) {
        const int added =
            raft_configuration_add(&configuration, server.number, server.node.name.c_str(),
                                   server.voter ? RAFT_VOTER : RAFT_STANDBY);
        STARLING_INVARIANT(added == 0, "names and numbers were checked");
    }
    return configuration;
}

RaftEntries::RaftEntries(std::vector<LogRecord> records) : records_(std::move(records)) {
    void* batch = records_.empty() ? nullptr : make_batch();
    changes_.reserve(records_.size());
    for (LogRecord& record : records_) {
        raft_entry entry{};
        entry.term = record.term;
        entry.type = type_of(record.kind);
        entry.batch = batch;
        entry.buf = {record.data.data(), record.data.size()};
        if (record.kind == RecordKind::membership) {
            const auto servers = decode_membership(record.data);
            STARLING_INVARIANT(servers.has_value(), "looked at when it came");
            changes_.push_back(raft_bytes_of(*servers));
            entry.buf = {changes_.back().data(), changes_.back().size()};
        }
        entries_.push_back(entry);
    }
}

}  // namespace starling
