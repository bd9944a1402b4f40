#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/board/report_page.hpp"
#include "deploy/board/http_text.hpp"

namespace starling {

/// What the server answers: the page's files, and the run as JSON (core/board/FORMAT.md).
class BoardContent {
public:
    /// \param run  its model must outlive this
    /// \param beside  another run, which does not change; nullptr: none
    /// \param sent_bytes_max  that slow connections may hold up in memory; they are closed after 30
    /// s
    BoardContent(ShownRun run, std::string title, const ShownRun* beside,
                 std::size_t sent_bytes_max = std::size_t{200} << 20U);

    /// "/", the page's files, "/api/run", "/api/run?since=VERSION", "/api/beside", "/api/events".
    HttpAnswer answer(std::string_view target);

private:
    /// nullptr: clients that read slowly keep too many answers in memory.
    std::shared_ptr<const std::string> run_json(std::uint64_t since);
    std::size_t bytes_being_sent();

    const ShownRun run_;
    const std::string title_;
    const std::size_t sent_bytes_max_;
    std::map<std::string, HttpAnswer, std::less<>> files_;
    /// Answers that were made for the model's version `made_for_`, by `since`: many clients ask for
    /// the same.
    std::map<std::uint64_t, std::shared_ptr<const std::string>> made_;
    std::uint64_t made_for_ = 0;
    /// The newest answer with the whole run, while anybody still gets it.
    std::weak_ptr<const std::string> whole_;
    std::chrono::steady_clock::time_point whole_made_;
    std::chrono::steady_clock::duration whole_took_{0};
    std::vector<std::weak_ptr<const std::string>> sent_;  ///< all answers about the run
};

}  // namespace starling
