#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/json_writer.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {

/// What a licence server says of its licence, for a live swarm.
class LicenceState {
public:
    /// \param fields  of the event licence_seats
    void is(const EventFields& fields);

    /// Writes the member "licence" of an object, null where nothing is known: "licensee", "until",
    /// "valid", "answers" (else it is its last answer), "seats" (arrays of role, taken, all).
    void write(JsonWriter& json) const;

private:
    struct Seats {
        std::string role;
        std::uint64_t taken = 0;
        std::uint64_t all = 0;
    };
    bool known_ = false;
    bool answers_ = false;
    std::string licensee_;
    std::string until_;
    bool valid_ = false;
    std::vector<Seats> seats_;
};

}  // namespace starling
