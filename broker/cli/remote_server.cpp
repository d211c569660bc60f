#include "broker/cli/remote_server.h"

#include "broker/api/signature.h"
#include "broker/cli/http_link.h"

#include <utility>

namespace penstock::cli {

namespace {

namespace client = sinks::client;

// The server answers within 10 s plus the poll; the rest is the way.
constexpr std::uint32_t answer_ms_max = 15'000;
constexpr std::size_t answer_bytes_max = 64 * 1024 * 1024;

class RemoteServer final : public Server {
  public:
    RemoteServer(Target target, const Clock& clock)
        : target_(std::move(target)), clock_(clock), link_(clock) {}

    Result<void> open() { return link_.open(target_.ca_file); }

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
        auto got = link_.fetch(std::move(call));
        if (!got) return got.error();
        Answer answer;
        answer.status = got->status;
        answer.etag = got->header("etag");
        answer.body = std::move(got->body);
        return answer;
    }

  private:
    Target target_;
    const Clock& clock_;
    HttpLink link_;
};

}  // namespace

std::string authorization(const Target& target, const Ask& ask, std::int64_t now_ms) {
    const std::string timestamp = std::to_string(now_ms / 1000);
    std::string text = ask.method;
    text.append("\n").append(ask.target).append("\n").append(timestamp).append("\n");
    text.append(ask.body);
    const std::string token = target.token.empty() ? std::string() : ", Token=" + target.token;
    return "CMQ-HMAC-SHA256 KeyId=" + target.key_id + ", Timestamp=" + timestamp +
           ", Signature=" + api::sign(api::SignatureMethod::hmac_sha256, target.key_secret, text) +
           token;
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
    // Only the certificates can be at fault.
    if (!opened) return error(Errc::io, opened.error().detail);
    return std::unique_ptr<Server>(std::move(server));
}

Result<unsigned> post(const Post& post, const Clock& clock) {
    HttpLink link(clock);
    if (auto opened = link.open({}); !opened) return opened.error();
    client::HttpCall call;
    call.method = "POST";
    call.url = post.url;
    call.headers = post.headers;
    call.headers.emplace_back("User-Agent", "penstock-cli");
    call.body = post.body;
    call.timeout_ms = answer_ms_max;
    call.answer_bytes_max = answer_bytes_max;
    const auto answer = link.fetch(std::move(call));
    if (!answer) return answer.error();
    return answer->status;
}

}  // namespace penstock::cli
