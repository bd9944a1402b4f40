#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.hpp"
#include "core/base/time.hpp"

namespace starling {

/// A violation of an invariant.
struct Violation {
    SwarmTime time;
    NodeId node;                 ///< at which it was seen
    std::string_view invariant;  ///< a literal, such as "one commit per round"
    std::string text;            ///< round or entry, expected and actual values
};

/// "12.000345 sn2: one commit per round: ..."
std::string to_string(const Violation& violation);

/// Counts all violations and keeps the first ones.
class Violations {
public:
    static constexpr std::size_t kept_max = 100;

    void add(SwarmTime time, const NodeId& node, std::string_view invariant, std::string text) {
        if (++count_ <= kept_max) {
            kept_.push_back({time, node, invariant, std::move(text)});
        }
    }
    std::uint64_t count() const { return count_; }
    const std::vector<Violation>& kept() const { return kept_; }

private:
    std::uint64_t count_ = 0;
    std::vector<Violation> kept_;
};

}  // namespace starling
