#include "broker/cli/remote_server.h"

#include "broker/api/signature.h"
#include "sinks/client/http_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace penstock::cli {

namespace {

namespace asio = boost::asio;
namespace client = sinks::client;

// The server answers within 10 s plus the poll; the rest is the way.
constexpr std::uint32_t answer_ms_max = 15'000;
constexpr std::size_t answer_bytes_max = 64 * 1024 * 1024;

class RemoteServer final : public Server {
  public:
    RemoteServer(Target target, const Clock& clock)
        : target_(std::move(target)),
          clock_(clock),
          resolver_(context_.get_executor(), clock, resolver_options()) {}

    ~RemoteServer() override {
        if (client_) client_->stop();
        // What the client still has to run down is run here, as long as its executor lives.
        context_.poll();
    }

    RemoteServer(const RemoteServer&) = delete;
    RemoteServer& operator=(const RemoteServer&) = delete;

    Result<void> open() {
        client::ClientOptions options;
        options.addresses = client::AddressPolicy::any;
        options.ca_file = target_.ca_file;
        auto made = client::HttpClient::make(context_.get_executor(), clock_, resolver_, options);
        if (!made) return made.error();
        client_ = std::move(*made);
        return {};
    }

    Result<Answer> ask(const Ask& ask) override {
        client::HttpCall call;
        call.method = ask.method;
        call.url = target_.server + ask.target;
        call.headers = ask.headers;
        call.headers.emplace_back("Authorization", authorization(target_, ask, clock_.wall_ms()));
        call.headers.emplace_back("User-Agent", "penstock-cli");
        call.body = ask.body;
        call.timeout_ms = answer_ms_max + ask.wait_ms;
        call.answer_bytes_max = answer_bytes_max;

        std::optional<Result<client::HttpAnswer>> outcome;
        std::exception_ptr broken;
        asio::co_spawn(context_,
                       client::fetch(*client_, std::move(call)),
                       [&](std::exception_ptr failure, Result<client::HttpAnswer> answer) {
                           broken = failure;
                           outcome.emplace(std::move(answer));
                       });
        context_.restart();
        while (!outcome && context_.run_one() != 0) {
        }
        if (broken) std::rethrow_exception(broken);
        if (!outcome) return error(Errc::closed, "the client stopped");
        if (!*outcome) return outcome->error();
        Answer answer;
        answer.status = (*outcome)->status;
        answer.body = std::move((*outcome)->body);
        return answer;
    }

  private:
    static client::ResolverOptions resolver_options() {
        client::ResolverOptions options;
        options.threads = 1;
        return options;
    }

    Target target_;
    const Clock& clock_;
    asio::io_context context_{1};
    client::PoolResolver resolver_;
    std::unique_ptr<client::HttpClient> client_;
};

}  // namespace

std::string authorization(const Target& target, const Ask& ask, std::int64_t now_ms) {
    const std::string timestamp = std::to_string(now_ms / 1000);
    std::string text = ask.method;
    text.append("\n").append(ask.target).append("\n").append(timestamp).append("\n");
    text.append(ask.body);
    return "CMQ-HMAC-SHA256 KeyId=" + target.key_id + ", Timestamp=" + timestamp +
           ", Signature=" + api::sign(api::SignatureMethod::hmac_sha256, target.key_secret, text);
}

Result<std::unique_ptr<Server>> connect(const Target& target, const Clock& clock) {
    Target clean = target;
    while (clean.server.ends_with('/')) {
        clean.server.pop_back();
    }
    const auto url = client::parse_url(clean.server + "/");
    if (!url) return url.error();
    auto server = std::make_unique<RemoteServer>(std::move(clean), clock);
    const auto opened = server->open();
    if (!opened) return opened.error();
    return std::unique_ptr<Server>(std::move(server));
}

}  // namespace penstock::cli
