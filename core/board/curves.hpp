#pragma once

#include <string>
#include <string_view>

#include "core/board/kept_list.hpp"
#include "core/board/moment.hpp"

namespace starling {

/// Loss, accuracy and named values of members. At most `points_max` of each; the oldest are
/// dropped.
class Curves {
public:
    explicit Curves(std::size_t points_max)
        : losses_(points_max), accuracies_(points_max), scalars_(points_max) {}

    /// \param loss_millionths  of the local training since the round before
    void loss(std::size_t node, std::uint64_t round, std::uint64_t loss_millionths, Moment now);
    /// \param classes  0: not known
    void accuracy(std::size_t node, std::uint64_t round, std::uint64_t correct,
                  std::uint64_t samples, std::uint64_t classes, Moment now);

    /// \param name  is_scalar_name()
    void scalar(std::size_t node, std::string_view name, std::uint64_t round, double value,
                Moment now);

    /// Writes the members "losses" (arrays of node, round, us, loss in millionths), "accuracies"
    /// (objects), "scalars" (arrays of node, name, round, us, value; null: not finite) and the ids
    /// of their oldest items of an object: what is newer than version `since`.
    void write(JsonWriter& json, std::uint64_t since) const;

private:
    struct Loss {
        std::size_t id = 0;
        std::uint64_t version = 0;
        std::int64_t us = 0;
        std::size_t node = 0;
        std::uint64_t round = 0;
        std::uint64_t millionths = 0;
    };
    struct Accuracy {
        std::size_t id = 0;
        std::uint64_t version = 0;
        std::int64_t us = 0;
        std::size_t node = 0;
        std::uint64_t round = 0;
        std::uint64_t correct = 0;
        std::uint64_t samples = 0;
        std::uint64_t classes = 0;
    };
    struct Scalar {
        std::size_t id = 0;
        std::uint64_t version = 0;
        std::int64_t us = 0;
        std::size_t node = 0;
        std::string name;
        std::uint64_t round = 0;
        double value = 0.0;
    };
    KeptList<Loss> losses_;
    KeptList<Accuracy> accuracies_;
    KeptList<Scalar> scalars_;
};

}  // namespace starling
