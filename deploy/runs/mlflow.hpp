#pragma once

#include <filesystem>
#include <span>

#include "core/runs/run_record.hpp"

namespace starling {

/// Writes runs into a file store of MLflow (what `mlflow ui --backend-store-uri` is given): an
/// experiment `starling` in `folder`, in it for each run one of MLflow with its configuration as
/// parameters and the figures of its rounds as metrics, and for each member a child run with its
/// series. The step is the round. Metrics, parameters and tags of an earlier export of the same run
/// are replaced; artifacts, and tags that others have set, are left. Errc::io names the file.
Result<void> write_mlflow(std::span<const RunRecord> runs, const std::filesystem::path& folder);

}  // namespace starling
