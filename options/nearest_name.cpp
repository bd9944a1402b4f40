// Suggestions for mistyped flags. An omitted letter costs least and an extra one most, so that an
// abbreviation finds the longer flag that was meant.
#include "options/nearest_name.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace starling {
namespace {

constexpr std::size_t missing_cost = 1;
constexpr std::size_t swapped_cost = 1;
constexpr std::size_t wrong_cost = 2;
constexpr std::size_t extra_cost = 3;
constexpr std::size_t typed_max = 64;  // a longer text is not a typing error

/// Weighted edit distance with swaps of neighbours (optimal string alignment).
std::size_t distance(std::string_view typed, std::string_view name) {
    const std::size_t columns = name.size() + 1;
    std::vector<std::size_t> cost((typed.size() + 1) * columns);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
        return cost[i * columns + j];
    };
    for (std::size_t i = 0; i <= typed.size(); ++i) {
        for (std::size_t j = 0; j <= name.size(); ++j) {
            if (i == 0 || j == 0) {
                at(i, j) = i * extra_cost + j * missing_cost;
                continue;
            }
            const bool same = typed[i - 1] == name[j - 1];
            std::size_t best = at(i - 1, j - 1) + (same ? 0 : wrong_cost);
            best = std::min(best, at(i - 1, j) + extra_cost);
            best = std::min(best, at(i, j - 1) + missing_cost);
            if (i > 1 && j > 1 && typed[i - 1] == name[j - 2] && typed[i - 2] == name[j - 1]) {
                best = std::min(best, at(i - 2, j - 2) + swapped_cost);
            }
            at(i, j) = best;
        }
    }
    return at(typed.size(), name.size());
}

std::string_view without_dashes(std::string_view name) {
    return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

}  // namespace

std::optional<std::string_view> nearest_name(std::string_view typed,
                                             std::span<const std::string_view> names) {
    const std::string_view word = without_dashes(typed);
    if (word.empty() || word.size() > typed_max) {
        return std::nullopt;
    }
    // At a distance above the word's length the names have nothing in common.
    std::size_t best = std::max<std::size_t>(word.size(), extra_cost) + 1;
    std::optional<std::string_view> nearest;
    for (const std::string_view name : names) {
        const std::size_t far = distance(word, without_dashes(name));
        if (far < best) {
            best = far;
            nearest = name;
        }
    }
    return nearest;
}

}  // namespace starling
