// The extension module swarmlearning._client: TrainingClient for Python. The package around it
// (swarmlearning/) is what users see.
#include <atomic>
#include <memory>
#include <thread>

#include <pthread.h>
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "deploy/python/python_buffers.hpp"
#include "deploy/python/training_client.hpp"

namespace py = pybind11;

namespace starling {
namespace {

constexpr std::chrono::milliseconds signal_pause{50};  ///< Ctrl-C is seen within this time

/// Counts in a child process that was forked from this one: threads do not exist there.
std::atomic<int> forks{0};

[[noreturn]] void refuse_call(std::string what) {
    throw SwarmError(Error{Errc::program, "SwarmCallback: " + std::move(what)});
}

/// Waits for a step, without the interpreter's lock. A question is answered with it.
void wait_for_step(NodeThread& node) {
    std::optional<py::error_already_set> raised;
    for (;;) {
        NodeThread::Progress progress;
        {
            const py::gil_scoped_release unlocked;
            progress = node.wait(signal_pause);
        }
        if (progress.question) {
            std::optional<std::string> failed;
            try {
                progress.question();
            } catch (py::error_already_set& error) {
                failed = error.what();
                raised.emplace(error);
            } catch (const std::exception& error) {  // a hook's result has another type
                failed = error.what();
            }
            node.answer(std::move(failed));
        }
        if (progress.over) {
            break;
        }
        if (PyErr_CheckSignals() != 0) {
            const py::error_already_set interrupted;
            node.abandon("interrupted");
            throw interrupted;
        }
    }
    if (raised) {
        throw *raised;
    }
    node.rethrow();
}

template <typename T, typename Parse>
void set_option(T& option, const std::string& text, const Parse& parse) {
    auto parsed = parse(text);
    if (!parsed) {
        throw SwarmError(Error{Errc::usage, "SwarmCallback: " + parsed.error().message});
    }
    option = *parsed;
}

SwarmCallbackOptions callback_options(const py::dict& given) {
    SwarmCallbackOptions options;
    const auto seconds = [](const py::handle& value) {
        return std::chrono::duration_cast<SwarmDuration>(
            std::chrono::duration<double>(value.cast<double>()));
    };
    for (const auto& [key, value] : given) {
        const auto name = key.cast<std::string>();
        if (name == "sync_frequency") {
            options.sync_frequency = value.cast<std::uint32_t>();
        } else if (name == "min_peers") {
            options.min_peers = value.cast<std::uint32_t>();
        } else if (name == "node_weightage") {
            options.node_weightage = value.cast<std::uint32_t>();
        } else if (name == "end_mode") {
            set_option(options.end_mode, value.cast<std::string>(), parse_end_mode);
        } else if (name == "contract") {
            options.contract = value.cast<std::string>();
        } else if (name == "total_epochs") {
            options.total_epochs = value.cast<std::uint32_t>();
        } else if (name == "batch_size") {
            options.batch_size = value.cast<std::uint32_t>();
        } else if (name == "grace") {
            options.grace = seconds(value);
        } else if (name == "wait_limit") {
            options.wait_limit = seconds(value);
        } else if (name == "slowest_link") {
            options.slowest_link = value.cast<std::uint64_t>();
        } else if (name == "merge_rule") {
            options.merge_rule = value.cast<std::string>();
        } else if (name == "exchange") {
            set_option(options.exchange, value.cast<std::string>(), parse_exchange_plan);
        } else if (name == "compression") {
            options.compression = value.cast<std::string>();
        } else if (name == "non_finite") {
            set_option(options.non_finite, value.cast<std::string>(), parse_non_finite_policy);
        } else if (name == "sync_until") {
            set_option(options.sync_until, value.cast<std::string>(), parse_sync_until);
        } else if (name == "durable") {
            set_option(options.durable, value.cast<std::string>(), parse_durability);
        } else if (name == "workload") {
            options.workload = value.cast<std::string>();
        } else {
            refuse_call("unknown option '" + name + "'");
        }
    }
    return options;
}

/// TrainingClient with Python's types, which one thread of one process may use.
class Client {
public:
    explicit Client(std::vector<std::string> arguments)
        : owner_(std::this_thread::get_id()), born_(forks.load()) {
        // With the lock: the constructor returns when the node runs, a matter of milliseconds.
        client_ = std::make_unique<TrainingClient>(std::move(arguments), wait_for_step);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() {
        if (is_forked()) {
            client_.release();  // NOLINT: its threads are those of the parent process
        }
    }

    void open(const py::sequence& tensors, const py::dict& options, const py::object& save,
              const py::object& load) {
        check_caller();
        std::optional<StateHooks> hooks;
        if (!save.is_none()) {
            hooks = StateHooks{
                [save] {
                    const py::bytes saved(save());
                    const std::string_view view(saved);
                    const auto bytes = std::as_bytes(std::span(view.data(), view.size()));
                    return Bytes(bytes.begin(), bytes.end());
                },
                [load](ByteView in) {
                    const py::object refused =
                        load(py::bytes(reinterpret_cast<const char*>(in.data()), in.size()));
                    return refused.is_none() ? std::string() : refused.cast<std::string>();
                }};
        }
        client_->open(tensor_specs(tensors), callback_options(options), std::move(hooks));
    }
    SyncOutcome begin(const py::sequence& arrays) {
        check_caller();
        const PythonBuffers buffers(client_->tensors(), arrays);
        return client_->begin(buffers.blocks());
    }
    bool count_batch(double loss) {
        check_caller();
        return client_->count_batch(loss);
    }
    SyncOutcome sync(const py::sequence& arrays, std::optional<double> loss) {
        check_caller();
        const PythonBuffers buffers(client_->tensors(), arrays);
        return client_->sync(buffers.blocks(), loss);
    }
    SyncOutcome end(const py::sequence& arrays, std::optional<double> loss) {
        check_caller();
        const PythonBuffers buffers(client_->tensors(), arrays);
        return client_->end(buffers.blocks(), loss);
    }
    void end_epoch() {
        check_caller();
        client_->end_epoch();
    }
    void report(const std::string& name, double value) {
        check_caller();
        client_->report(name, value);
    }
    void log(const std::string& level, std::string text, std::string component) {
        check_caller();
        const Level parsed = level == "warning" ? Level::warning
                             : level == "error" ? Level::error
                                                : Level::info;
        client_->log(parsed, std::move(text), std::move(component));
    }
    int close(std::optional<std::string> failure) {
        if (is_forked() || closed_) {
            return 0;
        }
        closed_ = true;
        const py::gil_scoped_release unlocked;
        return client_->close(std::move(failure));
    }
    bool is_forked() const { return forks.load() != born_; }
    std::string name() const { return client_->name(); }
    std::uint64_t epochs_done() const { return client_->epochs_done(); }

private:
    void check_caller() const {
        if (is_forked()) {
            refuse_call(
                "called in a forked process (a worker of a data loader?): only the process that "
                "made the callback is a member of the swarm");
        }
        if (std::this_thread::get_id() != owner_) {
            refuse_call("called from another thread than the one that made it");
        }
        if (closed_) {
            refuse_call("used after its end");
        }
        if (client_->node().has_ended()) {
            client_->node().rethrow();
        }
    }

    std::unique_ptr<TrainingClient> client_;
    std::thread::id owner_;
    int born_;
    bool closed_ = false;
};

/// SwarmError of C++ as that of Python.
void translate(std::exception_ptr thrown) {
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const SwarmError& error) {
        const py::object type =
            py::module_::import("swarmlearning.client.swarm").attr("SwarmError");
        const py::object raised = type(error.what(), exit_code_of(error.error().code));
        PyErr_SetObject(type.ptr(), raised.ptr());
    }
}

}  // namespace
}  // namespace starling

PYBIND11_MODULE(_client, module) {
    using starling::Client;
    using starling::SyncOutcome;
    module.doc() = "The ML node of Starling for Python; used by the package swarmlearning";
    ::pthread_atfork(nullptr, nullptr, [] { ++starling::forks; });
    py::register_exception_translator(starling::translate);
    py::class_<SyncOutcome>(module, "SyncOutcome")
        .def_readonly("rounds", &SyncOutcome::rounds)
        .def_readonly("ended", &SyncOutcome::ended)
        .def_readonly("digest", &SyncOutcome::digest)
        .def_property_readonly("resumed_epochs",
                               [](const SyncOutcome& self) { return self.resumed.epochs_done; })
        .def_property_readonly("resumed_batches",
                               [](const SyncOutcome& self) { return self.resumed.batches_done; });
    py::class_<Client>(module, "Client")
        .def(py::init<std::vector<std::string>>(), py::arg("arguments"))
        .def("open", &Client::open, py::arg("tensors"), py::arg("options"),
             py::arg("save") = py::none(), py::arg("load") = py::none())
        .def("begin", &Client::begin, py::arg("arrays"))
        .def("count_batch", &Client::count_batch, py::arg("loss"))
        .def("sync", &Client::sync, py::arg("arrays"), py::arg("loss") = py::none())
        .def("end", &Client::end, py::arg("arrays"), py::arg("loss") = py::none())
        .def("end_epoch", &Client::end_epoch)
        .def("report", &Client::report, py::arg("name"), py::arg("value"))
        .def("log", &Client::log, py::arg("level"), py::arg("text"), py::arg("component"))
        .def("close", &Client::close, py::arg("failure") = py::none())
        .def_property_readonly("name", &Client::name)
        .def_property_readonly("epochs_done", &Client::epochs_done);
}
