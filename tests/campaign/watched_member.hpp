#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/merge/segment_codec.hpp"
#include "core/node/node.hpp"

namespace starling::test {

/// An honest SL under a contract with compression, seen from outside: by the frames that it gets
/// and sends. What it contributes must be the encoding of what its program has handed over, with
/// what the compression lost in those earlier rounds that were committed with its contribution
/// (error feedback): nothing counts twice, and nothing is missing but what a restart forgets. So a
/// watch begins and ends with a start of the node.
class WatchedMember final : public Node {
public:
    using Complain = std::function<void(SwarmTime, const NodeId&, std::string)>;

    WatchedMember(std::unique_ptr<Node> inner, SegmentCodec codec, Complain complain)
        : inner_(std::move(inner)), codec_(std::move(codec)), complain_(std::move(complain)) {}

    const NodeId& id() const override { return inner_->id(); }
    Role role() const override { return inner_->role(); }
    std::uint64_t session() const override { return inner_->session(); }
    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override;

private:
    void on_frame(const FrameReceived& received);
    void take_part(const MemberListPart& part);
    void take_views();
    bool fill(const std::optional<Digest>& name, MemberList& list) const;
    void on_view(const ContractView& view);
    void on_sent(SwarmTime now, const Send& send);
    void check(SwarmTime now, const SegmentData& data, const Blob& body);
    void on_sync_done(const SyncDone& done);
    /// The program has the model of that round, which is committed.
    void on_committed(Round round);
    /// The program's segment as it travels. \param residual  see SegmentCodec
    Blob encode(std::uint32_t segment, Blob& residual) const;

    std::unique_ptr<Node> inner_;
    SegmentCodec codec_;
    Complain complain_;

    struct ListInParts {
        std::uint32_t total = 0;
        std::vector<RoundMember> members;  ///< so far
    };
    std::map<Digest, ListInParts> lists_;  ///< that SNs have sent, in parts
    std::vector<ViewUpdate> incomplete_;   ///< views that name a list which is not whole

    // Of the program's newest sync.
    std::optional<std::uint64_t> sequence_;
    bool finished_ = false;  ///< what it contributes then is not its program's
    Segments values_;

    // The model that was handed to the program last.
    std::optional<Round> reference_round_;
    Segments reference_;

    // What it was given since, while the commit of that round is awaited.
    std::optional<Round> given_round_;
    Segments given_;

    Segments residuals_;
    Run run_ = 0;
    /// Starts of this node (sessions) with which rounds of the run were committed.
    std::map<Round, std::uint64_t> committed_;
    /// Rounds of the run in which this start of the node has sent segments. A check-in alone says
    /// nothing: a view may still show that of the start before.
    std::set<Round> took_part_;
};

}  // namespace starling::test
