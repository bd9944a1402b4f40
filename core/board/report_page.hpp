#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/board/run_model.hpp"

namespace starling {

/// A run as the page shows it.
struct ShownRun {
    std::string_view label;  ///< "rehearsal", "real run"
    std::string_view kind;   ///< "recorded", "simulated" or "live"
    const RunModel* model = nullptr;
};

/// Random bits, which core/ has none of.
using PageNonce = std::array<std::uint32_t, 4>;

/// One HTML file that shows the runs and loads nothing from elsewhere. The last one is shown first.
/// \param comparison  JSON of swarm-report, or empty
std::string report_page(std::string_view title, std::span<const ShownRun> runs,
                        std::string_view comparison, PageNonce nonce);

/// Writes that page to `path`. Errc::io names the file.
Result<void> write_report_page(const std::string& path, std::string_view title,
                               std::span<const ShownRun> runs, std::string_view comparison,
                               PageNonce nonce);

/// A run as one JSON object, for the page: see core/board/FORMAT.md. \param since  see RunModel
std::string shown_run_json(const ShownRun& run, std::string_view title, std::uint64_t since = 0);

}  // namespace starling
