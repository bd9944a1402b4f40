// Whether an element's exponent is too large: without a branch for each, and in blocks, so that it
// ends soon where there is one.

/// See ExponentKernel.
template <typename Raw>
bool any_exponent_from(const std::byte* data, Size count, Raw exponent, Raw limit) {
    constexpr Size block = 4096 / sizeof(Raw);
    constexpr Raw top = static_cast<Raw>(Raw{1} << (8 * sizeof(Raw) - 1));
    const auto up_to_top = static_cast<Raw>(top - limit);  // the sum has the top bit from there on
    for (Size begin = 0; begin < count; begin += block) {
        const std::byte* at = data + begin * sizeof(Raw);
        const Size size = smaller(block, count - begin);
        Raw found = 0;
        for (Size i = 0; i < size; ++i) {
            found |= static_cast<Raw>((load<Raw>(at + i * sizeof(Raw)) & exponent) + up_to_top);
        }
        if ((found & top) != 0) {
            return true;
        }
    }
    return false;
}
