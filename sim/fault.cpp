#include "sim/fault.hpp"

#include <optional>
#include <sstream>

#include "sim/duration.hpp"

namespace starling {
namespace {

constexpr const char* form =
    "the form is \"t=TIME ACTION TARGET\", TIME like 30s, 1.5s, 200ms, 2m or 1h, ACTION one of "
    "kill, restart (a host or node), cut, heal (a link), TARGET an unquoted name";

Error wrong(const std::string& text, const std::string& what) {
    return Error{Errc::usage, "--fault \"" + text + "\": " + what + "; " + form};
}

}  // namespace

Result<Fault> parse_fault(const std::string& text) {
    std::istringstream stream(text);
    std::string time;
    std::string action;
    Fault fault;
    fault.text = text;
    stream >> time >> action;
    std::getline(stream >> std::ws, fault.target);
    // The target is the rest of the text: IDs of hosts may contain spaces and apostrophes.
    fault.target.resize(fault.target.find_last_not_of(" \t\r\n") + 1);
    if (fault.target.empty()) {
        return wrong(text, "it has no target");
    }
    const std::optional<SwarmDuration> at =
        time.starts_with("t=") ? parse_duration(time.substr(2)) : std::nullopt;
    if (!at) {
        return wrong(text, "'" + time + "' is not a time");
    }
    fault.at = SwarmTime{*at};
    if (action == "kill") {
        fault.kind = Fault::Kind::kill;
    } else if (action == "restart") {
        fault.kind = Fault::Kind::restart;
    } else if (action == "cut") {
        fault.kind = Fault::Kind::cut;
    } else if (action == "heal") {
        fault.kind = Fault::Kind::heal;
    } else {
        return wrong(text, "'" + action + "' is not an action");
    }
    return fault;
}

}  // namespace starling
