#include "core/ledger/certificate_end.hpp"

#include <chrono>

namespace starling {
namespace {

constexpr std::uint8_t integer_tag = 0x02;
constexpr std::uint8_t utc_time_tag = 0x17;
constexpr std::uint8_t general_time_tag = 0x18;
constexpr std::uint8_t sequence_tag = 0x30;
constexpr std::uint8_t version_tag = 0xa0;

struct Element {
    std::uint8_t tag = 0;
    ByteView content;
};

/// Takes the first element (X.690, DER: tag, length, content) off `bytes`.
std::optional<Element> take(ByteView& bytes) {
    if (bytes.size() < 2) {
        return std::nullopt;
    }
    const auto at = [&](std::size_t i) { return std::to_integer<std::uint8_t>(bytes[i]); };
    std::size_t length = at(1);
    std::size_t head = 2;
    if (length >= 0x80) {
        const std::size_t count = length & 0x7fU;
        if (count == 0 || count > 3 || bytes.size() < head + count) {
            return std::nullopt;
        }
        length = 0;
        for (; head < 2 + count; ++head) {
            length = length << 8U | at(head);
        }
    }
    if (length > bytes.size() - head) {
        return std::nullopt;
    }
    const Element element{at(0), bytes.subspan(head, length)};
    bytes = bytes.subspan(head + length);
    return element;
}

/// Takes an element of that kind.
std::optional<ByteView> take(ByteView& bytes, std::uint8_t tag) {
    const std::optional<Element> element = take(bytes);
    return element && element->tag == tag ? std::optional(element->content) : std::nullopt;
}

/// YYMMDDhhmmssZ or YYYYMMDDhhmmssZ.
std::optional<std::int64_t> seconds_of(const Element& time) {
    const std::size_t year_digits = time.tag == general_time_tag ? 4 : 2;
    if ((time.tag != utc_time_tag && time.tag != general_time_tag) ||
        time.content.size() != year_digits + 11) {
        return std::nullopt;
    }
    std::size_t at = 0;
    bool digits = true;
    const auto number = [&](std::size_t count) {
        int value = 0;
        for (; count > 0; --count, ++at) {
            const int digit = std::to_integer<int>(time.content[at]) - '0';
            digits = digits && digit >= 0 && digit <= 9;
            value = value * 10 + digit;
        }
        return value;
    };
    int year = number(year_digits);
    if (year_digits == 2) {
        year += year < 50 ? 2000 : 1900;
    }
    const int month = number(2);
    const int day = number(2);
    const int hours = number(2);
    const int minutes = number(2);
    const int seconds = number(2);
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!digits || !date.ok() || hours > 23 || minutes > 59 || seconds > 60) {
        return std::nullopt;
    }
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    return std::int64_t{days} * 86'400 + hours * 3'600 + minutes * 60 + seconds;
}

}  // namespace

std::optional<std::int64_t> certificate_end(ByteView der) {
    std::optional<ByteView> rest = take(der, sequence_tag);  // Certificate
    rest = rest ? take(*rest, sequence_tag) : std::nullopt;  // TBSCertificate
    if (!rest) {
        return std::nullopt;
    }
    if (!rest->empty() && std::to_integer<std::uint8_t>(rest->front()) == version_tag) {
        take(*rest);
    }
    // serialNumber, signature, issuer, validity
    if (!take(*rest, integer_tag) || !take(*rest, sequence_tag) || !take(*rest, sequence_tag)) {
        return std::nullopt;
    }
    std::optional<ByteView> validity = take(*rest, sequence_tag);
    if (!validity || !take(*validity)) {
        return std::nullopt;
    }
    const std::optional<Element> end = take(*validity);
    return end ? seconds_of(*end) : std::nullopt;
}

}  // namespace starling
