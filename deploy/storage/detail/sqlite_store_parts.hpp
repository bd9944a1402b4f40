#pragma once

#include <string>

#include "deploy/storage/sqlite_database.hpp"
#include "deploy/storage/sqlite_store.hpp"

namespace starling {

struct SqliteStore::Statements {
    SqlStatement begin;
    SqlStatement commit;
    SqlStatement insert;
    SqlStatement replace;
    SqlStatement cut;
    SqlStatement record;
    SqlStatement vote;
    SqlStatement oldest;
    SqlStatement remove;
};

/// What the operator of a node with a damaged or shortened ledger does, to be put behind the
/// reason.
std::string what_to_do(const std::filesystem::path& file);

}  // namespace starling
