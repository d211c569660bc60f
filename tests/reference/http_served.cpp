#include "tests/reference/http_served.h"

#include "broker/base/check.h"
#include "broker/base/instant.h"
#include "plugins/all.h"

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <poll.h>

#include <algorithm>
#include <utility>

namespace penstock::reference {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

constexpr std::int64_t wait_us = 100;
constexpr int waits_max = 300'000;
constexpr unsigned http_ok = 200;
constexpr unsigned http_error = 400;
constexpr int cmq_nothing = 7000;
constexpr model::TimeMs ms_per_s = 1'000;

model::Refusal refusal(const json::value& body) {
    return {model::Reason::internal, {}, json::serialize(body)};
}

std::string text(const json::value& value) {
    return std::string(value.as_string().data(), value.as_string().size());
}

std::uint64_t decimal(const json::value& value) {
    const auto number = model::parse_decimal(text(value));
    check(number.has_value(), "ids and receipts are decimal");
    return *number;
}

std::uint64_t number(const json::object& object, std::string_view name) {
    return object.at(name).to_number<std::uint64_t>();
}

json::object fields_of(const api::QueueChange& change) {
    json::object fields;
    if (change.visibility_s) fields["visibility"] = *change.visibility_s;
    if (change.retention_s) fields["retention"] = *change.retention_s;
    if (change.rewind_s) fields["rewind"] = *change.rewind_s;
    if (change.ordered) fields["ordered"] = *change.ordered;
    if (change.first_query_s && change.queries_max) {
        fields["transaction"] = {{"first_query", *change.first_query_s},
                                 {"queries", *change.queries_max}};
    }
    if (change.dead_letter) {
        fields["dead_letter"] = {{"queue", change.dead_letter->queue},
                                 {"max_receives", change.dead_letter->max_receives}};
    }
    return fields;
}

api::Outcome<api::QueueView> viewed(const api::Outcome<json::value>& answer) {
    if (!answer) return answer.error();
    return api::QueueView{};
}

api::Outcome<api::Nothing> done(const api::Outcome<json::value>& answer) {
    if (!answer) return answer.error();
    return api::Nothing{};
}

api::ReceivedMessage native_message(const json::object& shown) {
    api::ReceivedMessage message;
    message.id = model::MessageId(decimal(shown.at("id")));
    message.receipt = model::Receipt(decimal(shown.at("receipt")));
    message.payload = text(shown.at("body"));
    message.receives = static_cast<std::uint32_t>(number(shown, "receives"));
    message.next_visible_ms = parse_instant(text(shown.at("next_visible_at"))).value_or(0);
    return message;
}

// CMQ shows whole seconds; leases are as long, so that what is cut off is the clock's fraction.
api::ReceivedMessage cmq_message(const json::object& shown, model::TimeMs now_ms) {
    api::ReceivedMessage message;
    message.id = model::MessageId(decimal(shown.at("msgId")));
    message.receipt = model::Receipt(decimal(shown.at("receiptHandle")));
    message.payload = text(shown.at("msgBody"));
    message.receives = static_cast<std::uint32_t>(number(shown, "dequeueCount"));
    message.next_visible_ms =
        static_cast<model::TimeMs>(number(shown, "nextVisibleTime")) * ms_per_s + now_ms % ms_per_s;
    return message;
}

}  // namespace

HttpServed::HttpServed() {
    open();
}

HttpServed::~HttpServed() {
    close();
}

void HttpServed::open() {
    offload_ = std::make_unique<node::Offload>(node::Offload::Kind::threads);
    node::NodeOptions options;
    options.data_folder = folder_.file("data");
    options.dev = true;
    options.log.segment_bytes = 1U << 22;
    const auto rows = [](const std::string& folder) {
        return storage::open_rocks_rows(folder, {});
    };
    check(disk_.make_folder(options.data_folder).has_value(), "a folder is made");
    node = std::make_unique<node::Node>(node::Node::World{disk_, clock, random_, *offload_, rows},
                                        options);
    const auto opened = node->open();
    check(opened.has_value(), opened ? "" : opened.error().detail.c_str());
    pool_ = std::make_unique<plugins::IoPool>(1);
    front_ends_ = plugins::make_front_ends(*node, clock, {});
    std::vector<plugins::HttpFrontEnd*> asked;
    for (const auto& one : front_ends_) asked.push_back(one.get());
    plugins::HttpServerOptions listening;
    listening.port = 0;
    auto server = plugins::HttpServer::start(listening, *pool_, clock, std::move(asked));
    check(server.has_value(), "a port is free");
    listener_ = std::move(*server);
    cmq_.emplace(cli::Target{host_, node::dev_key_id, node::dev_key_secret}, authority(), clock);
    socket_.emplace(context_);
    socket_->connect({asio::ip::make_address(host_), listener_->port()});
    settle_down();
}

void HttpServed::close() {
    socket_.reset();
    pool_->stop();
    listener_.reset();
    front_ends_.clear();
    pool_.reset();
    offload_->stop();
    node.reset();
    offload_.reset();
}

void HttpServed::restart() {
    close();
    open();
}

bool HttpServed::step() {
    const auto more = node->step();
    check(more.has_value(), more ? "" : more.error().detail.c_str());
    return *more;
}

void HttpServed::settle_down() {
    for (int turn = 0; turn < waits_max; ++turn) {
        if (!step() && node->next_wake_us() > clock.steady_us()) return;
    }
    check(false, "the node never comes to rest");
}

std::string HttpServed::authority() const {
    return host_ + ":" + std::to_string(listener_->port());
}

HttpServed::Response HttpServed::exchange(const std::string& bytes) {
    asio::write(*socket_, asio::buffer(bytes));
    pollfd answer{socket_->native_handle(), POLLIN, 0};
    for (int turn = 0; ::poll(&answer, 1, 0) == 0; ++turn) {
        check(turn < waits_max, "a request is answered without time going on");
        if (!step()) node->wait(wait_us);
    }
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(*socket_, buffer, response);
    Response read{response.result_int(), nullptr};
    if (!response.body().empty()) read.body = json::parse(response.body());
    return read;
}

api::Outcome<json::value> HttpServed::native(const std::string& method,
                                             const std::string& path,
                                             const json::value& body) {
    const std::string content = body.is_null() ? "" : json::serialize(body);
    std::string bytes = method + " /v1" + path + " HTTP/1.1\r\nHost: " + authority() +
                        "\r\nAuthorization: Bearer " + node::dev_key_id + ":" +
                        node::dev_key_secret +
                        "\r\nContent-Length: " + std::to_string(content.size()) + "\r\n";
    if (!content.empty()) bytes += "Content-Type: application/json\r\n";
    Response response = exchange(bytes + "\r\n" + content);
    if (response.status >= http_error) return refusal(response.body);
    return std::move(response.body);
}

json::object HttpServed::cmq(std::string_view action, cli::CmqParameters parameters) {
    Response response = exchange(cmq_->make(action, std::move(parameters)));
    check(response.status == http_ok, "CMQ answers with its own codes");
    return response.body.as_object();
}

api::Outcome<api::QueueView> HttpServed::ask(const api::CreateQueue& request) {
    json::object fields = fields_of(request.change);
    fields["name"] = request.name;
    return viewed(native("POST", "/queues", fields));
}

api::Outcome<api::QueueView> HttpServed::ask(const api::SetQueue& request) {
    return viewed(native("PATCH", "/queues/" + request.name, fields_of(request.change)));
}

api::Outcome<api::QueueView> HttpServed::ask(const api::GetQueue& request) {
    api::QueueView view;
    const auto answer = native("GET", "/queues/" + request.name);
    if (!answer) return answer.error();
    const json::object& messages = answer->at("messages").as_object();
    view.active = number(messages, "visible");
    view.inactive = number(messages, "in_flight");
    view.delayed = number(messages, "delayed");
    view.rewindable = number(messages, "rewindable");
    if (const json::value* transactions = answer->as_object().if_contains("transactions")) {
        const json::object& totals = transactions->as_object();
        view.prepared = number(totals, "prepared");
        view.committed = number(totals, "committed");
        view.rolled_back = number(totals, "rolled_back");
        view.unconfirmed = number(totals, "unconfirmed");
    }
    if (by_cmq()) {
        const json::object shown = cmq("GetQueueAttributes", {{"queueName", request.name}});
        if (number(shown, "code") != 0) return refusal(shown);
        view.active = number(shown, "activeMsgNum");
        view.inactive = number(shown, "inactiveMsgNum");
        view.delayed = number(shown, "delayMsgNum");
        view.rewindable = number(shown, "rewindMsgNum");
    }
    return view;
}

api::Outcome<api::Nothing> HttpServed::ask(const api::ClearQueue& request) {
    return done(native("POST", "/queues/" + request.name + "/clear"));
}

api::Outcome<api::Nothing> HttpServed::ask(const api::RewindQueue& request) {
    return done(native(
        "POST", "/queues/" + request.name + "/rewind", {{"to", format_instant(request.to_ms)}}));
}

api::Outcome<api::SentMessages> HttpServed::ask(const api::SendMessages& request) {
    api::SentMessages sent;
    // CMQ's API has no ordering keys, and transactions over TCP alone.
    const bool keyed = std::any_of(
        request.messages.begin(), request.messages.end(), [](const model::NewMessage& message) {
            return !message.meta.ordering_key.empty();
        });
    if (!keyed && !request.transaction && by_cmq()) {
        cli::CmqParameters parameters{{"queueName", request.queue},
                                      {"delaySeconds", std::to_string(request.delay_s)}};
        for (const auto& message : request.messages) {
            const std::string place = "msgBody." + std::to_string(parameters.size() - 1);
            parameters.emplace_back(place, message.payload);
        }
        const json::object answer = cmq("BatchSendMessage", std::move(parameters));
        if (number(answer, "code") != 0) return refusal(answer);
        for (const auto& one : answer.at("msgList").as_array()) {
            sent.ids.emplace_back(decimal(one.at("msgId")));
        }
        return sent;
    }
    json::array messages;
    for (const auto& message : request.messages) {
        json::object fields{{"body", message.payload}};
        if (!message.meta.ordering_key.empty()) fields["ordering_key"] = message.meta.ordering_key;
        messages.push_back(std::move(fields));
    }
    json::object fields{{"messages", std::move(messages)}};
    if (request.delay_s > 0) fields["delay"] = request.delay_s;
    if (request.transaction) fields["transaction"] = true;
    if (request.first_query_s > 0) fields["first_query"] = request.first_query_s;
    const auto answer =
        native("POST", "/queues/" + request.queue + "/messages/batch", std::move(fields));
    if (!answer) return answer.error();
    for (const auto& id : answer->at("ids").as_array()) sent.ids.emplace_back(decimal(id));
    return sent;
}

api::Outcome<api::ReceivedMessages> HttpServed::ask(const api::ReceiveMessages& request) {
    api::ReceivedMessages received;
    if (request.visibility_s == 0 && by_cmq()) {
        const json::object answer = cmq("BatchReceiveMessage",
                                        {{"queueName", request.queue},
                                         {"numOfMsg", std::to_string(request.messages_max)},
                                         {"pollingWaitSeconds", "0"}});
        if (number(answer, "code") == cmq_nothing) return received;
        if (number(answer, "code") != 0) return refusal(answer);
        for (const auto& one : answer.at("msgInfoList").as_array()) {
            received.messages.push_back(cmq_message(one.as_object(), clock.wall_ms()));
        }
        return received;
    }
    json::object fields{{"max", request.messages_max}, {"wait", 0}};
    if (request.visibility_s > 0) fields["visibility"] = request.visibility_s;
    const auto answer = native("POST", "/queues/" + request.queue + "/receive", fields);
    if (!answer) return answer.error();
    for (const auto& one : answer->at("messages").as_array()) {
        received.messages.push_back(native_message(one.as_object()));
    }
    return received;
}

api::Outcome<api::DeletedMessages> HttpServed::ask(const api::DeleteMessages& request) {
    const std::string receipt = model::to_text(request.receipts.at(0));
    api::DeletedMessages deleted;
    if (by_cmq()) {
        const json::object answer =
            cmq("DeleteMessage", {{"queueName", request.queue}, {"receiptHandle", receipt}});
        deleted.removed.push_back(number(answer, "code") == 0);
        return deleted;
    }
    const auto answer =
        native("POST", "/queues/" + request.queue + "/ack", {{"receipts", json::array{receipt}}});
    if (!answer) return answer.error();
    deleted.removed.push_back(answer->at("stale").as_array().empty());
    return deleted;
}

api::Outcome<api::Nothing> HttpServed::ask(const api::ChangeVisibility& request) {
    return done(native(
        "POST",
        "/queues/" + request.queue + "/visibility",
        {{"receipt", model::to_text(request.receipt)}, {"visibility", request.visibility_s}}));
}

}  // namespace penstock::reference
