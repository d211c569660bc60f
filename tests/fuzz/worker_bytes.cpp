// What functions send: frames in both framings, answers, events, the supervisor's messages, the
// requests of runtimes; what endpoints answer to batches and to handshakes.
#include "sinks/http/answer_outputs.h"
#include "sinks/http/batch_answer.h"
#include "sinks/http/handshake_answer.h"
#include "sinks/process/runtime_wire.h"
#include "sinks/worker/control.h"
#include "sinks/worker/protocol.h"
#include "tests/fuzz/target.h"

namespace penstock::fuzz {
namespace {

using namespace sinks::worker;

// All frames, and how it ended.
std::string read_frames(Framing framing, std::string_view bytes, std::size_t cut) {
    FrameReader reader(framing, 256);
    std::string heard;
    for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
        const bool good = static_cast<bool>(reader.put(part));
        while (const auto frame = good ? reader.next() : std::nullopt) {
            check(frame->size() <= 256, "a frame within its limit");
            heard.append(*frame).push_back('|');
        }
        if (!good) return heard + "broken";
    }
    return heard;
}

void take_stream(Framing framing, std::string_view bytes) {
    const std::string whole = read_frames(framing, bytes, bytes.size());
    const std::string pieces = read_frames(framing, bytes, some_cut(bytes));
    // In pieces, what stands before a fault is heard first.
    check(whole == pieces || whole.ends_with("broken"), "however it is cut");
    check(whole.ends_with("broken") == pieces.ends_with("broken"), "broken or not");
}

void take_event(std::string_view bytes) {
    const auto event = decode_event(bytes);
    if (!event) return;
    const auto again = decode_event(encode_event(*event));
    check(again && again->id == event->id && again->tags == event->tags, "an event comes back");
}

void take_control(std::string_view bytes) {
    if (const auto message = decode_to_supervisor(bytes)) {
        const std::string encoded = encode(*message);
        const auto again = decode_to_supervisor(encoded);
        check(again && encode(*again) == encoded, "an order comes back");
        if (const auto* start = std::get_if<StartProcess>(&*message)) {
            (void)complaint_about(start->order, start->files);
        }
    }
    const auto message = decode_from_supervisor(bytes);
    if (!message) return;
    const std::string encoded = encode(*message);
    const auto again = decode_from_supervisor(encoded);
    check(again && encode(*again) == encoded, "what the supervisor says comes back");
}

void take_runtime(std::string_view bytes) {
    const std::string_view first = bytes.substr(0, some_cut(bytes));
    (void)sinks::process::parse_runtime_call("POST", bytes);
    const auto failure = sinks::process::parse_runtime_error(bytes, first);
    const std::string line = failure.line();
    check(line.find('\n') == std::string::npos, "one line");
}

// An answer of success, as all that asks for more than its status reads it.
void take_answer(std::string_view bytes) {
    sinks::client::Exchange exchange;
    exchange.ending = sinks::client::Ending::answered;
    exchange.complete = true;
    exchange.answer.status = 200;
    exchange.answer.body = bytes;
    sinks::AttemptResult publishing;
    sinks::http::take_outputs(exchange, publishing);
    const bool accepted = publishing.verdict == model::Verdict::accepted;
    check(accepted == publishing.excerpt.empty(), "a failure has its reason");
    check(accepted || !publishing.effects, "all is published or nothing");
    api::Delivery one;
    one.message = model::MessageId(71);
    api::Delivery other;
    other.message = model::MessageId(72);
    const auto results = sinks::http::batch_results({&one, &other}, {}, exchange);
    check(results.size() == 2, "a result a message");
    sinks::http::HandshakeQuestion question;
    question.kind = model::Handshake::challenge;
    question.expected = "0123abcd";
    if (sinks::http::judge_handshake(question, exchange, 1)) {
        check(bytes.find("0123abcd") != std::string_view::npos ||
                  bytes.find('\\') != std::string_view::npos,
              "nobody agrees without the challenge");
    }
}

}  // namespace

void one_input(std::string_view bytes) {
    switch (take_choice(bytes, 8)) {
        case 0:
            return take_stream(Framing::lines, bytes);
        case 1:
            return take_stream(Framing::content_length, bytes);
        case 2: {
            const Heard heard = decode_frame(bytes);
            (void)result_body(heard.answer);
            return;
        }
        case 3:
            (void)decode_order(bytes);
            return;
        case 4:
            return take_event(bytes);
        case 5:
            return take_control(bytes);
        case 6:
            return take_runtime(bytes);
        default:
            return take_answer(bytes);
    }
}

std::vector<std::string> seeds() {
    Event event;
    event.id = "7";
    event.topic = "t";
    event.tags = {"a"};
    event.body = "body";
    StartProcess start;
    start.order.command = {"/bin/true", "x"};
    start.order.folder = "/";
    Ended ended;
    ended.end.detail = "why";
    Hello hello;
    hello.layers = {{"cgroup", "v2"}};
    return {
        chosen(0, "{\"id\":\"7\",\"ok\":true}\n\nplain text\r\n"),
        chosen(1, framed(Framing::content_length, "{\"id\":\"7\",\"ok\":true}")),
        chosen(2, R"({"id":"7","ok":true,"result":{"a":[1,2.5,null]}})"),
        chosen(2, R"({"id":"7","ok":false,"error":"e","retry_after_ms":9,"dead":true})"),
        chosen(2, R"({"type":"publish","id":"7","topic":"t","body_base64":"YQ==","tags":["x"]})"),
        chosen(2, R"({"id":"7","ok":true,"writes":[{"key":"k","add":1}],"reads":[]})"),
        chosen(2, R"({"type":"call","id":"7","call":3,"name":"http","url":"http://a"})"),
        chosen(2, R"({"type":"log","level":"info","text":"\ud800"})"),
        chosen(3, event_frame("7", event, 99, "filter")),
        chosen(3, R"({"type":"script","role":"handler","version":2,"code":"x"})"),
        chosen(4, encode_event(event)),
        chosen(7, R"({"publish":[{"queue":"q","json":{"n":1.50}},{"topic":"t","body":"]"}]})"),
        chosen(7, R"({"batchItemFailures":[{"itemIdentifier":"72"}]})"),
        chosen(7, "[200,503]"),
        chosen(7, R"({"challenge":"0123abcd"})"),
        chosen(5, encode(ToSupervisor(start))),
        chosen(5, encode(ToSupervisor(SignalProcess{1, 9}))),
        chosen(5, encode(FromSupervisor(ended))),
        chosen(5, encode(FromSupervisor(hello))),
        chosen(6, "/2018-06-01/runtime/invocation/abc/response"),
        chosen(6, "/runtime/invocation/error"),
        chosen(6, R"({"errorMessage":"m\n2","errorType":"T","stackTrace":["a","b"]})")};
}

}  // namespace penstock::fuzz
