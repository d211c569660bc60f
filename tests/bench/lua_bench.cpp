// lua_bench: how many handlers a second penstock-lua runs by itself: frames in, frames out, no pipe
// and no server. The handler decodes a JSON event of 1 KiB, changes it and encodes it again. Not a
// test: it prints figures.
//
//   lua_bench [messages]
#include "broker/base/clock.h"
#include "lua/budget.h"
#include "lua/cpu_watch.h"
#include "lua/worker.h"
#include "sinks/worker/protocol.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace penstock::lua {
namespace {

constexpr std::size_t window = 64;  // frames between two flushes

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// An order of 1 KiB with nested objects, lists, texts and both kinds of numbers.
std::string order() {
    std::string body =
        R"({"id":10482,"type":"order.created","customer":{"id":77,"name":"Zoe","mail":)"
        R"("zoe@customers.example","tags":["gold","eu"]},"total":123.45,"paid":true,"lines":[)";
    for (int line = 0; line < 10; ++line) {
        body += line == 0 ? "" : ",";
        body += R"({"sku":"KTL-)" + std::to_string(line) + R"(","title":"Steel kettle, 1 l",)" +
                R"("quantity":1,"price":49.90,"weight":1200})";
    }
    return body + R"(],"note":null})";
}

void measure(const char* what, const std::string& code, std::size_t messages) {
    std::string out;
    const SystemClock clock;
    Worker worker(Limits{}, clock, out, [] {});
    worker.hear(sinks::worker::script_frame({"handler", 1, code}));
    sinks::worker::Event event;
    event.topic = "orders";
    event.subscription = "bench";
    event.content_type = "application/json";
    event.body = order();
    std::vector<std::string> frames;
    for (std::size_t at = 0; at < window; ++at) {
        event.id = std::to_string(at);
        frames.push_back(sinks::worker::event_frame(event.id, event, clock.wall_ms() + 3'600'000));
    }
    out.clear();
    std::size_t bytes = 0;
    const double cpu_before = cpu_seconds();
    const auto before = std::chrono::steady_clock::now();
    for (std::size_t done = 0; done < messages; done += window) {
        for (const std::string& frame : frames) worker.hear(frame);
        worker.rest();
        bytes += out.size();
        out.clear();
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - before;
    const double cpu = cpu_seconds() - cpu_before;
    const auto count = static_cast<double>(messages);
    std::printf("%-34s %8.0f/s  %6.2f us CPU  %4.0f bytes out  %4zu KiB state\n",
                what,
                count / spent.count(),
                cpu / count * 1e6,
                static_cast<double>(bytes) / count,
                worker.memory_used() / 1024);
}

int run(std::size_t messages) {
    if (!CpuWatch::arm(&budget_hook)) return EXIT_FAILURE;
    std::printf(
        "event body %zu bytes, window %zu, %zu messages\n", order().size(), window, messages);
    measure("empty handler", "function handle(event, ctx) end", messages);
    measure("decode", "function handle(event, ctx) local o = event:json() end", messages);
    measure("decode, change, encode",
            "function handle(event, ctx)\n"
            "  local o = event:json()\n"
            "  o.seen = true\n"
            "  return json.encode(o)\n"
            "end",
            messages);
    measure("decode, change, publish, kv add",
            "function handle(event, ctx)\n"
            "  local o = event:json()\n"
            "  o.seen = true\n"
            "  ctx.publish('done', {json = o})\n"
            "  ctx.kv:add('count', 1)\n"
            "end",
            messages);
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace penstock::lua

int main(int count, char** arguments) {
    const std::size_t messages = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 200'000;
    return penstock::lua::run(messages);
}
