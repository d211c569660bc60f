#include "plugins/native/routes.h"

#include <algorithm>

namespace penstock::plugins::native {

namespace {

using api::Use;

constexpr bool query = true;
constexpr bool body = true;

std::vector<Route> queue_routes() {
    return {
        {"GET", "/v1/queues", list_queues, query},
        {"POST", "/v1/queues", create_queue, !query, body},
        {"GET", "/v1/queues/{}", get_queue},
        {"PATCH", "/v1/queues/{}", set_queue, !query, body},
        {"DELETE", "/v1/queues/{}", delete_queue},
        {"POST", "/v1/queues/{}/clear", clear_queue},
        {"POST", "/v1/queues/{}/rewind", rewind_queue, !query, body},
        {"POST", "/v1/queues/{}/pause", pause_queue},
        {"POST", "/v1/queues/{}/resume", resume_queue},
        {"GET", "/v1/queues/{}/messages", peek_queue, query},
        {"DELETE", "/v1/queues/{}/delayed/{}", cancel_delayed_in_queue},
        {"PATCH", "/v1/queues/{}/delayed/{}", move_delayed_in_queue, !query, body},
        {"POST", "/v1/queues/{}/messages", send_message, query, body, Use::produce},
        {"POST", "/v1/queues/{}/messages/batch", send_batch, !query, body, Use::produce},
        {"POST", "/v1/queues/{}/receive", receive_messages, !query, body, Use::consume},
        {"POST", "/v1/queues/{}/ack", acknowledge_messages, !query, body, Use::settle},
        {"POST", "/v1/queues/{}/visibility", change_visibility, !query, body, Use::settle},
        {"POST", "/v1/queues/{}/transactions", confirm_transactions, !query, body, Use::settle},
        {"POST", "/v1/queues/{}/transactions/checks", take_checks, !query, body, Use::consume},
    };
}

std::vector<Route> topic_routes() {
    return {
        {"GET", "/v1/topics", list_topics, query},
        {"POST", "/v1/topics", create_topic, !query, body},
        {"GET", "/v1/topics/{}", get_topic},
        {"PATCH", "/v1/topics/{}", set_topic, !query, body},
        {"DELETE", "/v1/topics/{}", delete_topic},
        {"GET", "/v1/topics/{}/messages", peek_topic, query},
        {"DELETE", "/v1/topics/{}/delayed/{}", cancel_delayed_in_topic},
        {"PATCH", "/v1/topics/{}/delayed/{}", move_delayed_in_topic, !query, body},
        {"POST", "/v1/topics/{}/messages", publish_message, query, body, Use::produce},
        {"POST", "/v1/topics/{}/messages/batch", publish_batch, !query, body, Use::produce},
        {"GET", "/v1/topics/{}/subscriptions", list_topic_subscriptions, query},
        {"POST", "/v1/topics/{}/subscriptions", create_subscription, query, body},
        {"GET", "/v1/subscriptions", list_subscriptions, query},
        {"GET", "/v1/subscriptions/{}/{}", get_subscription},
        {"PATCH", "/v1/subscriptions/{}/{}", set_subscription, !query, body},
        {"DELETE", "/v1/subscriptions/{}/{}", delete_subscription},
        {"POST", "/v1/subscriptions/{}/{}/pause", pause_subscription},
        {"POST", "/v1/subscriptions/{}/{}/deliveries/{}/retry", retry_delivery},
        {"POST", "/v1/subscriptions/{}/{}/deliveries/{}/drop", drop_delivery},
        {"POST", "/v1/subscriptions/{}/{}/resume", resume_subscription},
    };
}

std::vector<Route> function_routes() {
    return {
        {"GET", "/v1/subscriptions/{}/{}/scripts", list_scripts, query},
        {"POST", "/v1/subscriptions/{}/{}/scripts", deploy_script, query, body},
        {"POST", "/v1/subscriptions/{}/{}/scripts/activate", activate_script, !query, body},
        {"GET", "/v1/subscriptions/{}/{}/processes", function_status},
        {"GET", "/v1/functions/logs", function_logs, query},
        {"GET", "/v1/functions/sandbox", function_sandbox},
    };
}

std::vector<Route> operation_routes() {
    return {
        {"GET", "/v1/dead-letters", list_dead_letter_queues, query},
        {"GET", "/v1/dead-letters/{}", list_dead_letters, query},
        {"GET", "/v1/dead-letters/{}/messages/{}", get_dead_letter},
        {"POST", "/v1/dead-letters/{}/messages/{}/edit", edit_dead_letter, !query, body},
        {"POST", "/v1/dead-letters/{}/redrive", redrive_dead_letters, !query, body},
        {"GET", "/v1/dead-letters/{}/redrive", get_redrive},
        {"PATCH", "/v1/dead-letters/{}/redrive", change_redrive, !query, body},
        {"POST", "/v1/subscriptions/{}/{}/replay", start_replay, !query, body},
        {"GET", "/v1/subscriptions/{}/{}/replay", get_replay},
        {"PATCH", "/v1/subscriptions/{}/{}/replay", change_replay, !query, body},
        {"GET", "/v1/deliveries", list_deliveries, query},
        {"GET", "/v1/messages/{}/track", track_message},
        {"GET", "/v1/status", get_status},
        {"GET", "/v1/events", stream_events, query},
        {"GET", "/v1/keys", list_keys},
        {"POST", "/v1/keys", create_key, !query, body},
        {"GET", "/v1/keys/self", get_own_key, query},
        {"POST", "/v1/keys/token", create_temporary_key, !query, body},
        {"POST", "/v1/keys/{}/rotate", rotate_key, !query, body},
        {"DELETE", "/v1/keys/{}", delete_key},
        {"GET", "/v1/accounts", list_accounts},
        {"POST", "/v1/accounts", create_account, !query, body},
        {"PATCH", "/v1/accounts/{}", set_account, !query, body},
        {"DELETE", "/v1/accounts/{}", delete_account},
        {"GET", "/v1/cluster", get_cluster},
        {"POST", "/v1/cluster/init", init_cluster},
        {"POST", "/v1/cluster/nodes", add_node, !query, body},
        {"DELETE", "/v1/cluster/nodes/{}", remove_node},
        {"POST", "/v1/cluster/nodes/{}/replace", replace_node, !query, body},
        {"POST", "/v1/cluster/sets/{}/transfer", transfer_set, !query, body},
        {"POST", "/v1/cluster/rebalance", balance_cluster},
        {"DELETE", "/v1/cluster/rebalance", stop_balancing},
        {"GET", "/v1/backup/sets", list_backup_sets},
        {"POST", "/v1/backup/sets/{}", change_backup, !query, body},
        {"GET", "/v1/backup/sets/{}", get_backup, query},
        {"GET", "/v1/backup/sets/{}/parts/{}", read_backup, query},
    };
}

std::string_view take_segment(std::string_view& path) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

// The decoded names when `path` has the shape of `pattern`.
std::optional<std::vector<std::string>> names_in(std::string_view pattern, std::string_view path) {
    std::vector<std::string> names;
    while (pattern.starts_with('/') && path.starts_with('/')) {
        const std::string_view wanted = take_segment(pattern);
        const std::string_view found = take_segment(path);
        if (wanted != "{}") {
            if (wanted != found) return std::nullopt;
            continue;
        }
        auto name = decode_percent(found, false);
        if (!name || name->empty()) return std::nullopt;
        names.push_back(std::move(*name));
    }
    if (!pattern.empty() || !path.empty()) return std::nullopt;
    return names;
}

}  // namespace

const std::vector<Route>& routes() {
    static const std::vector<Route> all = [] {
        std::vector<Route> table;
        for (auto&& part :
             {queue_routes(), topic_routes(), function_routes(), operation_routes()}) {
            table.insert(table.end(), part.begin(), part.end());
        }
        return table;
    }();
    return all;
}

Match match(std::string_view method, std::string_view path) {
    Match result;
    for (const auto& route : routes()) {
        auto names = names_in(route.path, path);
        if (!names) continue;
        if (route.method == method) {
            result.route = &route;
            result.names = std::move(*names);
            result.allow.clear();
            return result;
        }
        if (!result.allow.empty()) result.allow += ", ";
        result.allow += route.method;
    }
    return result;
}

}  // namespace penstock::plugins::native
