// HttpServed: a Node as SteppedNode has it, but with all that is real around it: its log and rows
// in files, its requests over sockets through the listener and both front ends. The test's thread
// steps it; the listener, the front ends and the reads of bodies have threads of their own. Time is
// the test's. What cannot be made or asked fails the test by check().
#pragma once

#include "broker/base/random.h"
#include "broker/cli/bench_requests.h"
#include "broker/node/node.h"
#include "plugins/listener/http.h"
#include "plugins/listener/io_pool.h"
#include "plugins/listener/server.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::reference {

class HttpServed {
  public:
    HttpServed();
    ~HttpServed();
    HttpServed(const HttpServed&) = delete;
    HttpServed& operator=(const HttpServed&) = delete;

    // As a kill: what is in files stays, the next start replays.
    void restart();

    void settle_down();

    // Requests go over /v1 and the CMQ API in turn where both can ask for it.
    api::Outcome<api::QueueView> ask(const api::CreateQueue& request);
    api::Outcome<api::QueueView> ask(const api::SetQueue& request);
    api::Outcome<api::QueueView> ask(const api::GetQueue& request);
    api::Outcome<api::Nothing> ask(const api::ClearQueue& request);
    api::Outcome<api::Nothing> ask(const api::RewindQueue& request);
    api::Outcome<api::SentMessages> ask(const api::SendMessages& request);
    api::Outcome<api::ReceivedMessages> ask(const api::ReceiveMessages& request);
    api::Outcome<api::DeletedMessages> ask(const api::DeleteMessages& request);
    api::Outcome<api::Nothing> ask(const api::ChangeVisibility& request);

    // http_transactions.cpp; over /v1.
    api::Outcome<api::ConfirmedTransactions> ask(const api::ConfirmTransactions& request);
    api::Outcome<api::TakenChecks> ask(const api::TakeChecks& request);

    // http_topics.cpp; over /v1.
    api::Outcome<api::TopicView> ask(const api::CreateTopic& request);
    api::Outcome<api::SubscriptionView> ask(const api::Subscribe& request);
    api::Outcome<api::SubscriptionView> ask(const api::SetSubscription& request);
    api::Outcome<api::Nothing> ask(const api::Unsubscribe& request);
    api::Outcome<api::SentMessages> ask(const api::PublishMessages& request);
    api::Outcome<api::DeadLetterPage> ask(const api::ListDeadLetters& request);
    api::Outcome<api::JobStarted> ask(const api::RedriveDeadLetters& request);

    testing::ManualClock clock;
    std::unique_ptr<node::Node> node;

  private:
    struct Response {
        unsigned status = 0;
        boost::json::value body;
    };

    void open();
    void close();
    bool step();
    [[nodiscard]] std::string authority() const;
    Response exchange(const std::string& bytes);
    // One request of /v1; `body` null: none.
    api::Outcome<boost::json::value> native(const std::string& method,
                                            const std::string& path,
                                            const boost::json::value& body = nullptr);
    boost::json::object cmq(std::string_view action, cli::CmqParameters parameters);

    // Whether the next request that both APIs know goes to the CMQ API.
    bool by_cmq() { return (++turns_ % 2) == 0; }

    std::string host_ = "127.0.0.1";
    testing::TempFolder folder_;
    PosixDisk disk_;
    SeededRandom random_{7};
    std::unique_ptr<node::Offload> offload_;
    std::unique_ptr<plugins::IoPool> pool_;
    std::vector<std::unique_ptr<plugins::HttpFrontEnd>> front_ends_;
    std::unique_ptr<plugins::HttpServer> listener_;
    std::optional<cli::CmqRequests> cmq_;
    boost::asio::io_context context_;
    std::optional<boost::asio::ip::tcp::socket> socket_;
    std::uint64_t turns_ = 0;
};

}  // namespace penstock::reference
