#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "core/base/invariant.hpp"

namespace starling {

/// What went wrong, in terms a caller can act on. Travels on the wire: do not renumber.
enum class Errc : unsigned char {
    ok = 0,
    malformed = 1,        ///< bytes that are not what the format says
    too_large = 2,        ///< a length above its bound
    unknown_version = 3,  ///< another protocol version
    layout_mismatch = 4,  ///< two ML programs with different parameters
    config_mismatch = 5,  ///< two members with different contract rules
    stale = 6,            ///< of a round, attempt or run that is over
    not_found = 7,        ///< no such contract, file, node
    refused = 8,          ///< identity, role or certificate not accepted
    unreachable = 9,      ///< a peer that can't be connected to, or was lost
    timeout = 10,         ///< a wait limit is over
    io = 11,              ///< the operating system said no
    usage = 12,           ///< a flag or its value
    aborted = 13,         ///< the swarm ended before its training did
    program = 14,         ///< the user's training program failed
    replaced = 15,        ///< another start of the same node has its place
};

/// An expected failure: a code to act on and a sentence for a person, which names the flag, file or
/// peer at fault.
struct Error {
    Errc code = Errc::ok;
    std::string message;

    friend bool operator==(const Error&, const Error&) = default;
};

/// A value, or why there is none. Same member names as std::expected (C++23), so that it can be
/// replaced by it one day.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    T& value() & {
        STARLING_INVARIANT(has_value(), "value() is called after a check");
        return std::get<0>(state_);
    }
    const T& value() const& {
        STARLING_INVARIANT(has_value(), "value() is called after a check");
        return std::get<0>(state_);
    }
    T&& value() && {
        STARLING_INVARIANT(has_value(), "value() is called after a check");
        return std::get<0>(std::move(state_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    const Error& error() const {
        STARLING_INVARIANT(!has_value(), "error() is called after a check");
        return std::get<1>(state_);
    }

private:
    std::variant<T, Error> state_;
};

/// Success, or why not.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT

    bool has_value() const { return !error_.has_value(); }
    explicit operator bool() const { return has_value(); }
    const Error& error() const {
        STARLING_INVARIANT(error_.has_value(), "error() is called after a check");
        return *error_;
    }

private:
    std::optional<Error> error_;
};

}  // namespace starling
