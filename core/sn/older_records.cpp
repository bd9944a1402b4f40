#include "core/sn/older_records.hpp"

namespace starling {

void OlderRecords::ask(const NodeId& node, SwarmTime now, Outbox& out) {
    asked_ = node;
    last_ = node;
    asked_at_ = now;
    out.send(node, FetchRecords{missing_.last});
}

OlderRecords::Answer OlderRecords::take(const NodeId& from, RecordsPart part, Outbox& out) {
    if (asked_ != from || part.last != missing_.last) {
        return Answer::unasked;
    }
    asked_.reset();
    if (part.records.empty()) {
        return Answer::none;
    }
    if (!follows(part)) {
        refused_.insert(from);
        return Answer::wrong;
    }
    const std::uint64_t first = missing_.last - part.records.size() + 1;
    missing_ = {first - 1, part.link_before};
    out.persist_older({first, part.link_before, std::move(part.records)});
    return Answer::kept;
}

/// Whether they are the newest records that are missing.
bool OlderRecords::follows(const RecordsPart& part) const {
    if (part.records.size() > missing_.last) {
        return false;
    }
    const std::uint64_t first = missing_.last - part.records.size() + 1;
    Digest link = part.link_before;
    std::uint64_t index = first;
    for (const Bytes& record : part.records) {
        link = chain_link(hasher_, link, index, record);
        if (!decode_record(index, record)) {
            return false;
        }
        ++index;
    }
    return link == missing_.link && (first > 1 || part.link_before == Digest{});
}

}  // namespace starling
