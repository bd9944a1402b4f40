#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace starling {

/// When a host or link is turned off and on. In SimGrid's format: lines of a date in seconds and a
/// value (0: off), and `LOOPAFTER seconds`, after which it starts again.
class StateProfile {
public:
    struct Change {
        SwarmDuration at{0};  ///< from the start of a loop
        bool on = false;
    };
    /// Errc::malformed names the line.
    static Result<StateProfile> parse(const std::string& text);

    /// In order of their times.
    const std::vector<Change>& changes() const { return changes_; }
    /// Duration of a loop. None: it does not repeat.
    std::optional<SwarmDuration> period() const { return period_; }
    /// Whether it is turned on once more after `now`.
    bool turns_on_after(SwarmTime now) const;

private:
    std::vector<Change> changes_;
    std::optional<SwarmDuration> period_;
};

/// Failing hosts and links of a platform file, as far as SimGrid does not report or can't apply
/// them.
struct FailingResources {
    struct Host {
        std::string name;
        StateProfile profile;
    };
    using Link = Host;
    std::vector<Host> hosts;
    std::vector<Link> split_links;  ///< SPLITDUPLEX with a state_file, which SimGrid can't apply
    /// The text for SimGrid: blanks replace what it can't or must not apply, and routes of hosts to
    /// themselves have one direction. Empty: the file can be read as it is.
    std::string text;
};

/// Errc::usage names file and profile: it can't be read, is not a profile, or is used twice, which
/// makes SimGrid end the process.
/// \param text  of the platform file.
/// \param with_profiles  false: all profiles of the file's elements are blanked out.
Result<FailingResources> read_failing_resources(const std::string& platform_file,
                                                const std::string& text, bool with_profiles);

}  // namespace starling
