#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"

namespace starling {

/// The bytes of a text, as a record of a store.
inline Bytes text_record(const std::string& text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

/// The records of an append of one record.
inline std::vector<Bytes> one_record(Bytes record) { return {std::move(record)}; }

}  // namespace starling
