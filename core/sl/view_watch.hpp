#pragma once

#include <cstdint>
#include <optional>

#include "core/base/ids.hpp"
#include "core/base/time.hpp"

namespace starling {

/// Notices an SN that sends no new view: it lags behind the others, or delays this node on purpose.
/// Another SN that is still connected shows that by a later view. If a round is awaited of which a
/// single SN tells, or for which a single one has accepted the check-in, a second one is asked
/// after a while; and if a round is awaited for long, whatever the views: they may be made up.
/// Seldom, so that an SN that lies about later views costs an occasional connection only.
class ViewWatch {
public:
    enum class Finding : std::uint8_t {
        none,
        lags,       ///< no new view for 10 s, and another SN has told of one
        unchecked,  ///< no new view for long, and no other SN was asked; or the round takes long
    };

    /// From now on the SN may be expected to send one.
    void expect(SwarmTime now) { since_ = now; }
    void on_view(SwarmTime now);
    void on_later_view_elsewhere() { later_elsewhere_ = true; }
    /// After a finding other than none, the watch begins anew and waits longer.
    ///
    /// \param awaited   the round that is awaited, if there is one
    /// \param with_one  only one SN has told of it
    Finding check(SwarmTime now, std::optional<Round> awaited, bool with_one);

private:
    SwarmTime since_{};             ///< the newest view, or when one was expected
    SwarmDuration wait_{};          ///< before Finding::unchecked; 0: the shortest
    bool later_elsewhere_ = false;  ///< another SN told of a later view
    std::optional<Round> awaited_;
    SwarmTime awaited_since_{};     ///< or since it was checked last
    SwarmDuration awaited_wait_{};  ///< until it is checked next
};

}  // namespace starling
