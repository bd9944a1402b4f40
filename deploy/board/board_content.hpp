#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/board/report_page.hpp"
#include "deploy/board/http_text.hpp"

namespace starling {

/// What the server answers: the page's files, and the run as JSON (core/board/FORMAT.md).
class BoardContent {
public:
    /// \param run  its model must outlive this
    /// \param beside  another run, which does not change; nullptr: none
    BoardContent(ShownRun run, std::string title, const ShownRun* beside);

    /// "/", the page's files, "/api/run", "/api/run?since=VERSION", "/api/beside", "/api/events".
    HttpAnswer answer(std::string_view target);

private:
    std::shared_ptr<const std::string> run_json(std::uint64_t since);

    const ShownRun run_;
    const std::string title_;
    std::map<std::string, HttpAnswer, std::less<>> files_;
    /// Answers that were made for the model's version `made_for_`, by `since`: many clients ask for
    /// the same.
    std::map<std::uint64_t, std::shared_ptr<const std::string>> made_;
    std::uint64_t made_for_ = 0;
};

}  // namespace starling
