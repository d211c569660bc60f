// The drivers of the load generator: the wire protocols of Penstock and its peers, without their
// client libraries, so that the client costs each of them the same small amount.
#pragma once

#include "plugins/cmq_tcp/reply.h"
#include "plugins/cmq_tcp/request.h"
#include "tests/bench/peers/load/connection.h"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::load {

// RabbitMQ: AMQP 0-9-1 with publisher confirms; a consumer acknowledges all of a read at once.
class Amqp : public Connection {
  public:
    using Connection::Connection;
    void publish(std::string_view bodies, std::uint64_t tag) override;
    void parse() override;
    void after_reading() override;

  protected:
    void greet() override;
    void create() override;
    void consume() override;

  private:
    void method(std::uint16_t channel,
                std::uint16_t classed,
                std::uint16_t numbered,
                std::string_view arguments);
    std::string expect(std::uint16_t classed, std::uint16_t numbered);
    void on_method(std::string_view payload);
    void on_body(std::string_view part);

    std::string publish_frame_;  // basic.publish is the same each time
    std::string body_;           // of a message that comes in several frames
    std::uint64_t body_bytes_ = 0;
    std::uint64_t delivery_tag_ = 0;
    bool unacknowledged_ = false;
};

// NATS: a JetStream stream in files, pull consumers, an acknowledgement a message.
class JetStream : public Connection {
  public:
    using Connection::Connection;
    void publish(std::string_view bodies, std::uint64_t tag) override;
    void parse() override;
    void after_reading() override;

  protected:
    void greet() override;
    void create() override;
    void find_leader() override;
    void consume() override;

  private:
    std::string ask(const std::string& subject, const std::string& document);
    void insist(const std::string& subject, const std::string& document);
    bool take_message(std::string_view all);
    void pull();

    [[nodiscard]] std::string stream() const { return "S_" + options_.object; }

    [[nodiscard]] std::string consumer(int number) const { return "C" + std::to_string(number); }

    std::string inbox_;
    int pulled_ = 0;  // messages asked for and not here yet
};

// Redis: a stream with consumer groups; what was received is XACKed and, without a fan, XDELed.
class RedisStream : public Connection {
  public:
    using Connection::Connection;
    void publish(std::string_view bodies, std::uint64_t tag) override;
    void parse() override;

  protected:
    void greet() override;
    void create() override;
    void consume() override;

  private:
    struct Value;
    bool take_value(std::string_view all, std::size_t& at, Value& value) const;
    void on_messages(const Value& answer);
    void read();
    [[nodiscard]] std::string group() const;
};

// POSTs over HTTP/1.1 with keep-alive; any 2xx is the acknowledgement.
class HttpPost : public Connection {
  public:
    using Connection::Connection;
    void publish(std::string_view bodies, std::uint64_t tag) override;
    void parse() override;

  protected:
    void greet() override {}

    void consume() override { throw Broken("this driver does not receive"); }

    void post(std::string_view path, std::string_view head, std::string_view body);
};

// Penstock's /v1: one message as it is, or a batch as JSON.
class NativeHttp : public HttpPost {
  public:
    using HttpPost::HttpPost;
    void publish(std::string_view bodies, std::uint64_t tag) override;

  protected:
    void greet() override;

  private:
    std::string path_;
    std::string head_;
    std::string batch_;
};

// Penstock's fastest way in: CMQ over TCP. A consumer keeps batch pulls open and deletes what came.
class CmqTcp : public Connection {
  public:
    using Connection::Connection;
    void publish(std::string_view bodies, std::uint64_t tag) override;
    void parse() override;

  protected:
    void greet() override;
    void consume() override;

  private:
    template <class Fields>
    void ask(plugins::cmq_tcp::Command command, std::int64_t seqno, Fields fields);
    void pull();
    void remove(const std::vector<plugins::cmq_tcp::PulledMessage>& messages);
    void on_reply(const plugins::cmq_tcp::Reply& reply);

    std::int64_t asked_ = 0;  // requests of a consumer, numbered from 1
    std::string queue_;
    std::uint64_t begin_ = std::random_device()();
};

}  // namespace penstock::load
