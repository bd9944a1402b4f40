#include "core/board/licence_state.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::size_t licence_text_max = 200;
constexpr std::size_t roles_max = 8;

}  // namespace

void LicenceState::is(const EventFields& fields) {
    known_ = true;
    answers_ = fields.flag("answers");
    if (!answers_) {
        return;
    }
    licensee_ = fields.text("licensee").substr(0, licence_text_max);
    until_ = fields.text("until").substr(0, licence_text_max);
    valid_ = fields.flag("valid");
    seats_.clear();
    std::string_view all = fields.text("seats");
    while (!all.empty() && seats_.size() < roles_max) {
        const std::string_view item = all.substr(0, all.find(','));
        all.remove_prefix(std::min(item.size() + 1, all.size()));
        const std::size_t colon = item.find(':');
        const std::size_t slash = item.find('/');
        if (colon == std::string_view::npos || slash == std::string_view::npos || slash < colon) {
            continue;
        }
        const auto taken = number_in(item.substr(colon + 1, slash - colon - 1));
        const auto of = number_in(item.substr(slash + 1));
        if (taken && of) {
            seats_.push_back(
                {std::string(item.substr(0, std::min(colon, licence_text_max))), *taken, *of});
        }
    }
}

void LicenceState::write(JsonWriter& json) const {
    json.key("licence");
    if (!known_) {
        json.null();
        return;
    }
    json.begin_object()
        .field("licensee", licensee_)
        .field("until", until_)
        .field("valid", valid_)
        .field("answers", answers_)
        .key("seats")
        .begin_array();
    for (const Seats& seats : seats_) {
        json.begin_array().value(seats.role).value(seats.taken).value(seats.all).end_array();
    }
    json.end_array().end_object();
}

}  // namespace starling
