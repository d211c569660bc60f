// Relays in front of nodes: `nemesis_links SEED (peer|client):NODE:PORT:TARGET...`. Prints "ready"
// when all ports listen, then takes commands on stdin and answers each with "ok":
//   set FROM TO CUT DELAY_MS JITTER_MS LOSS_PERCENT BYTES_PER_S     reset ONE OTHER
//   storm EVERY_MS     heal     listen (peer|client):NODE:PORT:TARGET
// FROM and TO are nodes, 0 for clients, * for every node. Ends with its stdin.
#include "tests/nemesis/links.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <sstream>

namespace penstock::nemesis {
namespace {

namespace asio = boost::asio;

NodeNumber node(const std::string& word) {
    return word == "*" ? Links::anyone : std::stoull(word);
}

bool listen(Links& links, const std::string& word) {
    std::istringstream parts(word);
    std::string kind;
    char colon = 0;
    NodeNumber to = 0;
    std::uint16_t port = 0;
    std::uint16_t target = 0;
    std::getline(parts, kind, ':');
    parts >> to >> colon >> port >> colon >> target;
    if (!parts) return false;
    const auto listening = links.listen(port, target, to, kind == "peer");
    if (!listening) std::cerr << listening.error().detail << "\n";
    return listening.has_value();
}

bool obey(Links& links, const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::string one;
    std::string other;
    words >> what;
    if (what == "heal") {
        links.heal();
    } else if (what == "storm") {
        std::int64_t every_ms = 0;
        words >> every_ms;
        links.storm(every_ms);
    } else if (what == "listen") {
        words >> one;
        return listen(links, one);
    } else if (what == "reset") {
        words >> one >> other;
        links.reset(node(one), node(other));
    } else if (what == "set") {
        Weather weather;
        words >> one >> other >> weather.cut >> weather.delay_ms >> weather.jitter_ms >>
            weather.loss_percent >> weather.bytes_per_s;
        links.set(node(one), node(other), weather);
    } else {
        return false;
    }
    return !words.fail();
}

class Commands {
  public:
    Commands(asio::io_context& context, Links& links)
        : context_(context), links_(links), input_(context, ::dup(STDIN_FILENO)) {}

    void read() {
        asio::async_read_until(
            input_, buffer_, '\n', [this](boost::system::error_code failed, std::size_t) {
                if (failed) return context_.stop();
                std::istream lines(&buffer_);
                std::string line;
                std::getline(lines, line);
                std::cout << (obey(links_, line) ? "ok" : "not understood") << std::endl;
                read();
            });
    }

  private:
    asio::io_context& context_;
    Links& links_;
    asio::posix::stream_descriptor input_;
    asio::streambuf buffer_;
};

}  // namespace
}  // namespace penstock::nemesis

int main(int count, char** words) {
    using namespace penstock::nemesis;
    boost::asio::io_context context(1);
    Links links(context, count > 1 ? std::stoull(words[1]) : 1);
    for (int at = 2; at < count; ++at) {
        if (!listen(links, words[at])) return 1;
    }
    Commands commands(context, links);
    commands.read();
    std::cout << "ready" << std::endl;
    context.run();
    return 0;
}
