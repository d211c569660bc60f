// Supervised HTTP servers behind the walls of the sandbox: a real supervisor, a real server.
#include "broker/base/random.h"
#include "sinks/process/worker_http_sink.h"
#include "sinks/worker/envelope.h"
#include "tests/sinks/worker/supervised.h"

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;
using worker::SandboxProfile;

// Serves what `place` says and answers 200 if the body is the one it waits for.
std::string server_at(const std::string& place) {
    return "import http.server, os, socketserver\n"
           "class Handler(http.server.BaseHTTPRequestHandler):\n"
           "    protocol_version = 'HTTP/1.1'\n"
           "    def address_string(self): return 'client'\n"
           "    def log_message(self, *args): pass\n"
           "    def do_POST(self):\n"
           "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
           "        self.send_response(200 if body == b'hello' else 500)\n"
           "        self.send_header('Content-Length', '0')\n"
           "        self.end_headers()\n"
           "class AtSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): pass\n" +
           place + ".serve_forever()\n";
}

const std::string at_socket = "AtSocket(os.environ['PENSTOCK_SOCKET'], Handler)";
const std::string at_port =
    "http.server.HTTPServer(('127.0.0.1', int(os.environ.get('PORT', 8123))), Handler)";

class WorkerHttpWalls : public worker::testing::Supervised {
  protected:
    void open_sink(SandboxProfile profile) {
        open();
        WorkerHttpOptions options;
        options.process.profile = profile;
        options.process.environment = worker::inherited_environment();
        log_book_ = std::make_unique<worker::LogBook>(context_.get_executor(), clock_, *link_);
        workshop_ = std::make_unique<worker::Workshop>(worker::Workshop{
            context_.get_executor(), clock_, random_, *link_, *log_book_, worker::PoolLimits{}});
        sink_ = std::move(*make_worker_http_sink(*workshop_, options));
        target_.subscription = model::SubscriptionNo(7);
        target_.topic = "events";
        target_.name = "score";
        target_.spec.sink = model::SinkKind::worker_http;
        target_.spec.format = model::ContentFormat::simplified;
        target_.spec.timeout_ms = 20'000;
    }

    ~WorkerHttpWalls() override {
        if (sink_) sink_->stop();
    }

    void serve(const std::string& place) {
        const auto path = folder_ / "server.py";
        std::ofstream(path) << server_at(place);
        ::chmod(path.c_str(), 0644);
        target_.spec.function.command = {"/usr/bin/python3", path.string()};
        target_.spec.function.folder = folder_.string();
    }

    AttemptResult result_of(const std::string& body) {
        api::Delivery delivery;
        delivery.subscription = target_.subscription;
        delivery.message = model::MessageId(1);
        delivery.payload = body;
        std::optional<AttemptResult> told;
        sink_->deliver(target_, delivery, [&told](AttemptResult result) { told = result; });
        EXPECT_TRUE(until([&] { return told.has_value(); }));
        return told.value_or(AttemptResult{});
    }

    SystemClock clock_;
    SeededRandom random_{1};
    std::unique_ptr<worker::LogBook> log_book_;
    std::unique_ptr<worker::Workshop> workshop_;
    std::unique_ptr<Sink> sink_;
    api::Target target_;
};

TEST_F(WorkerHttpWalls, AServerAtTheUnixSocketWorksInTheProfileStrict) {
    open_sink(SandboxProfile::strict);
    if (layer("namespaces") != "on") return;
    serve(at_socket);
    EXPECT_EQ(result_of("hello").verdict, Verdict::accepted) << result_of("hello").excerpt;
    const AttemptResult other = result_of("goodbye");
    EXPECT_EQ(other.verdict, Verdict::retry);
    EXPECT_EQ(other.status, 500U);
}

TEST_F(WorkerHttpWalls, AServerAtTheUnixSocketOrThePortWorksInTheProfileDefault) {
    open_sink(SandboxProfile::standard);
    for (const std::string& place : {at_socket, at_port}) {
        serve(place);
        EXPECT_EQ(result_of("hello").verdict, Verdict::accepted) << place;
        sink_->forget(target_);
    }
}

TEST_F(WorkerHttpWalls, AServerAtAPortIsToldWhyStrictDoesNotReachIt) {
    open_sink(SandboxProfile::strict);
    if (layer("namespaces") != "on") return;
    serve(at_port);
    target_.spec.function.startup_ms = 300;
    const AttemptResult result = result_of("hello");
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::configuration);
    EXPECT_NE(result.disable.find("was not ready within 300 ms (the sandbox profile strict has no "
                                  "network, it must accept connections at the Unix socket in "
                                  "PENSTOCK_SOCKET) and was ended"),
              std::string::npos)
        << result.disable;
}

}  // namespace
}  // namespace penstock::sinks::process
