#include "tests/campaign/reader_node.hpp"

#include "core/base/overloaded.hpp"
#include "core/json/json.hpp"

namespace starling::test {
namespace {

class ReaderNode final : public Node {
public:
    explicit ReaderNode(ReaderOptions options) : options_(std::move(options)) {}

    const NodeId& id() const override { return options_.id; }
    Role role() const override { return Role::tool; }

    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        now_ = now;
        std::visit(Overloaded{
                       [&](const Started&) {
                           dial(effects);
                           wait(options_.interval, effects);
                       },
                       [&](const PeerUp& up) {
                           sn_ = up.peer;
                           barrier_at_.reset();  // it may have been restarted since
                           ask(effects);
                       },
                       [&](const PeerLost& lost) {
                           if (sn_ == lost.peer) {
                               sn_.reset();
                               dial(effects);
                           }
                       },
                       [&](const ConnectFailed&) { failed_ = true; },
                       [&](const FrameReceived& received) { on_frame(received, effects); },
                       [&](const TimerDue&) { on_timer(effects); },
                       [&](const WorkDone&) {},
                       [](const Arrivals&) {},
                       [&](const StopRequested& stop) {
                           effects.push_back(Stop{0, stop.reason});
                       },
                   },
                   input);
    }

private:
    void dial(std::vector<Effect>& effects) {
        effects.push_back(Connect{options_.sns[at_++ % options_.sns.size()], Role::sn});
    }
    void wait(SwarmDuration duration, std::vector<Effect>& effects) const {
        effects.push_back(SetTimer{1, now_ + duration});
    }

    void on_timer(std::vector<Effect>& effects) {
        if (!reading_) {
            reading_ = true;
            asked_at_ = now_;
            barrier_done_ = !options_.barrier;
            barrier_sent_ = false;
            effects.push_back(Report{TraceEvent("read_sent")});
        }
        if (!sn_ && failed_) {
            failed_ = false;
            dial(effects);
        } else if (sn_ && now_ - asked_at_ > options_.patience) {
            asked_at_ = now_;
            dial(effects);  // the query goes to the next SN once it is connected
        }
        ask(effects);
        wait(options_.interval, effects);
    }

    void ask(std::vector<Effect>& effects) {
        if (!reading_ || !sn_) {
            return;
        }
        if (!barrier_done_ || (options_.barrier && barrier_at_ != sn_)) {
            barrier(effects);
        } else {
            effects.push_back(Send{*sn_, {StatusQuery{++query_, "version", "", false}, {}}});
        }
    }

    /// Another SN than the one that answered may lag behind, so it gets a barrier of its own.
    void barrier(std::vector<Effect>& effects) {
        if (barrier_done_ || !barrier_sent_) {
            ++sequence_;
            effects.push_back(Report{TraceEvent("command_sent")
                                         .with("session", options_.session)
                                         .with("sequence", sequence_)
                                         .with("kind", "read_barrier")});
        }
        barrier_done_ = false;
        barrier_sent_ = true;
        effects.push_back(
            Send{*sn_, {SubmitCommand{options_.session, sequence_, ReadBarrier{}}, {}}});
    }

    void on_frame(const FrameReceived& received, std::vector<Effect>& effects) {
        if (!reading_ || sn_ != received.from) {
            return;
        }
        const Message& message = received.frame.message;
        if (const auto* result = std::get_if<CommandResult>(&message)) {
            if (!barrier_done_ && barrier_sent_ && result->sequence == sequence_) {
                barrier_done_ = true;
                barrier_at_ = received.from;
                effects.push_back(Report{TraceEvent("command_answered")
                                             .with("session", options_.session)
                                             .with("sequence", sequence_)
                                             .with("code", static_cast<std::uint64_t>(result->code))
                                             .with("run", result->run)});
                ask(effects);
            }
        } else if (const auto* reply = std::get_if<StatusReply>(&message)) {
            on_reply(*reply, received.frame.body, effects);
        }
    }

    void on_reply(const StatusReply& reply, const Blob& body, std::vector<Effect>& effects) {
        if (!barrier_done_ || reply.id != query_ || reply.code != Errc::ok) {
            return;
        }
        const ByteView bytes = body.view();
        const Result<JsonValue> json =
            parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        const JsonValue* entries = json ? json->find("ledger_entries") : nullptr;
        const JsonValue* head = json ? json->find("ledger_head") : nullptr;
        if (entries == nullptr || head == nullptr) {
            return;
        }
        reading_ = false;
        effects.push_back(Report{
            TraceEvent("read_answered").with("entries", entries->text).with("head", head->text)});
    }

    ReaderOptions options_;
    SwarmTime now_{};
    std::optional<NodeId> sn_;
    std::size_t at_ = 0;
    bool failed_ = false;
    bool reading_ = false;
    SwarmTime asked_at_{};
    bool barrier_sent_ = false;
    bool barrier_done_ = false;
    std::optional<NodeId> barrier_at_;
    std::uint64_t sequence_ = 0;
    std::uint32_t query_ = 0;
};

}  // namespace

std::unique_ptr<Node> make_reader_node(ReaderOptions options) {
    return std::make_unique<ReaderNode>(std::move(options));
}

}  // namespace starling::test
