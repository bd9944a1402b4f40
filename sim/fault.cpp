#include "sim/fault.hpp"

#include <cmath>
#include <locale>
#include <sstream>

namespace starling {
namespace {

constexpr const char* form =
    "the form is \"t=TIME ACTION TARGET\", TIME like 30s, 1.5s, 200ms or 2m, ACTION one of kill, "
    "restart (a host or node), cut, heal (a link)";

Error wrong(const std::string& text, const std::string& what) {
    return Error{Errc::usage, "--fault \"" + text + "\": " + what + "; " + form};
}

/// Seconds, or a negative number.
double parse_time(const std::string& word) {
    std::istringstream stream(word);
    stream.imbue(std::locale::classic());
    std::string digits;
    while (stream.peek() == '.' || (stream.peek() >= '0' && stream.peek() <= '9')) {
        digits.push_back(static_cast<char>(stream.get()));
    }
    std::string unit;
    stream >> unit;
    std::istringstream number(digits);
    number.imbue(std::locale::classic());
    double value = -1.0;
    if (!(number >> value) || number.peek() != std::istringstream::traits_type::eof()) {
        return -1.0;
    }
    const double factor = unit == "s" ? 1.0 : unit == "ms" ? 1e-3 : unit == "m" ? 60.0 : -1.0;
    return value * factor;
}

}  // namespace

Result<Fault> parse_fault(const std::string& text) {
    std::istringstream stream(text);
    std::string time;
    std::string action;
    std::string more;
    Fault fault;
    fault.text = text;
    stream >> time >> action >> fault.target;
    if (fault.target.empty() || stream >> more) {
        return wrong(text, "not three words");
    }
    const double seconds = time.rfind("t=", 0) == 0 ? parse_time(time.substr(2)) : -1.0;
    if (!(seconds >= 0.0) || seconds > 1e9) {
        return wrong(text, "'" + time + "' is no time");
    }
    fault.at = SwarmTime{from_seconds(seconds)};
    if (action == "kill") {
        fault.kind = Fault::Kind::kill;
    } else if (action == "restart") {
        fault.kind = Fault::Kind::restart;
    } else if (action == "cut") {
        fault.kind = Fault::Kind::cut;
    } else if (action == "heal") {
        fault.kind = Fault::Kind::heal;
    } else {
        return wrong(text, "'" + action + "' is no action");
    }
    return fault;
}

}  // namespace starling
