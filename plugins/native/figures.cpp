#include "plugins/native/figures.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace penstock::plugins::native {

namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds answer_deadline{2};

// Somebody who waits for figures, on one I/O thread.
struct Scrape {
    explicit Scrape(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    std::optional<model::Metrics> metrics;
};

void ask(api::MetricSource& source,
         const std::shared_ptr<Scrape>& scrape,
         const asio::any_io_executor& executor) {
    scrape->timer.expires_after(answer_deadline);
    source.measure([scrape, executor](model::Metrics metrics) {
        asio::post(executor, [scrape, metrics = std::move(metrics)]() mutable {
            scrape->metrics = std::move(metrics);
            scrape->timer.cancel();
        });
    });
}

}  // namespace

asio::awaitable<std::optional<model::Metrics>> figures_of(api::MetricSource& source) {
    const auto executor = co_await asio::this_coro::executor;
    const auto scrape = std::make_shared<Scrape>(executor);
    ask(source, scrape, executor);
    co_await scrape->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return std::move(scrape->metrics);
}

}  // namespace penstock::plugins::native
