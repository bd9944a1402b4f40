#pragma once

#include "core/ledger/ledger.hpp"

namespace starling {

/// Whether the ledger keeps to what Ledger::apply() never breaks and relies on: a false one can be
/// applied to and told of without a crash. Not whether entries lead to it.
/// \param index  of the last entry that it stands for
bool is_sound(const Ledger& ledger, std::uint64_t index);

}  // namespace starling
