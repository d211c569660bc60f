// The routes of /v1: one table of method, path and handler. Adding one: a line in routes.cpp and a
// handler in the file of its resource. Read-only after start, any thread.
#pragma once

#include "plugins/native/call.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

struct Route {
    std::string_view method;
    std::string_view path;  // "{}" stands for one segment
    Handler handler;
    bool takes_query = false;
    bool takes_body = false;
    // What it does to the rate of the queue or topic that is its first name.
    api::Use use = api::Use::control;
};

const std::vector<Route>& routes();

// What a method and path lead to.
struct Match {
    const Route* route = nullptr;    // nullptr: no such route
    std::vector<std::string> names;  // the segments that stand for {}
    std::string allow;               // methods of the path when only the method is wrong
};

Match match(std::string_view method, std::string_view path);

// ---- handlers, by file -------------------------------------------------------------------------

// queues.cpp
asio::awaitable<Reply> list_queues(Call& call);
asio::awaitable<Reply> create_queue(Call& call);
asio::awaitable<Reply> get_queue(Call& call);
asio::awaitable<Reply> set_queue(Call& call);
asio::awaitable<Reply> delete_queue(Call& call);
asio::awaitable<Reply> clear_queue(Call& call);
asio::awaitable<Reply> rewind_queue(Call& call);

// events.cpp
asio::awaitable<Reply> stream_events(Call& call);

// peeking.cpp
asio::awaitable<Reply> peek_queue(Call& call);
asio::awaitable<Reply> peek_topic(Call& call);
asio::awaitable<Reply> cancel_delayed_in_queue(Call& call);
asio::awaitable<Reply> cancel_delayed_in_topic(Call& call);
asio::awaitable<Reply> move_delayed_in_queue(Call& call);
asio::awaitable<Reply> move_delayed_in_topic(Call& call);
asio::awaitable<Reply> pause_queue(Call& call);
asio::awaitable<Reply> resume_queue(Call& call);

// dead_letters.cpp
Reply started(const api::JobStarted& job, bool preview);
asio::awaitable<Reply> list_dead_letters(Call& call);
asio::awaitable<Reply> get_dead_letter(Call& call);
asio::awaitable<Reply> edit_dead_letter(Call& call);
asio::awaitable<Reply> redrive_dead_letters(Call& call);

// jobs.cpp
asio::awaitable<Reply> get_redrive(Call& call);
asio::awaitable<Reply> change_redrive(Call& call);
asio::awaitable<Reply> start_replay(Call& call);
asio::awaitable<Reply> get_replay(Call& call);
asio::awaitable<Reply> change_replay(Call& call);

// messages.cpp
asio::awaitable<Reply> send_message(Call& call);
asio::awaitable<Reply> send_batch(Call& call);
asio::awaitable<Reply> publish_message(Call& call);
asio::awaitable<Reply> publish_batch(Call& call);

// consuming.cpp
asio::awaitable<Reply> receive_messages(Call& call);
asio::awaitable<Reply> acknowledge_messages(Call& call);
asio::awaitable<Reply> change_visibility(Call& call);

// transactions.cpp
asio::awaitable<Reply> confirm_transactions(Call& call);
asio::awaitable<Reply> take_checks(Call& call);

// topics.cpp
asio::awaitable<Reply> list_topics(Call& call);
asio::awaitable<Reply> create_topic(Call& call);
asio::awaitable<Reply> get_topic(Call& call);
asio::awaitable<Reply> set_topic(Call& call);
asio::awaitable<Reply> delete_topic(Call& call);

// subscriptions.cpp
asio::awaitable<Reply> list_subscriptions(Call& call);
asio::awaitable<Reply> list_topic_subscriptions(Call& call);
asio::awaitable<Reply> create_subscription(Call& call);
asio::awaitable<Reply> get_subscription(Call& call);
asio::awaitable<Reply> set_subscription(Call& call);
asio::awaitable<Reply> delete_subscription(Call& call);
asio::awaitable<Reply> pause_subscription(Call& call);
asio::awaitable<Reply> resume_subscription(Call& call);

// functions.cpp
asio::awaitable<Reply> list_scripts(Call& call);
asio::awaitable<Reply> deploy_script(Call& call);
asio::awaitable<Reply> activate_script(Call& call);
asio::awaitable<Reply> function_status(Call& call);
asio::awaitable<Reply> function_logs(Call& call);
asio::awaitable<Reply> function_sandbox(Call& call);

// operations.cpp
asio::awaitable<Reply> list_dead_letter_queues(Call& call);
asio::awaitable<Reply> list_deliveries(Call& call);
asio::awaitable<Reply> retry_delivery(Call& call);
asio::awaitable<Reply> drop_delivery(Call& call);
asio::awaitable<Reply> track_message(Call& call);
asio::awaitable<Reply> get_status(Call& call);

// keys.cpp
asio::awaitable<Reply> get_own_key(Call& call);
asio::awaitable<Reply> list_keys(Call& call);
asio::awaitable<Reply> create_key(Call& call);
asio::awaitable<Reply> create_temporary_key(Call& call);
asio::awaitable<Reply> rotate_key(Call& call);
asio::awaitable<Reply> delete_key(Call& call);

// accounts.cpp
asio::awaitable<Reply> list_accounts(Call& call);
asio::awaitable<Reply> create_account(Call& call);
asio::awaitable<Reply> set_account(Call& call);
asio::awaitable<Reply> delete_account(Call& call);

// cluster.cpp
asio::awaitable<Reply> get_cluster(Call& call);
asio::awaitable<Reply> init_cluster(Call& call);
asio::awaitable<Reply> add_node(Call& call);
asio::awaitable<Reply> remove_node(Call& call);
asio::awaitable<Reply> replace_node(Call& call);
asio::awaitable<Reply> transfer_set(Call& call);
asio::awaitable<Reply> balance_cluster(Call& call);
asio::awaitable<Reply> stop_balancing(Call& call);

// backup.cpp
asio::awaitable<Reply> list_backup_sets(Call& call);
asio::awaitable<Reply> change_backup(Call& call);
asio::awaitable<Reply> get_backup(Call& call);
asio::awaitable<Reply> read_backup(Call& call);

}  // namespace penstock::plugins::native
