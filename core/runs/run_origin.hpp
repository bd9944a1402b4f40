#pragma once

#include "core/runs/run_record.hpp"

namespace starling {

/// A record with what this process knows of itself: version, machine, and the commit of the git
/// repository that its working directory is in (asked of the program `git`, if it is installed).
/// \param now_s  seconds since 1970; with `random` it makes the id: 20261128-171530-5f3a9c
RunRecord record_of_here(std::int64_t now_s, std::uint32_t random, std::string program,
                         std::vector<std::string> command);

}  // namespace starling
