// The parser is nlohmann-json's; this file alone knows it. Its events (SAX) build a JsonValue,
// since its own tree takes a name twice and any depth, and turns numbers into doubles.
#include "core/json/json.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace starling {
namespace {

/// How far the parser has read, which its events do not tell.
struct Progress {
    const char* next;      ///< the first character that is not read
    std::size_t line = 1;  ///< of the last one that is
    bool line_ends = false;

    void advance() {
        line += line_ends ? 1 : 0;
        line_ends = *next == '\n';
        ++next;
    }
};

class TextIterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    /// \param progress  goes on with the iterator, and must outlive it.
    TextIterator(const char* at, Progress& progress) : at_(at), progress_(&progress) {}

    reference operator*() const { return *at_; }
    TextIterator& operator++() {
        ++at_;
        progress_->advance();
        return *this;
    }
    TextIterator operator++(int) {
        const TextIterator before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const TextIterator& a, const TextIterator& b) { return a.at_ == b.at_; }

private:
    const char* at_;
    Progress* progress_;
};

/// Builds the value out of the parser's events. An event that returns false ends the parsing;
/// `problem()` then says why.
class TreeBuilder {
public:
    using Json = nlohmann::json;

    explicit TreeBuilder(const Progress& progress) : progress_(progress) {}

    bool null() { return put(JsonValue::Kind::null, ""); }
    bool boolean(bool value) { return put(JsonValue::Kind::boolean, value ? "true" : "false"); }
    bool number_integer(Json::number_integer_t value) {
        return put(JsonValue::Kind::number, std::to_string(value));
    }
    bool number_unsigned(Json::number_unsigned_t value) {
        return put(JsonValue::Kind::number, std::to_string(value));
    }
    bool number_float(Json::number_float_t /*value*/, std::string text) {
        if (text.size() > json_number_max) {
            return fail("a number of more than " + std::to_string(json_number_max) + " characters");
        }
        // The library writes the point as the program's locale does.
        std::replace_if(
            text.begin(), text.end(),
            [](char c) { return std::string_view("0123456789+-eE").find(c) == text_end; }, '.');
        return put(JsonValue::Kind::number, std::move(text));
    }
    bool string(std::string& text) { return put(JsonValue::Kind::string, std::move(text)); }
    bool binary(Json::binary_t& /*bytes*/) { return fail("binary data"); }  // of other formats

    bool start_object(std::size_t /*size*/) { return open(JsonValue::Kind::object); }
    bool start_array(std::size_t /*size*/) { return open(JsonValue::Kind::array); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& name) {
        if (!open_.back().names.insert(name).second) {
            return fail("the name '" + name.substr(0, 64) + "' is duplicated");
        }
        name_ = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const Json::exception& /*error*/) {
        error_position_ = position - 1;  // it counts the character that does not fit
        return false;
    }

    JsonValue take() { return std::move(root_); }
    const std::string& problem() const { return problem_; }
    std::optional<std::size_t> error_position() const { return error_position_; }

private:
    static constexpr std::size_t text_end = std::string_view::npos;

    struct Open {
        JsonValue* value;
        std::set<std::string> names;  ///< of an object, so far
    };

    bool fail(std::string problem) {
        problem_ = std::move(problem);
        return false;
    }
    JsonValue& place() {
        JsonValue* value = &root_;
        if (!open_.empty()) {
            std::vector<JsonMember>& items = open_.back().value->items;
            items.push_back({std::exchange(name_, {}), {}});
            value = &items.back().value;
        }
        value->line = progress_.line;
        return *value;
    }
    bool put(JsonValue::Kind kind, std::string text) {
        JsonValue& value = place();
        value.kind = kind;
        value.text = std::move(text);
        return true;
    }
    bool open(JsonValue::Kind kind) {
        if (open_.size() == json_depth_max) {
            return fail("nested deeper than " + std::to_string(json_depth_max));
        }
        JsonValue& value = place();
        value.kind = kind;
        open_.push_back({&value, {}});  // it stays there: nothing is added beside it while open
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    const Progress& progress_;
    JsonValue root_;
    std::vector<Open> open_;
    std::string name_;  ///< of the next member
    std::string problem_;
    std::optional<std::size_t> error_position_;
};

Error no_json(std::string_view text, std::size_t position, const std::string& why) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n');
    return Error{Errc::malformed, "invalid JSON at byte " + std::to_string(position) + ", line " +
                                      std::to_string(line) + (why.empty() ? "" : ": " + why)};
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&](const auto& item) { return item.name == name; });
    return kind == Kind::object && found != items.end() ? &found->value : nullptr;
}

Result<JsonValue> parse_json(std::string_view text) {
    if (text.size() > json_bytes_max) {
        return no_json(text, json_bytes_max,
                       "more than " + std::to_string(json_bytes_max) + " bytes in total");
    }
    // The library takes a zero byte for the end of the text.
    if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
        return no_json(text, zero, "a zero byte");
    }
    Progress progress{text.data()};
    TreeBuilder builder(progress);
    if (!nlohmann::json::sax_parse(TextIterator(text.data(), progress),
                                   TextIterator(text.data() + text.size(), progress), &builder)) {
        const auto read = static_cast<std::size_t>(progress.next - text.data());
        return no_json(text, builder.error_position().value_or(read), builder.problem());
    }
    return builder.take();
}

}  // namespace starling
