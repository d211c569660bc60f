#include "broker/server_figures.h"

#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace penstock {

void ServerFigures::measure(std::function<void(model::Metrics)> take) {
    node_.measure(
        [executor = executor_, sinks = sinks_, take = std::move(take)](model::Metrics metrics) {
            boost::asio::post(executor, [sinks, take, metrics = std::move(metrics)]() mutable {
                sinks(metrics);
                take(std::move(metrics));
            });
        });
}

}  // namespace penstock
