#include "broker/cli/sending.h"

#include "broker/api/names.h"
#include "broker/base/base64.h"

#include <boost/json.hpp>

#include <array>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

json::object message_of(const std::string& payload, const Sending& sending) {
    json::object message = sending.extra;
    if (!sending.ordering_key.empty()) message["ordering_key"] = sending.ordering_key;
    if (api::valid_utf8(payload)) {
        message["body"] = payload;
    } else {
        message["body_base64"] = encode_base64(payload);
    }
    return message;
}

// Reads at most one byte more than a message may have, so that the server can refuse it by name.
std::string read_all(std::istream& in) {
    std::string text;
    std::array<char, 64 * 1024> part{};
    while (in && text.size() <= message_bytes_max) {
        in.read(part.data(), static_cast<std::streamsize>(part.size()));
        text.append(part.data(), static_cast<std::size_t>(in.gcount()));
    }
    return text;
}

void print_ids(Session& session, const json::object& answer) {
    const Format format = session.format();
    if (format == Format::json || format == Format::ndjson) {
        print_object(session.world().out, format, answer);
        return;
    }
    if (answer.contains("id")) session.world().out << at_path(answer, "id") << "\n";
    if (const auto* ids = answer.if_contains("ids"); ids != nullptr && ids->is_array()) {
        for (const auto& id : ids->get_array()) {
            session.world().out << shown("id", id) << "\n";
        }
    }
    session.world().out.flush();
}

int send_single(Session& session, const Sending& sending) {
    Ask ask;
    ask.method = "POST";
    ask.target = sending.path;
    std::string query = sending.query;
    if (!sending.ordering_key.empty()) {
        query += "&ordering_key=" + encoded(sending.ordering_key);
    }
    if (sending.delay_s) query += "&delay=" + std::to_string(*sending.delay_s);
    if (sending.transaction) query += "&transaction=true";
    if (query.starts_with('&')) query.erase(0, 1);
    if (!query.empty()) ask.target += "?" + query;
    ask.body = sending.body == "-" ? read_all(session.world().in) : sending.body;
    if (!sending.dedup_key.empty()) {
        ask.headers.emplace_back("Idempotency-Key", sending.dedup_key);
    }
    const auto answer = session.call(std::move(ask));
    if (!answer) return session.fail(answer.error());
    print_ids(session, *answer);
    return exit_ok;
}

int send_batch(Session& session, const Sending& sending, json::array messages) {
    json::object body;
    body["messages"] = std::move(messages);
    if (sending.delay_s) body["delay"] = *sending.delay_s;
    if (sending.transaction) body["transaction"] = true;
    const auto answer = session.send("POST", sending.path + "/batch", body);
    if (!answer) return session.fail(answer.error());
    print_ids(session, *answer);
    return exit_ok;
}

// Empty lines are no messages. What was sent before a failure stays sent; its ids are printed.
int send_lines(Session& session, const Sending& sending) {
    json::array batch;
    std::size_t bytes = 0;
    std::string line;
    std::uint64_t number = 0;
    while (std::getline(session.world().in, line)) {
        ++number;
        if (line.empty()) continue;
        if (line.size() > batch_bytes_max) {
            return session.fail(usage_failure(
                "Line " + std::to_string(number) + " is larger than a batch may be (1 MiB).",
                "Send it alone: BODY, or - for standard input."));
        }
        const bool full =
            batch.size() == batch_messages_max || bytes + line.size() > batch_bytes_max;
        if (full) {
            const int code = send_batch(session, sending, std::exchange(batch, json::array()));
            if (code != exit_ok) return code;
            bytes = 0;
        }
        batch.emplace_back(message_of(line, sending));
        bytes += line.size();
    }
    return batch.empty() ? exit_ok : send_batch(session, sending, std::move(batch));
}

}  // namespace

int send(Session& session, const Sending& sending) {
    const bool attached = !sending.attachment.file.empty();
    if (attached != sending.body.empty() || (attached && sending.by_line)) {
        return session.fail(usage_failure("Give a BODY or --attach FILE, one of them."));
    }
    if (attached) {
        auto body = check_in(session, sending.attachment);
        if (!body) return session.fail(body.error());
        Sending claim = sending;
        claim.body = std::move(*body);
        return send_single(session, claim);
    }
    if (!sending.by_line) return send_single(session, sending);
    if (sending.body != "-") {
        return session.fail(
            usage_failure("--split lines reads standard input.", "Give '-' in place of the body."));
    }
    if (!sending.dedup_key.empty()) {
        return session.fail(usage_failure("--dedup-key is for a single message."));
    }
    return send_lines(session, sending);
}

}  // namespace penstock::cli
