// A WorkerSink with real processes written in Python. worker() gives scripts a few words: event()
// waits for a message, events() are all of them, say() writes a frame, ok() and fail() answer.
#pragma once

#include "sinks/process/worker_sink.h"
#include "tests/sinks/process/process_fixture.h"

#include <set>
#include <string>

namespace penstock::sinks::process {

class WorkerSinkTest : public ProcessTest {
  protected:
    WorkerSinkTest() {
        workshop.limits.deferral_ms = 50;
        sink = make_worker_sink(workshop, options);
    }

    void python(const std::string& text) {
        const std::string path = script("worker" + std::to_string(++scripts_) + ".py", text);
        use(model::SinkKind::worker, {"/usr/bin/python3", "-S", "-E", path});
    }

    void worker(const std::string& text) {
        python(
            "import json, os, signal, sys\n"
            "def event():\n"
            "    line = sys.stdin.readline()\n"
            "    if not line: sys.exit(0)\n"
            "    return json.loads(line)\n"
            "def events():\n"
            "    while True: yield event()\n"
            "def say(frame): raw(json.dumps(frame) + '\\n')\n"
            "def raw(text): sys.stdout.write(text); sys.stdout.flush()\n"
            "def ok(e): say({'id': e['id'], 'ok': True})\n"
            "def fail(e, why): say({'id': e['id'], 'ok': False, 'error': why})\n" +
            text);
    }

  private:
    unsigned scripts_ = 0;
};

}  // namespace penstock::sinks::process
