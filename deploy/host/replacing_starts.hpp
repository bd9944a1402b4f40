#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <variant>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// The session numbers of the starts that have replaced this one, as its SNs say. An SN that lies
/// could name one so large that no later start of this node exceeds it.
class ReplacingStarts {
public:
    /// \param sns  how many addresses of SNs there are
    explicit ReplacingStarts(std::size_t sns) : several_(sns > 1) {}

    void on_input(const Input& input) {
        const auto* received = std::get_if<FrameReceived>(&input);
        const auto* result =
            received == nullptr ? nullptr : std::get_if<CommandResult>(&received->frame.message);
        if (result != nullptr && result->code == Errc::replaced) {
            std::uint64_t& said = said_[received->from];
            said = std::max(said, result->session);
        }
    }
    /// The newest one, of which two SNs have told, or the only one; 0: there is none.
    std::uint64_t newest() const {
        std::vector<std::uint64_t> sessions;
        for (const auto& [sn, session] : said_) {
            sessions.push_back(session);
        }
        std::sort(sessions.begin(), sessions.end(), std::greater<>());
        const std::size_t at = several_ ? 1 : 0;
        return at < sessions.size() ? sessions[at] : 0;
    }

private:
    bool several_;
    std::map<NodeId, std::uint64_t> said_;
};

}  // namespace starling
