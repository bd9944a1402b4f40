#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// When a host or link goes off and comes on: SimGrid's profile format, lines of a date in seconds
/// and a value (0: off), and `LOOPAFTER seconds`, after which all begins again.
class StateProfile {
public:
    struct Change {
        SwarmDuration at{0};  ///< from the begin of a loop
        bool on = false;
    };
    /// Errc::malformed names the line.
    static Result<StateProfile> parse(const std::string& text);

    /// In order of their times.
    const std::vector<Change>& changes() const { return changes_; }
    /// From one begin to the next. None: it is gone through once.
    std::optional<SwarmDuration> period() const { return period_; }
    /// It will come on once more after `now`.
    bool comes_on_after(SwarmTime now) const;

private:
    std::vector<Change> changes_;
    std::optional<SwarmDuration> period_;
};

/// What a platform file says of failing hosts and links, as far as SimGrid does not tell or can't
/// do it.
struct FailingResources {
    struct Host {
        std::string name;
        StateProfile profile;
    };
    using Link = Host;
    std::vector<Host> hosts;
    std::vector<Link> split_links;  ///< SPLITDUPLEX with a state_file, which is ours to follow
    /// What SimGrid shall read: the file with blanks in the place of what it can't do, or shall
    /// not, and with routes of hosts to themselves in one direction. Empty: the file itself.
    std::string text;
};

/// Errc::usage names file and profile: one that can't be read or is not a profile, or that is used
/// twice, at which SimGrid would end the process.
/// \param text  of the platform file.
/// \param with_profiles  false: all profiles of the file's elements are blanked out.
Result<FailingResources> read_failing_resources(const std::string& platform_file,
                                                const std::string& text, bool with_profiles);

}  // namespace starling
