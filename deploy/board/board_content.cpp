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

BoardContent::BoardContent(ShownRun run, std::string title, const ShownRun* beside)
    : run_(run), title_(std::move(title)) {
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

std::shared_ptr<const std::string> BoardContent::run_json(std::uint64_t since) {
    if (made_for_ != run_.model->version() || made_.size() >= made_max) {
        made_.clear();
        made_for_ = run_.model->version();
    }
    std::shared_ptr<const std::string>& json = made_[since];
    if (!json) {
        json = std::make_shared<const std::string>(shown_run_json(run_, title_, since));
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
    return {.type = "application/json", .body = run_json(since)};
}

}  // namespace starling
