#include "deploy/board/board_content.hpp"

#include <charconv>

#include "core/board/page.hpp"

namespace starling {
namespace {

constexpr std::size_t made_max = 32;

HttpAnswer not_found() {
    return {.status = 404,
            .body = std::make_shared<const std::string>(
                "Not found. There are /, /api/run, /api/run?since=VERSION, /api/beside and "
                "/api/events.\n")};
}

}  // namespace

BoardContent::BoardContent(ShownRun run, std::string title, const ShownRun* beside,
                           std::size_t sent_bytes_max)
    : run_(run), title_(std::move(title)), sent_bytes_max_(sent_bytes_max) {
    files_["/api/beside"] = {.type = "application/json",
                             .body = std::make_shared<const std::string>(
                                 beside == nullptr ? "null" : shown_run_json(*beside, title_))};
    for (const PageFile& file : page_files()) {
        const bool index = file.name == "index.html";
        files_["/" + std::string(index ? "" : file.name)] = {
            .type = file.type,
            .body = std::make_shared<const std::string>(index ? served_page()
                                                              : std::string(file.text))};
    }
}

std::size_t BoardContent::bytes_being_sent() {
    std::size_t bytes = 0;
    std::erase_if(sent_, [&](const std::weak_ptr<const std::string>& one) {
        const auto answer = one.lock();
        bytes += answer ? answer->size() : 0;
        return !answer;
    });
    return bytes;
}

/// While the run changes with each slice of a trace that is read, each client would get an answer
/// of its own: some hundred clients at once would hold up the reading, and each other, for a
/// minute. So a whole run is given again for ten times as long as it took to make; its reader asks
/// for what is newer anyway.
std::shared_ptr<const std::string> BoardContent::run_json(std::uint64_t since) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    if (since == 0) {
        if (auto whole = whole_.lock(); whole && begin - whole_made_ < 10 * whole_took_) {
            return whole;
        }
    }
    if (made_for_ != run_.model->version() || made_.size() >= made_max) {
        made_.clear();
        made_for_ = run_.model->version();
    }
    if (const auto known = made_.find(since); known != made_.end()) {
        return known->second;
    }
    if (bytes_being_sent() > sent_bytes_max_) {
        made_.clear();  // nobody may be reading what is kept here
    }
    if (bytes_being_sent() > sent_bytes_max_) {
        return nullptr;
    }
    auto json = std::make_shared<const std::string>(shown_run_json(run_, title_, since));
    made_[since] = json;
    sent_.push_back(json);
    if (since == 0) {
        whole_ = json;
        whole_made_ = Clock::now();
        whole_took_ = whole_made_ - begin;
    }
    return json;
}

HttpAnswer BoardContent::answer(std::string_view target) {
    constexpr std::string_view run_since = "/api/run?since=";
    if (const auto file = files_.find(target); file != files_.end()) {
        return file->second;
    }
    if (target == "/api/events") {
        return {.events = true};
    }
    std::uint64_t since = 0;
    if (target.starts_with(run_since)) {
        const std::string_view text = target.substr(run_since.size());
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), since);
        if (error != std::errc{} || end != text.data() + text.size()) {
            return {.status = 400,
                    .body = std::make_shared<const std::string>("since is a whole number\n")};
        }
        // A version of an earlier server: the client has nothing of this run.
        since = since > run_.model->version() ? 0 : since;
    } else if (target != "/api/run") {
        return not_found();
    }
    if (auto json = run_json(since)) {
        return {.type = "application/json", .body = std::move(json)};
    }
    return {.status = 503,
            .body = std::make_shared<const std::string>(
                "Clients that read slowly take all the memory that there is for answers: try again "
                "in half a minute.\n")};
}

}  // namespace starling
