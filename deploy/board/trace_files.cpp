#include "deploy/board/trace_files.hpp"

#include <algorithm>
#include <charconv>
#include <queue>

#include "deploy/log/progress_line.hpp"

namespace starling {

Result<TraceFiles> TraceFiles::open(const std::vector<std::string>& paths) {
    TraceFiles files;
    for (const std::string& path : paths) {
        Result<LineFile> file = LineFile::open(path);
        if (!file) {
            return file.error();
        }
        files.sources_.push_back(std::make_unique<Source>(std::move(*file)));
    }
    return files;
}

bool TraceFiles::advance(Source& source, RunModel& model) {
    std::uint64_t unreadable = source.file.take_skipped();
    while (!source.next && source.file.next(source.line)) {
        if (source.line.starts_with(trace_start_mark)) {
            const std::string_view epoch = word_after(source.line, "epoch_ns=");
            source.epoch_ns = 0;
            std::from_chars(epoch.data(), epoch.data() + epoch.size(), source.epoch_ns);
            model.add_start(source.line);
        } else if (!source.line.empty() && source.line.front() != '#') {
            source.next = parse_trace_line(source.line);
            unreadable += source.next ? 0U : 1U;
        }
    }
    if (unreadable > 0) {
        model.add_unreadable_lines(unreadable);
    }
    if (source.next) {
        // A sum beyond 64 bits would be undefined; such a time is no time.
        std::int64_t time_ns = 0;
        if (__builtin_add_overflow(source.next->time_ns, source.epoch_ns, &time_ns)) {
            time_ns = source.epoch_ns;
        }
        source.next->time_ns = time_ns;
    }
    return source.next.has_value();
}

void TraceFiles::read_all_into(RunModel& model) {
    constexpr std::size_t slice = 50'000;  // events
    std::uint64_t total = 0;
    for (const auto& source : sources_) {
        total += source->file.size();
    }
    ProgressLine progress("reading traces", total);
    while (read_into(model, slice) == slice) {
        std::uint64_t done = 0;
        for (const auto& source : sources_) {
            done += source->file.position();
        }
        progress.update(std::min(done, total));
    }
}

std::size_t TraceFiles::read_into(RunModel& model, std::size_t events_max) {
    using Next = std::pair<std::int64_t, std::size_t>;  // time, index of the source
    std::priority_queue<Next, std::vector<Next>, std::greater<>> queue;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        // One that was read before, and not passed on, has its sum already.
        if (sources_[i]->next || advance(*sources_[i], model)) {
            queue.emplace(sources_[i]->next->time_ns, i);
        }
    }
    std::size_t events = 0;
    while (!queue.empty() && events < events_max) {
        const std::size_t index = queue.top().second;
        queue.pop();
        Source& source = *sources_[index];
        model.add(source.next->time_ns, source.next->node, source.next->event);
        source.next.reset();
        ++events;
        if (advance(source, model)) {
            queue.emplace(source.next->time_ns, index);
        }
    }
    return events;
}

}  // namespace starling
