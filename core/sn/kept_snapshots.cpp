#include "core/sn/kept_snapshots.hpp"

#include <algorithm>

namespace starling {

void KeptSnapshots::add(std::uint64_t index, Bytes snapshot) {
    const OfferedSnapshot offer{index, snapshot.size(), hasher_.digest(snapshot)};
    kept_.push_front({offer, std::make_shared<const Bytes>(std::move(snapshot))});
    if (kept_.size() > offered_snapshots_max) {
        kept_.pop_back();
    }
}

std::vector<OfferedSnapshot> KeptSnapshots::offers() const {
    std::vector<OfferedSnapshot> offers;
    for (const Kept& kept : kept_) {
        offers.push_back(kept.offer);
    }
    return offers;
}

Blob KeptSnapshots::part(const FetchSnapshot& wanted) const {
    const auto kept = std::ranges::find_if(
        kept_, [&](const Kept& one) { return one.offer.index == wanted.index; });
    if (kept == kept_.end() || wanted.offset >= kept->offer.bytes) {
        return {};
    }
    return {kept->bytes, ByteView(*kept->bytes)
                             .subspan(wanted.offset, std::min(state_part_bytes,
                                                              kept->offer.bytes - wanted.offset))};
}

}  // namespace starling
