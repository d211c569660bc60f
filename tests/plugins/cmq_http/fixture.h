// Cmq: a CMQ front end before a scripted broker, asked as a signing client would ask it. One test,
// one thread.
#pragma once

#include "broker/api/signature.h"
#include "plugins/cmq_http/front_end.h"
#include "tests/support/fake_broker.h"
#include "tests/support/run_until.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

class FixedClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t wall_ms() const override { return now_s * 1000; }

    [[nodiscard]] std::int64_t steady_us() const override { return now_s * 1'000'000; }

    std::int64_t now_s = 1'700'000'000;
};

// Every byte but letters and digits as %XX.
inline std::string percent(const std::string& text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char byte : text) {
        const auto code = static_cast<unsigned char>(byte);
        if (std::isalnum(code) != 0) {
            out.push_back(byte);
        } else {
            out.append({'%', hex[code >> 4U], hex[code & 15U]});
        }
    }
    return out;
}

struct CmqReply {
    unsigned status = 0;
    std::string text;
    boost::json::object json;

    [[nodiscard]] std::int64_t code() const { return json.at("code").to_number<std::int64_t>(); }

    [[nodiscard]] std::string message() const { return json.at("message").as_string().c_str(); }
};

class Cmq {
  public:
    Cmq() {
        broker.secrets["AKIDdemo0001"] = "demoSecretKey0001";
        plugins::CmqOptions options;
        options.clock = &clock;
        options.app_id = 1250000001;
        options.routes = {"127.0.0.1:7071"};
        front_end = plugins::make_cmq_front_end(broker, options);
    }

    // What is signed, unless given: the common parameters.
    static Fields complete(Fields fields) {
        const Fields common{{"SecretId", "AKIDdemo0001"},
                            {"Timestamp", "1700000000"},
                            {"Nonce", "12345"},
                            {"SignatureMethod", "HmacSHA256"}};
        for (const auto& [name, value] : common) {
            const bool given = std::any_of(fields.begin(), fields.end(), [&](const auto& field) {
                return field.first == name;
            });
            if (!given) fields.emplace_back(name, value);
        }
        return fields;
    }

    static std::string signature(const Fields& fields,
                                 const std::string& begin = "POST127.0.0.1:8080/v2/index.php") {
        std::multimap<std::string, std::string> sorted(fields.begin(), fields.end());
        std::string text = begin + "?";
        for (const auto& [name, value] : sorted) {
            if (text.back() != '?') text += "&";
            text += name + "=" + value;
        }
        return api::sign(api::SignatureMethod::hmac_sha256, "demoSecretKey0001", text);
    }

    static std::string form(const Fields& fields) {
        std::string out;
        for (const auto& [name, value] : fields) {
            out += (out.empty() ? "" : "&") + name + "=" + percent(value);
        }
        return out;
    }

    static plugins::HttpRequest post(std::string body) {
        plugins::HttpRequest request;
        request.method = "POST";
        request.path = "/v2/index.php";
        request.host = "127.0.0.1:8080";
        request.body = std::move(body);
        return request;
    }

    CmqReply send(plugins::HttpRequest request) {
        std::optional<plugins::HttpResponse> response;
        boost::asio::io_context context;
        boost::asio::co_spawn(context,
                              front_end->handle(std::move(request)),
                              [&](std::exception_ptr failed, plugins::HttpResponse given) {
                                  if (failed) std::rethrow_exception(failed);
                                  response = std::move(given);
                              });
        if (!testing::run_until(context, [&] { return response.has_value(); })) {
            throw std::runtime_error("no answer");
        }
        CmqReply reply;
        reply.status = response->status;
        reply.text = response->body;
        reply.json = boost::json::parse(response->body).as_object();
        return reply;
    }

    // A POST of these parameters, completed and signed.
    CmqReply ask(Fields fields, Fields headers = {}) {
        fields = complete(std::move(fields));
        fields.emplace_back("Signature", signature(fields));
        plugins::HttpRequest request = post(form(fields));
        request.headers = std::move(headers);
        return send(std::move(request));
    }

    FixedClock clock;
    FakeBroker broker;
    std::unique_ptr<plugins::HttpFrontEnd> front_end;
};

}  // namespace penstock::testing
