// The layout of MLflow's FileStore (mlflow/store/tracking/file_store.py, 2.x):
//   EXPERIMENT/meta.yaml
//   EXPERIMENT/RUN/meta.yaml, params/NAME, tags/NAME, metrics/NAME (lines "ms value step")
#include "deploy/runs/mlflow.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/base/bytes.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/real_text.hpp"
#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view experiment = "starling";
constexpr std::size_t param_bytes_max = 490;  // up to 500 with the marks of valid_utf8()

Result<void> write_text(const fs::path& file, std::string_view text) {
    const ByteView bytes = std::as_bytes(std::span(text));
    return replace_file(file, std::span(&bytes, 1));
}

/// A text of YAML: JSON's are among them.
std::string yaml_text(std::string_view text) { return json_string(text); }

/// The value of a parameter or tag, of which old versions read one line of 500 bytes.
std::string short_line(std::string_view text) {
    std::string line = valid_utf8(text.substr(0, param_bytes_max));
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return line;
}

/// At most 200 characters of `text`, with '_' for what is no letter, digit, '-', '_' or in `more`.
std::string safe_name(std::string_view text, std::string_view more = "") {
    std::string name(text.substr(0, 200));
    for (char& c : name) {
        const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                             more.find(c) != std::string_view::npos;
        c = allowed ? c : '_';
    }
    return name;
}

/// A file name for a parameter: not a hidden one, nor "..".
std::string param_name(std::string_view key) {
    std::string name = safe_name(key, ".");
    if (name.starts_with('.')) {
        name[0] = '_';
    }
    return name;
}

/// `name`, or the first of NAME-2, NAME-3, ... that is not in `used`; it is put there.
std::string unused_name(const std::string& name, std::set<std::string>& used) {
    std::string free = name;
    for (int number = 2; !used.insert(free).second; ++number) {
        free = name + "-" + std::to_string(number);
    }
    return free;
}

/// Parts of a path: "a/b/c" is in "a" and "a/b".
std::vector<std::string> folders_of(const std::string& name) {
    std::vector<std::string> folders;
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
        folders.push_back(name.substr(0, at));
    }
    return folders;
}

/// A file for each metric. MLflow reads a name with '/' as a path: where "a" is a file, "a/b" can't
/// be one, and becomes "a.b", or "a.b-2" where that is taken too.
std::map<std::string, std::string> metric_files(const std::set<std::string>& names) {
    std::map<std::string, std::string> files;
    std::set<std::string> used;
    std::vector<std::string> moved;
    for (const std::string& name : names) {
        const std::vector<std::string> folders = folders_of(name);
        if (std::any_of(folders.begin(), folders.end(),
                        [&](const std::string& folder) { return names.contains(folder); })) {
            moved.push_back(name);
            continue;
        }
        files[name] = name;
        used.insert(name);
        used.insert(folders.begin(), folders.end());
    }
    for (const std::string& name : moved) {
        std::string flat = name;
        std::replace(flat.begin(), flat.end(), '/', '.');
        files[name] = unused_name(flat, used);
    }
    return files;
}

std::string text_in(const fs::path& file) {
    const Result<std::string> text = read_whole_file(file);
    return text ? *text : "";
}

/// Whose a run of MLflow is: one of ours, or a member of one.
struct RunOwner {
    std::string run;     ///< RunRecord::id
    std::string member;  ///< empty: the run itself
    std::string parent;  ///< id in MLflow of the run, for a member

    /// Of the tag starling.run.
    std::string text() const { return member.empty() ? run : run + " " + member; }
};

/// The folder is free, or an earlier export has made it for this owner.
bool is_for(const fs::path& place, const RunOwner& owner) {
    std::error_code error;
    if (!fs::exists(place, error)) {
        return true;
    }
    const std::string of = text_in(place / "tags" / "starling.run");
    return of.empty() ? text_in(place / "tags" / "mlflow.parentRunId") == owner.parent
                      : of == owner.text();
}

/// The owner's id in the store, which is the same at each export: `name`, or the first of NAME-2,
/// NAME-3, ... that belongs to nobody else. MLflow allows no dots in ids, so members sl.1 and sl_1
/// want the same one, and a run may have the id that another's member wants.
/// \param kept_for_runs  ids that members take only if they have them already
std::string run_id_for(const fs::path& experiment_folder, const std::string& name,
                       const RunOwner& owner, const std::set<std::string>& kept_for_runs) {
    std::string id = name;
    const auto is_free = [&] {
        const fs::path place = experiment_folder / id;
        std::error_code error;
        return is_for(place, owner) &&
               (owner.member.empty() || !kept_for_runs.contains(id) || fs::exists(place, error));
    };
    for (int number = 2; !is_free(); ++number) {
        id = name + "-" + std::to_string(number);
    }
    return id;
}

/// As Python's float() reads it, in files of MLflow.
std::string metric_lines(const RunRecord& run, const RunSeries& series) {
    std::string lines;
    for (const RunPoint& point : series.points) {
        lines += std::to_string((run.started_us + point.us) / 1000) + " " + real_text(point.value) +
                 " " + std::to_string(point.round) + "\n";
    }
    return lines;
}

std::string meta_of_experiment(const fs::path& folder, std::int64_t time_ms) {
    const std::string time = std::to_string(time_ms);
    return "artifact_location: " + yaml_text("file://" + (folder / experiment).string()) +
           "\ncreation_time: " + time + "\nexperiment_id: " + yaml_text(experiment) +
           "\nlast_update_time: " + time +
           "\nlifecycle_stage: active\nname: " + yaml_text(experiment) + "\n";
}

std::string meta_of_run(const RunRecord& run, const std::string& id, const std::string& name,
                        const fs::path& place) {
    constexpr int finished = 3;
    constexpr int failed = 4;
    const std::int64_t start_ms = run.started_us / 1000;
    const auto length_ms =
        static_cast<std::int64_t>(std::clamp(run.results.seconds, 0.0, 1e9) * 1e3);
    const int status = run.results.end == "aborted" ? failed : finished;
    return "artifact_uri: " + yaml_text("file://" + (place / "artifacts").string()) +
           "\nend_time: " + std::to_string(start_ms + length_ms) +
           "\nentry_point_name: ''\nexperiment_id: " + yaml_text(experiment) +
           "\nlifecycle_stage: active\nrun_id: " + yaml_text(id) +
           "\nrun_name: " + yaml_text(name) + "\nrun_uuid: " + yaml_text(id) +
           "\nsource_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: " +
           std::to_string(start_ms) + "\nstatus: " + std::to_string(status) +
           "\ntags: []\nuser_id: starling\n";
}

using Files = std::vector<std::pair<fs::path, std::string>>;

Files params_and_tags(const RunRecord& run, const std::string& name) {
    Files files;
    std::map<std::string, std::string> params = run.configuration;
    if (run.seed) {
        params["seed"] = std::to_string(*run.seed);
    }
    std::set<std::string> used;
    for (const auto& [key, value] : params) {
        if (const std::string file = param_name(key); !file.empty()) {
            files.emplace_back(fs::path("params") / unused_name(file, used), short_line(value));
        }
    }
    std::string command;
    for (const std::string& word : run.command) {
        command += (command.empty() ? "" : " ") + word;
    }
    const std::pair<const char*, std::string> tags[] = {
        {"mlflow.runName", name},
        {"mlflow.source.name", run.program},
        {"mlflow.source.git.commit", run.commit},
        {"starling.kind", run.kind},
        {"starling.version", run.version},
        {"starling.machine", run.machine},
        {"starling.modified", run.modified ? "true" : "false"},
        {"starling.command", command},
        {"starling.end", run.results.end},
        {"starling.digest", run.results.digest}};
    for (const auto& [tag, value] : tags) {
        if (!value.empty()) {
            files.emplace_back(fs::path("tags") / tag, short_line(value));
        }
    }
    return files;
}

Result<void> write_run(const RunRecord& run, const std::string& id, const std::string& name,
                       const fs::path& experiment_folder, Files files,
                       const std::vector<const RunSeries*>& all) {
    const fs::path place = experiment_folder / id;
    std::set<std::string> names;
    for (const RunSeries* series : all) {
        names.insert(series->name);
    }
    const std::map<std::string, std::string> metric_file = metric_files(names);
    for (const RunSeries* series : all) {
        files.emplace_back(fs::path("metrics") / metric_file.at(series->name),
                           metric_lines(run, *series));
    }
    files.emplace_back("meta.yaml", meta_of_run(run, id, name, place));  // last: then it is a run
    std::error_code error;
    // Of an earlier export. What else a run has, as artifacts and notes, people added in MLflow.
    for (const char* replaced : {"metrics", "params"}) {
        fs::remove_all(place / replaced, error);
        if (error) {
            return Error{Errc::io, (place / replaced).string() + ": " + error.message()};
        }
    }
    for (const auto& [file, text] : files) {
        if (const auto written = write_text(place / file, text); !written) {
            return written;
        }
    }
    for (const char* needed : {"artifacts", "metrics", "params", "tags"}) {
        fs::create_directories(place / needed, error);
        if (error) {
            return Error{Errc::io, (place / needed).string() + ": " + error.message()};
        }
    }
    return {};
}

}  // namespace

Result<void> write_mlflow(std::span<const RunRecord> runs, const fs::path& folder) {
    const fs::path root = fs::absolute(folder);
    const fs::path place = root / experiment;
    std::set<std::string> run_ids;
    for (const RunRecord& run : runs) {
        run_ids.insert(run.id);
    }
    for (const RunRecord& run : runs) {
        if (!fs::exists(place / "meta.yaml")) {
            const auto written =
                write_text(place / "meta.yaml", meta_of_experiment(root, run.recorded_s * 1000));
            if (!written) {
                return written;
            }
        }
        std::map<std::string, std::vector<const RunSeries*>> members{{"swarm", {}}};
        for (const RunSeries& series : run.series) {
            members[series.member].push_back(&series);
        }
        const std::string title = run.name.empty() ? run.id : run.name;
        const std::string own_id = run_id_for(place, run.id, {run.id, "", ""}, run_ids);
        for (const auto& [member, all] : members) {
            std::string id = own_id;
            std::string name = title;
            RunOwner owner{run.id, "", ""};
            Files files;
            if (member == "swarm") {
                files = params_and_tags(run, title);
            } else {
                owner.member = member;
                owner.parent = own_id;
                name += " " + member;
                id = run_id_for(place, own_id + "-" + safe_name(member), owner, run_ids);
                files = {{"tags/mlflow.runName", short_line(name)},
                         {"tags/mlflow.parentRunId", own_id}};
            }
            files.emplace_back("tags/starling.run", owner.text());
            if (const auto written = write_run(run, id, name, place, std::move(files), all);
                !written) {
                return written;
            }
        }
    }
    return {};
}

}  // namespace starling
