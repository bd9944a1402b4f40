#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/ledger/signature.hpp"
#include "core/node/node.hpp"

namespace starling::test {

constexpr std::size_t replayed_frames_max = 64;  ///< of its own frames, for replays
constexpr int flood_frames = 10;                 ///< frames in place of one

/// An honest node whose effects an adversary changes: `Adversary::change(effect, signer, more)`.
template <typename Adversary>
class AdversarialNode final : public Node {
public:
    AdversarialNode(std::unique_ptr<Node> inner, Adversary& adversary,
                    std::shared_ptr<const NodeSigner> signer)
        : inner_(std::move(inner)), adversary_(adversary), signer_(std::move(signer)) {}

    const NodeId& id() const override { return inner_->id(); }
    Role role() const override { return inner_->role(); }
    std::uint64_t session() const override { return inner_->session(); }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        const std::size_t before = effects.size();
        inner_->step(now, input, effects);
        std::vector<Effect> more;
        for (std::size_t at = before; at < effects.size(); ++at) {
            adversary_.change(effects[at], *signer_, more);
        }
        effects.insert(effects.end(), more.begin(), more.end());
    }

private:
    std::unique_ptr<Node> inner_;
    Adversary& adversary_;
    std::shared_ptr<const NodeSigner> signer_;
};

inline void drop(Effect& effect) { effect = Report{TraceEvent("withheld")}; }

}  // namespace starling::test
