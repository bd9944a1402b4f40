#pragma once

#include <variant>
#include <vector>

namespace starling::test {

/// The elements of type T of a list of inputs or effects, in their order.
template <typename T, typename Variant>
std::vector<T> all_of_type(const std::vector<Variant>& list) {
    std::vector<T> found;
    for (const Variant& item : list) {
        if (const T* one = std::get_if<T>(&item)) {
            found.push_back(*one);
        }
    }
    return found;
}

}  // namespace starling::test
