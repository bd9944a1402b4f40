#include "deploy/board/http_access.hpp"

#include <algorithm>

#include "core/files/read_file.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

constexpr std::size_t token_min = 20;
constexpr std::size_t token_max = 200;
constexpr std::string_view login = "/?token=";

HttpAnswer plain_answer(unsigned status, std::string text) {
    return {.status = status, .body = std::make_shared<const std::string>(std::move(text))};
}

/// The value of a cookie in "a=b; c=d"; empty: it is not there.
std::string_view cookie_in(std::string_view header, std::string_view name) {
    while (!header.empty()) {
        const std::size_t end = std::min(header.find(';'), header.size());
        const std::string_view cookie = header.substr(0, end);
        if (cookie.starts_with(name) && cookie.substr(name.size()).starts_with('=')) {
            return cookie.substr(name.size() + 1);
        }
        header.remove_prefix(std::min(end + 1, header.size()));
        while (header.starts_with(' ')) {
            header.remove_prefix(1);
        }
    }
    return {};
}

bool is_token_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

bool same_secret(std::string_view given, std::string_view secret) {
    unsigned different = given.size() == secret.size() && !secret.empty() ? 0U : 1U;
    for (std::size_t i = 0; i < given.size() && !secret.empty(); ++i) {
        different |= static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^
                                           static_cast<unsigned char>(secret[i % secret.size()]));
    }
    return different == 0;
}

HttpAccess::HttpAccess(Kind kind, std::string token) : kind_(kind), token_(std::move(token)) {
    const std::string text = "the page of swarm-board, " + token_;
    cookie_ = to_string(openssl_hasher().digest(std::as_bytes(std::span(text))));
}

std::optional<HttpAnswer> HttpAccess::refusal(const HttpRequest& request) const {
    if (kind_ == Kind::certificate) {
        return std::nullopt;
    }
    if (kind_ == Kind::loopback) {
        return is_loopback_host(request.host) ? std::nullopt : std::optional(status_answer(421));
    }
    if (request.target.starts_with(login)) {
        if (!same_secret(request.target.substr(login.size()), token_)) {
            return plain_answer(401, "This is not the token of --token-file.\n");
        }
        HttpAnswer answer = plain_answer(303, "Logged in: see /\n");
        answer.headers = "Location: /\r\nSet-Cookie: " + cookie_name_ + "=" + cookie_ +
                         "; Path=/; Secure; HttpOnly; SameSite=Lax\r\n";
        return answer;
    }
    constexpr std::string_view bearer = "Bearer ";
    if ((request.authorization.starts_with(bearer) &&
         same_secret(request.authorization.substr(bearer.size()), token_)) ||
        same_secret(cookie_in(request.cookie, cookie_name_), cookie_)) {
        return std::nullopt;
    }
    HttpAnswer answer = plain_answer(
        401,
        "Not logged in. Open /?token=TOKEN once, with the token of --token-file; a program "
        "sends the header Authorization: Bearer TOKEN.\n");
    answer.headers = "WWW-Authenticate: Bearer\r\n";
    return answer;
}

Result<std::string> read_token(const std::string& file) {
    Result<std::string> text = read_whole_file(file, 4096);
    if (!text) {
        return Error{text.error().code, "--token-file " + text.error().message};
    }
    while (text->ends_with('\n') || text->ends_with('\r')) {
        text->pop_back();
    }
    if (text->size() < token_min || text->size() > token_max ||
        !std::all_of(text->begin(), text->end(), is_token_character)) {
        return Error{Errc::refused,
                     "--token-file " + file + ": a token is one line of " +
                         std::to_string(token_min) + " to " + std::to_string(token_max) +
                         " letters, digits and -._~, which nobody can guess; make one: openssl "
                         "rand -hex 32 > " +
                         file};
    }
    return text;
}

}  // namespace starling
