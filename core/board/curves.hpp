#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "core/base/json_writer.hpp"
#include "core/board/moment.hpp"

namespace starling {

/// Loss, accuracy and named values of members. At most `points_max` of each; the oldest are
/// dropped.
class Curves {
public:
    explicit Curves(std::size_t points_max) : points_max_(points_max) {}

    /// \param loss_millionths  of the local training since the round before
    void loss(std::size_t node, std::uint64_t round, std::uint64_t loss_millionths, Moment now);
    /// \param classes  0: not known
    void accuracy(std::size_t node, std::uint64_t round, std::uint64_t correct,
                  std::uint64_t samples, std::uint64_t classes, Moment now);

    /// \param name  is_scalar_name()
    void scalar(std::size_t node, std::string_view name, std::uint64_t round, double value,
                Moment now);

    /// Writes the members "losses" (arrays of node, round, us, loss in millionths), "accuracies"
    /// (objects) and "scalars" (arrays of node, name, round, us, value; null: not finite) of an
    /// object: what is newer than version `since`.
    void write(JsonWriter& json, std::uint64_t since) const;

private:
    struct Loss {
        std::size_t node = 0;
        std::uint64_t round = 0;
        std::uint64_t millionths = 0;
        Moment at;
    };
    struct Accuracy {
        std::size_t node = 0;
        std::uint64_t round = 0;
        std::uint64_t correct = 0;
        std::uint64_t samples = 0;
        std::uint64_t classes = 0;
        Moment at;
    };
    struct Scalar {
        std::size_t node = 0;
        std::string name;
        std::uint64_t round = 0;
        double value = 0.0;
        Moment at;
    };
    const std::size_t points_max_;
    std::deque<Loss> losses_;
    std::deque<Accuracy> accuracies_;
    std::deque<Scalar> scalars_;
};

}  // namespace starling
