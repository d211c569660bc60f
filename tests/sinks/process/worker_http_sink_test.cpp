// Supervised HTTP servers: real children on $PORT.
#include "sinks/process/worker_http_sink.h"

#include "tests/sinks/process/process_fixture.h"

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;

class WorkerHttpSinkTest : public ProcessTest {
  protected:
    WorkerHttpSinkTest() {
        WorkerHttpOptions http;
        http.process = options;
        http.identity.topic_owner = 12;
        sink = std::move(*make_worker_http_sink(workshop, http));
    }

    // A server whose answer to a POST is made by `text`; `body` and `self.headers` are there.
    void server(const std::string& text) {
        const std::string path =
            script("server.py",
                   "import http.server, json, os, signal, sys, time\n"
                   "class Handler(http.server.BaseHTTPRequestHandler):\n"
                   "    protocol_version = 'HTTP/1.1'\n"
                   "    def log_message(self, *args): pass\n"
                   "    def answer(self, status, text='', headers={}):\n"
                   "        self.send_response(status)\n"
                   "        for name in headers: self.send_header(name, headers[name])\n"
                   "        self.send_header('Content-Length', str(len(text)))\n"
                   "        self.end_headers(); self.wfile.write(text.encode())\n"
                   "    def do_POST(self):\n"
                   "        body = self.rfile.read(int(self.headers['Content-Length']))\n" +
                       text +
                       "http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), "
                       "Handler).serve_forever()\n");
        use(model::SinkKind::worker_http, {"/usr/bin/python3", path});
    }
};

TEST_F(WorkerHttpSinkTest, AChildThatAnswersTwoHundredAccepts) {
    target.spec.function.window = 4;
    server("        self.answer(200 if json.loads(body)['msgBody'] == 'hello' else 500)\n");
    for (std::uint64_t id = 1; id <= 20; ++id) deliver(id);
    for (std::uint64_t id = 1; id <= 20; ++id) {
        EXPECT_EQ(result_of(id).verdict, Verdict::accepted) << result_of(id).excerpt;
    }
    EXPECT_EQ(launcher->started, 1U);
}

TEST(SocketFolder, GoesWithWhatIsInItAndFollowsNothing) {
    const testing::TempFolder elsewhere;
    const std::filesystem::path kept = elsewhere.path() / "kept";
    std::ofstream(kept) << "kept";
    auto folder = std::move(*SocketFolder::make(0));
    const std::filesystem::path path = folder->path();
    std::ofstream(folder->socket()) << "a socket";
    std::ofstream(path / "server.pid") << "7";
    std::filesystem::create_symlink(kept, path / "link");
    folder.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(std::filesystem::exists(kept));

    folder = std::move(*SocketFolder::make(0));
    const std::filesystem::path other = folder->path();
    std::filesystem::remove(other);
    std::filesystem::create_directory_symlink(elsewhere.path(), other);
    folder.reset();
    EXPECT_TRUE(std::filesystem::exists(kept)) << "another folder in its place is let alone";
    std::filesystem::remove(other);
}

TEST_F(WorkerHttpSinkTest, AChildMayOpenTheUnixSocketInstead) {
    const std::string path = script("socket_server.py",
                                    "import http.server, os, socketserver\n"
                                    "class Handler(http.server.BaseHTTPRequestHandler):\n"
                                    "    protocol_version = 'HTTP/1.1'\n"
                                    "    def address_string(self): return 'socket'\n"
                                    "    def log_message(self, *args): pass\n"
                                    "    def do_POST(self):\n"
                                    "        self.rfile.read(int(self.headers['Content-Length']))\n"
                                    "        self.send_response(200)\n"
                                    "        self.send_header('Content-Length', '0')\n"
                                    "        self.end_headers()\n"
                                    "class Server(socketserver.ThreadingMixIn,\n"
                                    "             socketserver.UnixStreamServer): pass\n"
                                    "Server(os.environ['PENSTOCK_SOCKET'], Handler)"
                                    ".serve_forever()\n");
    target.spec.function.window = 4;
    use(model::SinkKind::worker_http, {"/usr/bin/python3", path});
    for (std::uint64_t id = 1; id <= 20; ++id) deliver(id);
    for (std::uint64_t id = 1; id <= 20; ++id) {
        EXPECT_EQ(result_of(id).verdict, Verdict::accepted) << result_of(id).excerpt;
    }
    EXPECT_EQ(launcher->started, 1U);
}

TEST_F(WorkerHttpSinkTest, AFullQueueOfConnectionsIsNoFault) {
    const std::string path = script("socket_server.py",
                                    "import http.server, os, socketserver, time\n"
                                    "class Handler(http.server.BaseHTTPRequestHandler):\n"
                                    "    protocol_version = 'HTTP/1.0'\n"
                                    "    def address_string(self): return 'socket'\n"
                                    "    def log_message(self, *args): pass\n"
                                    "    def do_POST(self):\n"
                                    "        self.rfile.read(int(self.headers['Content-Length']))\n"
                                    "        time.sleep(0.005)\n"
                                    "        self.send_response(200)\n"
                                    "        self.send_header('Content-Length', '0')\n"
                                    "        self.end_headers()\n"
                                    "class Server(socketserver.UnixStreamServer):\n"
                                    "    request_queue_size = 1\n"
                                    "Server(os.environ['PENSTOCK_SOCKET'], Handler)"
                                    ".serve_forever()\n");
    target.spec.function.window = 32;
    use(model::SinkKind::worker_http, {"/usr/bin/python3", path});
    for (std::uint64_t id = 1; id <= 64; ++id) deliver(id);
    for (std::uint64_t id = 1; id <= 64; ++id) {
        EXPECT_EQ(result_of(id).verdict, Verdict::accepted) << result_of(id).excerpt;
    }
    EXPECT_EQ(launcher->started, 1U);
}

TEST_F(WorkerHttpSinkTest, APushLooksAsOneToAWebhook) {
    target.spec.format = model::ContentFormat::simplified;
    meta.tags = {"paid"};
    server(
        "        self.answer(500, body.decode() + ' ' + self.headers['x-cmq-message-id'] + ' '"
        " + self.headers['x-cmq-message-tag'] + ' ' + self.path)\n");
    deliver(31, "raw body");
    EXPECT_EQ(result_of(31).verdict, Verdict::retry);
    EXPECT_EQ(result_of(31).failure, Failure::status);
    EXPECT_EQ(result_of(31).status, 500U);
    EXPECT_EQ(result_of(31).excerpt, "raw body 31 paid /");
}

TEST_F(WorkerHttpSinkTest, RetryAfterIsHeeded) {
    server("        self.answer(503, 'busy', {'Retry-After': '7'})\n");
    deliver(1);
    EXPECT_EQ(result_of(1).retry_after_ms, 7'000U);
}

TEST_F(WorkerHttpSinkTest, AHangingRequestIsATimeoutAndTheChildIsReplaced) {
    target.spec.timeout_ms = 300;
    server("        time.sleep(60)\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::retry);
    EXPECT_EQ(result_of(1).failure, Failure::timeout);
    EXPECT_TRUE(until([this]() { return launcher->running() == 0; }));
}

TEST_F(WorkerHttpSinkTest, ACrashInTheMiddleIsACrash) {
    server(
        "        sys.stderr.write('falling\\n'); sys.stderr.flush()\n"
        "        os.kill(os.getpid(), signal.SIGSEGV); time.sleep(60)\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::retry);
    EXPECT_EQ(result_of(1).failure, Failure::crash);
    EXPECT_EQ(result_of(1).log, "falling\n");
}

TEST_F(WorkerHttpSinkTest, AConnectionLostWithoutACrashIsAReset) {
    server("        self.connection.close(); self.close_connection = True\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::retry);
    EXPECT_EQ(result_of(1).failure, Failure::reset);
    EXPECT_EQ(launcher->running(), 1U);
}

TEST_F(WorkerHttpSinkTest, AChildThatStopsListeningIsReplaced) {
    server(
        "        if json.loads(body)['msgBody'] == 'close': self.server.socket.shutdown(2)\n"
        "        self.answer(200, '', {'Connection': 'close'})\n");
    deliver(1, "close");
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    deliver(2);
    EXPECT_EQ(result_of(2).verdict, Verdict::not_attempted);
    EXPECT_EQ(result_of(2).failure, Failure::no_worker);
    EXPECT_TRUE(until([this]() { return launcher->running() == 0; }));
    ASSERT_EQ(lines_of("server").size(), 1U);
    EXPECT_NE(lines_of("server")[0].find("was killed: it takes no connections any more"),
              std::string::npos);
    deliver(3);
    EXPECT_EQ(result_of(3).verdict, Verdict::accepted);
    EXPECT_EQ(launcher->started, 2U);
}

TEST_F(WorkerHttpSinkTest, AChildThatNeverListensIsACrashLoop) {
    target.spec.timeout_ms = 60'000;
    target.spec.function.startup_ms = 100;
    use(model::SinkKind::worker_http, {"/bin/sleep", "60"});
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::not_attempted);
    EXPECT_EQ(result_of(1).failure, Failure::configuration);
    EXPECT_NE(result_of(1).disable, "");
}

TEST_F(WorkerHttpSinkTest, WhatTheChildPrintsIsInTheLog) {
    server("        print('served', flush=True); self.answer(204)\n");
    deliver(1);
    EXPECT_EQ(result_of(1).verdict, Verdict::accepted);
    EXPECT_TRUE(until([this]() { return !lines_of("stdout").empty(); }));
    EXPECT_EQ(lines_of("stdout"), std::vector<std::string>{"served"});
}

}  // namespace
}  // namespace penstock::sinks::process
