#include "deploy/board/http_text.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace starling {
namespace {

bool same_letters(std::string_view a, std::string_view lower) {
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace

Result<HttpRequest> parse_http_request(std::string_view head) {
    const Error malformed{Errc::malformed, "no HTTP request"};
    const std::size_t line_end = head.find("\r\n");
    if (line_end == std::string_view::npos) {
        return malformed;
    }
    const std::string_view line = head.substr(0, line_end);
    const std::size_t first = line.find(' ');
    const std::size_t second = line.rfind(' ');
    if (first == std::string_view::npos || first == second) {
        return malformed;
    }
    HttpRequest request;
    request.get = line.substr(0, first) == "GET";
    request.head = line.substr(0, first) == "HEAD";
    request.target = line.substr(first + 1, second - first - 1);
    const std::string_view version = line.substr(second + 1);
    if ((version != "HTTP/1.1" && version != "HTTP/1.0") || !request.target.starts_with('/') ||
        request.target.find(' ') != std::string_view::npos) {
        return malformed;
    }
    head.remove_prefix(line_end + 2);
    const std::pair<std::string_view, std::string_view&> wanted[] = {
        {"host", request.host},
        {"cookie", request.cookie},
        {"authorization", request.authorization},
    };
    std::array<bool, std::size(wanted)> seen{};
    while (!head.empty() && !head.starts_with("\r\n")) {
        const std::size_t end = head.find("\r\n");
        const std::string_view header = head.substr(0, end);
        const std::size_t colon = header.find(':');
        if (end == std::string_view::npos || colon == std::string_view::npos || colon == 0) {
            return malformed;
        }
        for (std::size_t i = 0; i < seen.size(); ++i) {
            if (!same_letters(header.substr(0, colon), wanted[i].first)) {
                continue;
            }
            if (std::exchange(seen[i], true)) {
                return malformed;
            }
            wanted[i].second = trimmed(header.substr(colon + 1));
        }
        head.remove_prefix(end + 2);
    }
    return request;
}

bool is_loopback_host(std::string_view host) {
    // The port stands behind the last colon; those of an IPv6 address are in brackets.
    const std::size_t bracket = host.rfind(']');
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        host = host.substr(0, colon);
    }
    const bool four =
        host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
    return host.empty() || four || same_letters(host, "localhost") || host == "[::1]";
}

namespace {

std::string_view http_reason(unsigned status) {
    switch (status) {
        case 200:
            return "OK";
        case 303:
            return "See Other";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 421:
            return "Misdirected Request";
        case 431:
            return "Request Header Fields Too Large";
        default:
            return "Service Unavailable";
    }
}

}  // namespace

HttpAnswer status_answer(unsigned status) {
    HttpAnswer answer{
        .status = status,
        .body = std::make_shared<const std::string>(std::string(http_reason(status)) + "\n")};
    if (status == 405) {
        answer.headers = "Allow: GET, HEAD\r\n";
    }
    return answer;
}

std::string http_head(const HttpAnswer& answer) {
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " ";
    head += http_reason(answer.status);
    head += "\r\nContent-Type: ";
    head += answer.events ? "text/event-stream" : answer.type;
    if (!answer.events) {
        head += "\r\nContent-Length: " + std::to_string(answer.body ? answer.body->size() : 0);
    }
    head +=
        "\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n"
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";
    return head + answer.headers + "\r\n";
}

}  // namespace starling
