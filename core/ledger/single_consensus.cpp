#include "core/ledger/consensus.hpp"

namespace starling {
namespace {

class SingleConsensus final : public Consensus {
public:
    Result<void> propose(Bytes entry, ConsensusOutput& output) override {
        ++last_index_;
        output.persist.push_back({last_index_, entry});
        output.committed.push_back({last_index_, std::move(entry)});
        return {};
    }

    void recover(std::vector<Bytes> records, ConsensusOutput& output) override {
        for (Bytes& bytes : records) {
            ++last_index_;
            output.committed.push_back({last_index_, std::move(bytes)});
        }
    }

private:
    std::uint64_t last_index_ = 0;
};

}  // namespace

std::unique_ptr<Consensus> make_single_consensus() { return std::make_unique<SingleConsensus>(); }

}  // namespace starling
