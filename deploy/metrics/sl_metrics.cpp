#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "core/trace/event_fields.hpp"
#include "deploy/metrics/contract_metrics.hpp"
#include "deploy/metrics/role_metrics.hpp"

namespace starling {
namespace {

/// Each is a time series in Prometheus; a program that makes up names shall not fill it.
constexpr std::size_t scalar_names_max = 64;

class SlMetrics final : public RoleMetrics {
public:
    void count(SwarmTime time, const TraceEvent& event) override;
    void write(Exposition& out) const override;

private:
    MetricsByContract contracts_;
    std::string contract_;  ///< of which it is a member
    std::uint64_t sent_bytes_ = 0;
    std::uint64_t received_bytes_ = 0;
    std::uint64_t samples_ = 0;
    std::uint64_t epochs_ = 0;
    std::optional<double> last_loss_;
    std::map<std::string, double, std::less<>> scalars_;  ///< by name: their newest value
    std::uint64_t not_finite_ = 0;
};

void SlMetrics::count(SwarmTime time, const TraceEvent& event) {
    const EventFields fields(event);
    if (event.name == "session_opened") {
        contract_ = fields.text("contract");
        contracts_[contract_];
        return;
    }
    ContractMetrics& metrics = contracts_[contract_];
    if (event.name == "check_in") {
        metrics.first_check_in = time;
        samples_ += fields.number("samples").value_or(0);
        epochs_ = fields.number("epochs").value_or(0);
        if (const auto millionths = fields.number("loss_millionths")) {
            last_loss_ = static_cast<double>(*millionths) / 1e6;
        }
    } else if (event.name == "scalar") {
        const std::string_view name = fields.text("name");
        if (scalars_.size() < scalar_names_max || scalars_.contains(name)) {
            scalars_[std::string(name)] = fields.real("value").value_or(std::nan(""));
        }
    } else if (event.name == "own_parameters_not_finite") {
        ++not_finite_;
    } else if (event.name == "exchange_early") {
        metrics.begins_early(time);
    } else if (event.name == "merged_early") {
        metrics.merged_early(time);
    } else if (event.name == "exchange_begin") {
        metrics.attempt_begins(time, fields);
    } else if (event.name == "exchange_done") {
        sent_bytes_ += fields.number("sent_bytes").value_or(0);
        received_bytes_ += fields.number("received_bytes").value_or(0);
        metrics.exchange_ends(time);
    } else if (event.name == "round_done") {
        metrics.round_committed(time, fields);
    }
}

void SlMetrics::write(Exposition& out) const {
    write_rounds(contracts_, Role::sl, out);
    out.family("starling_exchange_sent_bytes_total", "counter",
               "Parameters sent to other members, counted at the end of an exchange.");
    out.sample({}, sent_bytes_);
    out.family("starling_exchange_received_bytes_total", "counter",
               "Parameters received from other members, counted at the end of an exchange.");
    out.sample({}, received_bytes_);
    out.family("starling_trained_samples_total", "counter",
               "Samples that this member has trained on, according to its check-ins.");
    out.sample({}, samples_);
    out.family("starling_epochs_done", "gauge", "Epochs that its training has finished.");
    out.sample({}, epochs_);
    out.family("starling_last_loss", "gauge",
               "Loss of the local training at the last check-in that included one.");
    if (last_loss_) {
        out.sample({}, *last_loss_);
    }
    out.family("starling_scalar", "gauge",
               "Newest value of a name that the program reports, such as its accuracy; at most 64 "
               "names.");
    for (const auto& [name, value] : scalars_) {
        out.sample({{"name", name}}, value);
    }
    out.family("starling_non_finite_parameters_total", "counter",
               "Rounds to which this node's program contributed NaN or infinity.");
    out.sample({}, not_finite_);
}

}  // namespace

std::unique_ptr<RoleMetrics> make_sl_metrics() { return std::make_unique<SlMetrics>(); }

}  // namespace starling
