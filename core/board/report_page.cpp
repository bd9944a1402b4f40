#include "core/board/report_page.hpp"

#include "core/board/page.hpp"
#include "core/files/replace_file.hpp"

namespace starling {

std::string shown_run_json(const ShownRun& run, std::string_view title, std::uint64_t since) {
    JsonWriter json;
    json.begin_object().field("title", title).field("label", run.label).field("kind", run.kind);
    run.model->write(json, since);
    json.end_object();
    return json.take();
}

std::string report_page(std::string_view title, std::span<const ShownRun> runs,
                        std::string_view comparison, PageNonce nonce) {
    std::string data = "{\"title\":" + json_string(title) + ",\"runs\":[";
    for (const ShownRun& run : runs) {
        data += (&run == runs.data() ? "" : ",") + shown_run_json(run, title);
    }
    data += "],\"comparison\":";
    data += comparison.empty() ? "null" : comparison;
    data += "}";
    std::string hex;
    for (const std::uint32_t word : nonce) {
        for (unsigned shift = 0; shift < 32; shift += 4) {
            hex += "0123456789abcdef"[(word >> shift) & 15U];
        }
    }
    return self_contained_page(data, hex);
}

Result<void> write_report_page(const std::string& path, std::string_view title,
                               std::span<const ShownRun> runs, std::string_view comparison,
                               PageNonce nonce) {
    const std::string page = report_page(title, runs, comparison, nonce);
    const ByteView bytes(reinterpret_cast<const std::byte*>(page.data()), page.size());
    return replace_file(path, std::span(&bytes, 1));
}

}  // namespace starling
