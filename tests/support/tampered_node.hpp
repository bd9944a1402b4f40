#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/node/node.hpp"

namespace starling::test {

/// A node with a valid certificate whose machine, program or owner is malicious: its inputs and its
/// effects pass through two functions that may change them.
class TamperedNode final : public Node {
public:
    using ChangeInput = std::function<void(Input&)>;
    using ChangeEffect = std::function<void(Effect&)>;

    TamperedNode(std::unique_ptr<Node> inner, ChangeInput change_input, ChangeEffect change_effect)
        : inner_(std::move(inner)),
          change_input_(std::move(change_input)),
          change_effect_(std::move(change_effect)) {}

    const NodeId& id() const override { return inner_->id(); }
    Role role() const override { return inner_->role(); }
    std::uint64_t session() const override { return inner_->session(); }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        Input heard = input;
        if (change_input_) {
            change_input_(heard);
        }
        const std::size_t before = effects.size();
        inner_->step(now, heard, effects);
        for (std::size_t at = before; change_effect_ && at < effects.size(); ++at) {
            change_effect_(effects[at]);
        }
    }

private:
    std::unique_ptr<Node> inner_;
    ChangeInput change_input_;
    ChangeEffect change_effect_;
};

/// A check-in says nothing of what its member has merged, as if that were not complete yet.
inline void withhold_early_merge(Effect& effect, const NodeId& node, const NodeSigner& signer) {
    Send* const send = std::get_if<Send>(&effect);
    auto* const submit = send ? std::get_if<SubmitCommand>(&send->frame.message) : nullptr;
    auto* const check_in = submit ? std::get_if<CheckInRound>(&submit->command) : nullptr;
    if (check_in != nullptr && check_in->merged) {
        check_in->merged.reset();
        submit->signature =
            signer.sign(command_text(node, submit->session, submit->sequence, submit->command));
    }
}

/// A copy of the bytes with one bit flipped.
///
/// \param at  which, in bytes from the middle
inline Blob with_flipped_bit(const Blob& blob, std::size_t at = 0) {
    Bytes bytes(blob.view().begin(), blob.view().end());
    bytes.at(bytes.size() / 2 + at) ^= std::byte{1};
    return Blob(std::move(bytes));
}

}  // namespace starling::test
