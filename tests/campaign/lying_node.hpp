#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/ledger/signature.hpp"
#include "core/node/node.hpp"

namespace starling::test {

constexpr std::size_t frames_kept = 64;  ///< of a node's own, to be resent
constexpr int flood = 10;                ///< frames in place of one

/// An honest node whose effects a liar changes: `Liar::change(effect, signer, more)`.
template <typename Liar>
class LyingNode final : public Node {
public:
    LyingNode(std::unique_ptr<Node> inner, Liar& liar, std::shared_ptr<const NodeSigner> signer)
        : inner_(std::move(inner)), liar_(liar), signer_(std::move(signer)) {}

    const NodeId& id() const override { return inner_->id(); }
    Role role() const override { return inner_->role(); }
    std::uint64_t session() const override { return inner_->session(); }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        const std::size_t before = effects.size();
        inner_->step(now, input, effects);
        std::vector<Effect> more;
        for (std::size_t at = before; at < effects.size(); ++at) {
            liar_.change(effects[at], *signer_, more);
        }
        effects.insert(effects.end(), more.begin(), more.end());
    }

private:
    std::unique_ptr<Node> inner_;
    Liar& liar_;
    std::shared_ptr<const NodeSigner> signer_;
};

inline void leave_out(Effect& effect) { effect = Report{TraceEvent("withheld")}; }

}  // namespace starling::test
