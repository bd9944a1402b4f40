#include "core/torch/safetensors.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <system_error>

#include "core/base/coding.hpp"
#include "core/base/json_writer.hpp"
#include "core/files/replace_file.hpp"
#include "core/json/json.hpp"

namespace starling {
namespace {

constexpr std::size_t length_bytes = 8;
constexpr std::uint64_t header_bytes_max = 100'000'000;  // the reference implementation's bound
constexpr const char* metadata_name = "__metadata__";

Error malformed(const std::filesystem::path& path, const std::string& what) {
    return Error{Errc::malformed, path.string() + " is not a valid safetensors file: " + what};
}

std::optional<std::uint64_t> whole_number(const JsonValue& value) {
    std::uint64_t number = 0;
    const char* end = value.text.data() + value.text.size();
    const auto [stop, failure] = std::from_chars(value.text.data(), end, number);
    const bool whole =
        value.kind == JsonValue::Kind::number && failure == std::errc{} && stop == end;
    // Shapes are signed.
    return whole && number <= INT64_MAX ? std::optional(number) : std::nullopt;
}

/// One entry of the header: the tensor, with its position in the data.
struct Entry {
    TensorSpec spec;
    std::uint64_t end = 0;
};

Result<Entry> parse_entry(const std::filesystem::path& path, const std::string& name,
                          const JsonValue& value) {
    const JsonValue* dtype = value.find("dtype");
    const JsonValue* shape = value.find("shape");
    const JsonValue* offsets = value.find("data_offsets");
    if (dtype == nullptr || shape == nullptr || offsets == nullptr || offsets->items.size() != 2 ||
        shape->kind != JsonValue::Kind::array || offsets->kind != JsonValue::Kind::array) {
        return malformed(path, "tensor '" + name + "' has no dtype, shape or data_offsets");
    }
    const Result<DType> type = parse_dtype(dtype->text);
    if (!type) {
        return malformed(path, "tensor '" + name + "': " + type.error().message);
    }
    Entry entry;
    entry.spec.name = name;
    entry.spec.dtype = *type;
    for (const auto& item : shape->items) {
        const std::optional<std::uint64_t> size = whole_number(item.value);
        if (!size) {
            return malformed(path, "tensor '" + name + "' has a wrong shape");
        }
        entry.spec.shape.push_back(static_cast<std::int64_t>(*size));
    }
    const std::optional<std::uint64_t> begin = whole_number(offsets->items[0].value);
    const std::optional<std::uint64_t> end = whole_number(offsets->items[1].value);
    if (!begin || !end) {
        return malformed(path, "tensor '" + name + "' has wrong data_offsets");
    }
    entry.spec.offset_bytes = *begin;
    entry.end = *end;
    return entry;
}

/// Builds the layout and checks that every tensor has the offset that the file gives.
Result<ParamLayout> layout_of(const std::filesystem::path& path, std::vector<Entry> entries) {
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return a.spec.offset_bytes < b.spec.offset_bytes;
    });
    std::vector<TensorSpec> specs;
    for (const Entry& entry : entries) {
        specs.push_back(entry.spec);
    }
    Result<ParamLayout> layout = ParamLayout::make(std::move(specs));
    if (!layout) {
        return malformed(path, layout.error().message);
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const TensorSpec& placed = layout->tensors()[i];
        if (placed.name != entries[i].spec.name ||
            placed.offset_bytes != entries[i].spec.offset_bytes ||
            placed.offset_bytes + placed.size_bytes() != entries[i].end) {
            return malformed(path, "tensor '" + entries[i].spec.name +
                                       "' is not at the offset that its type and shape require");
        }
    }
    return layout;
}

Result<void> parse_header(const std::filesystem::path& path, std::string_view text,
                          SafetensorsFile& file) {
    const Result<JsonValue> header = parse_json(text);
    if (!header || header->kind != JsonValue::Kind::object) {
        return malformed(path, header ? "the header is not an object" : header.error().message);
    }
    if (header->items.size() > ParamLayout::tensors_max + 1) {
        return malformed(path, "it has too many tensors");
    }
    std::vector<Entry> entries;
    for (const auto& [name, value] : header->items) {
        if (name == metadata_name) {
            for (const auto& [key, item] : value.items) {
                file.metadata[key] = item.text;
            }
            continue;
        }
        Result<Entry> entry = parse_entry(path, name, value);
        if (!entry) {
            return entry.error();
        }
        entries.push_back(std::move(*entry));
    }
    Result<ParamLayout> layout = layout_of(path, std::move(entries));
    if (!layout) {
        return layout.error();
    }
    file.layout = std::move(*layout);
    return {};
}

}  // namespace

std::string safetensors_header(const ParamLayout& layout,
                               const std::map<std::string, std::string>& metadata) {
    std::string json = "{" + json_string(metadata_name) + ":{";
    for (const auto& [key, value] : metadata) {
        json += (json.back() == '{' ? "" : ",") + json_string(key) + ":" + json_string(value);
    }
    json += "}";
    for (const TensorSpec& tensor : layout.tensors()) {
        json += "," + json_string(tensor.name) +
                ":{\"dtype\":" + json_string(to_string(tensor.dtype)) + ",\"shape\":[";
        for (const std::int64_t size : tensor.shape) {
            json += (json.back() == '[' ? "" : ",") + std::to_string(size);
        }
        json += "],\"data_offsets\":[" + std::to_string(tensor.offset_bytes) + "," +
                std::to_string(tensor.offset_bytes + tensor.size_bytes()) + "]}";
    }
    json += "}";
    json.append((length_bytes - json.size() % length_bytes) % length_bytes, ' ');
    Writer length;
    length.u64(json.size());
    return std::string(reinterpret_cast<const char*>(length.bytes().data()), length_bytes) + json;
}

Result<void> write_safetensors(const std::filesystem::path& path, const ParamLayout& layout,
                               ByteView params,
                               const std::map<std::string, std::string>& metadata) {
    STARLING_INVARIANT(params.size() == layout.size_bytes(), "the bytes are of this layout");
    const std::string header = safetensors_header(layout, metadata);
    const std::array<ByteView, 2> parts = {std::as_bytes(std::span(header)), params};
    return replace_file(path, parts);
}

Result<SafetensorsFile> read_safetensors(const std::filesystem::path& path) {
    std::error_code failure;
    const std::uintmax_t size = std::filesystem::file_size(path, failure);
    std::ifstream input(path, std::ios::binary);
    if (failure || !input) {
        return Error{Errc::io, path.string() + " can't be read"};
    }
    std::array<std::byte, length_bytes> length{};
    if (!input.read(reinterpret_cast<char*>(length.data()), length_bytes)) {
        return malformed(path, "it is too short");
    }
    const std::uint64_t header_bytes = Reader(length).u64();
    if (header_bytes > header_bytes_max || header_bytes > size - length_bytes) {
        return malformed(path, "its header is longer than the file or 100 MB");
    }
    std::string header(static_cast<std::size_t>(header_bytes), '\0');
    input.read(header.data(), static_cast<std::streamsize>(header.size()));
    SafetensorsFile file;
    if (const Result<void> parsed = parse_header(path, header, file); !parsed) {
        return parsed.error();
    }
    if (size - length_bytes - header_bytes != file.layout.size_bytes()) {
        return malformed(path, "the length of its data section does not match its tensors");
    }
    file.params.resize(static_cast<std::size_t>(file.layout.size_bytes()));
    if (!input.read(reinterpret_cast<char*>(file.params.data()),
                    static_cast<std::streamsize>(file.params.size()))) {
        return Error{Errc::io, path.string() + " can't be read"};
    }
    return file;
}

}  // namespace starling
