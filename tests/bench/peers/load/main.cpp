// mqload: one neutral load generator for Penstock and its peers; ../README.md.
#include "tests/bench/peers/load/drivers.h"
#include "tests/bench/peers/load/load.h"

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace penstock::load {

std::unique_ptr<Connection> make_connection(const Options& options,
                                            Listener& listener,
                                            Connection::Role role,
                                            int number) {
    const std::string& name = options.driver;
    if (name == "amqp") return std::make_unique<Amqp>(options, listener, role, number);
    if (name == "nats") return std::make_unique<JetStream>(options, listener, role, number);
    if (name == "redis") return std::make_unique<RedisStream>(options, listener, role, number);
    if (name == "http") return std::make_unique<HttpPost>(options, listener, role, number);
    if (name == "v1") return std::make_unique<NativeHttp>(options, listener, role, number);
    if (name == "cmq-tcp") return std::make_unique<CmqTcp>(options, listener, role, number);
    throw std::invalid_argument("--driver must be amqp, nats, redis, http, v1 or cmq-tcp");
}

}  // namespace penstock::load

int main(int count, char** words) {
    using namespace penstock::load;
    try {
        const Options options = parse_options({words + 1, words + count});
        Load(options).run();
        return 0;
    } catch (const std::invalid_argument& wrong) {
        std::fprintf(stderr, "mqload: %s\n", wrong.what());
        return 2;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "mqload: %s\n", failure.what());
        return 1;
    }
}
