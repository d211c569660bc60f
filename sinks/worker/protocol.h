// The worker protocol: what travels between the server and a long-lived worker process,
// penstock-lua included. One JSON object a frame, one frame a line (or behind a Content-Length
// head). Values and pure functions, any thread. Malformed input is a Result error, never an
// exception.
//
//   to the worker
//     {"type":"event","id":"7","event":{EVENT},"deadline_ms":WALL}        one message to handle;
//       penstock-lua is told which script by "role" (absent: handler). For a filter the answer's
//       result is true or false, for a transform it is the new body (a text or any other JSON)
//     {"type":"result","call":3,"ok":true,...} | {..,"ok":false,"error":"..."}   answer to a call
//     {"type":"script","role":"handler|filter|transform","version":2,"code":"..."}   penstock-lua;
//       an optional "name" is what its error lines begin with, else the role
//   from the worker
//     {"id":"7","ok":true,"result":ANY}
//     {"id":"7","ok":false,"error":"...","retry_after_ms":N,"dead":true}
//     {"type":"ready"}
//     {"type":"log","id":"7","level":"info","text":"..."}                 id may be absent
//     {"type":"publish","id":"7","topic"|"queue":"...","body"|"body_base64"|"json":...,"tags":[],
//      "routing_key":"","ordering_key":"","content_type":"","delay_ms":0}  kept until the answer
//     {"type":"extend","id":"7","by_ms":N}                                a later deadline
//   from penstock-lua only
//     {"type":"loaded","role":"...","version":2} | {...,"error":"..."}
//     {"type":"call","id":"7","call":3,"name":"http","method":"POST","url":"...","headers":{},
//      "body"|"body_base64":"...","timeout_ms":N,"idempotency":N}  the ordinal of the call within
//      its
//       message, the same in a rerun; all but the url may be absent. The result has
//       "status":N,"headers":{},"body"|"body_base64":"..."
//     {"type":"call","id":"7","call":4,"name":"kv_get","key":"..."}  The result has "version":N
//       (0: no such row) and, of a row, "value"|"value_base64":"..."
//       `call` is never used again within the process.
//     answers with "dropped":true, "writes":[WRITE], "reads":[{"key":"...","version":N}]
//     {"type":"tripped","id":"7","error":"..."}: a budget was broken. It stands for the answer and
//     is the message's last frame; the process ends itself if it cannot stop the script
//     "result_base64" in place of "result" for a text that is no UTF-8
//   EVENT: id topic subscription tags[] routing_key ordering_key attempt publish_time (RFC 3339,
//   ms)
//     headers{} content_type body | body_base64, and when it is replayed "replay":"JOB"
//   WRITE: {"key":"...","value":"..."|"value_base64":"...","ttl_ms":N} | {"key","delete":true}
//     | {"key","add":N}
// Unknown types are ignored; a line that is no JSON object is a log line of the worker.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::worker {

// A message as every function sees it.
struct Event {
    std::string id;
    std::string topic;
    std::string subscription;  // without the topic
    std::vector<std::string> tags;
    std::string routing_key;
    std::string ordering_key;
    std::uint32_t attempt = 1;
    std::int64_t published_ms = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string content_type;
    std::string body;
    std::string replay;  // number of the job that replays it; empty: none

    friend bool operator==(const Event&, const Event&) = default;
};

// The EVENT object alone: `--exec` with an envelope, `fn test --event`.
std::string encode_event(const Event& event);
Result<Event> decode_event(std::string_view json);  // Error{invalid}: says which member is wrong

// ---- JSON by hand, for the members of result frames --------------------------------------------

// `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. Gives whether
// there were none.
bool append_text(std::string& out, std::string_view text);

bool is_utf8(std::string_view bytes);

// "NAME":"..." where `bytes` are UTF-8, else (and for control bytes in mass) "NAME_base64":"...".
void append_bytes(std::string& out, std::string_view name, std::string_view bytes);

// ---- to the worker; each gives the JSON of one frame, without line end -------------------------

std::string event_frame(std::string_view id,
                        const Event& event,
                        std::int64_t deadline_ms,
                        std::string_view role = {});

struct Script {
    std::string role;  // handler, filter, transform
    std::uint32_t version = 0;
    std::string code;
    std::string name = {};  // what error lines begin with; empty: the role
};

std::string script_frame(const Script& script);

// `members` is the JSON of further members ("\"status\":200,...") or empty.
std::string result_frame(std::uint64_t call, std::string_view members);
std::string failed_result_frame(std::uint64_t call, std::string_view error);

// One frame to a worker, as penstock-lua reads it.
struct Order {
    enum class Kind : std::uint8_t { event, result, script, ignored };
    Kind kind = Kind::ignored;
    std::string id;    // event
    std::string role;  // event: handler where the frame has none
    Event event;
    std::int64_t deadline_ms = 0;  // event; 0: none
    Script script;
    std::uint64_t call = 0;  // result
    bool ok = false;         // result
    std::string error;       // result, not ok
    std::string arguments;   // result: the whole frame, JSON
    std::string problem;     // what is wrong with the frame; kind and id as far as they are known
};

Order decode_order(std::string_view frame);

// ---- from the worker ---------------------------------------------------------------------------

struct Publish {
    std::string topic;  // or
    std::string queue;
    std::string body;
    std::vector<std::string> tags;
    std::string routing_key;
    std::string ordering_key;
    std::string content_type;
    std::uint64_t delay_ms = 0;

    friend bool operator==(const Publish&, const Publish&) = default;
};

// All of it but the body: names, tags, keys.
std::size_t bytes_besides(const Publish& publish);

struct Write {
    enum class Kind : std::uint8_t { put = 1, erase = 2, add = 3 };
    std::string key;
    Kind kind = Kind::put;
    std::string value;
    std::int64_t amount = 0;
    std::uint64_t ttl_ms = 0;  // 0: for ever

    friend bool operator==(const Write&, const Write&) = default;
};

struct Read {
    std::string key;
    std::uint64_t version = 0;  // 0: there was no such key

    friend bool operator==(const Read&, const Read&) = default;
};

struct Answer {
    bool ok = false;
    bool dead = false;
    bool dropped = false;
    std::string error;
    std::uint32_t retry_after_ms = 0;  // 0: the policy alone
    std::string result;                // JSON, or empty
    std::string result_bytes;          // "result_base64", decoded; result is empty then
    std::vector<Write> writes;
    std::vector<Read> reads;
};

// What an answer's result is as a body: a text as it is, anything else as JSON.
std::string result_body(const Answer& answer);

struct Log {
    std::string level;
    std::string text;
};

struct Call {
    std::uint64_t number = 0;
    std::string name;
    std::string arguments;  // the whole frame, JSON
};

struct Loaded {
    std::string role;
    std::uint32_t version = 0;
    std::string error;  // empty: it compiled and ran
};

// One frame from a worker, strictly checked.
struct Heard {
    enum class Kind : std::uint8_t {
        answer,
        ready,
        log,
        publish,
        extend,
        loaded,
        call,
        tripped,
        ignored,  // an unknown type
        text      // not a JSON object: a line for the log
    };
    Kind kind = Kind::ignored;
    std::string id;  // of the message it belongs to; empty: none
    Answer answer;   // tripped: answer.error says which budget
    Log log;
    Publish publish;
    std::uint64_t extend_ms = 0;
    Loaded loaded;
    Call call;
    std::string problem;  // a known type with a wrong member: what is wrong (then kind says which)
};

Heard decode_frame(std::string_view frame);

// A message to publish that stands by itself: a publish frame without type and id.
Heard decode_publish(std::string_view json);

// The items of list `name` of the object `json`, each as it stands there; null and no such member
// are an empty list. Error{invalid}: it is no JSON object, or the member no list.
Result<std::vector<std::string>> decode_list(std::string_view json, std::string_view name);

// Frames out of a stream of bytes. Not thread-safe; owned by one connection.
enum class Framing : std::uint8_t { lines, content_length };

inline constexpr std::size_t frame_bytes_max = 4 << 20;

// A frame with more JSON values than this would take the loop's time to read.
inline constexpr std::size_t frame_values_max = 50'000;

// Values in the JSON text `frame`, roughly; counting stops beyond `most`.
std::size_t count_values(std::string_view frame, std::size_t most);

class FrameReader {
  public:
    explicit FrameReader(Framing framing, std::size_t bytes_max = frame_bytes_max)
        : framing_(framing), bytes_max_(bytes_max) {}

    // Takes bytes as they come. Error{invalid}: a frame beyond the limit; Error{invalid}: a head
    // that is none. After an error the stream is of no further use.
    Result<void> put(std::string_view bytes);

    // The next whole frame, or nothing. Valid until the next put(). Empty lines are no frames.
    std::optional<std::string_view> next();

    // Bytes of a frame that has begun and not ended: what an end of file cut off.
    [[nodiscard]] std::size_t unfinished() const { return buffer_.size() - whole_; }

  private:
    Result<void> check_lines();
    Result<void> check_heads();

    Framing framing_;
    std::size_t bytes_max_;
    std::string buffer_;
    std::size_t begin_ = 0;    // consumed up to here
    std::size_t whole_ = 0;    // checked whole frames up to here
    std::size_t scanned_ = 0;  // no end of a line in [whole_, scanned_)
};

// `json` with what the framing puts around it.
std::string framed(Framing framing, std::string_view json);

}  // namespace penstock::sinks::worker
