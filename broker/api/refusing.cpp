#include "broker/api/refusing.h"

#include <boost/asio/post.hpp>

#include <utility>
#include <variant>

namespace penstock::api {

std::any refusal_of(const Request& request, model::Refusal why) {
    return std::visit(
        [&why]<class R>(const R&) { return std::any(Outcome<typename R::Reply>(std::move(why))); },
        request);
}

void refuse(const Request& request,
            model::Refusal why,
            const asio::any_io_executor& executor,
            Broker::Answer answer) {
    asio::post(
        executor,
        [answer = std::move(answer), outcome = refusal_of(request, std::move(why))]() mutable {
            answer(std::move(outcome));
        });
}

}  // namespace penstock::api
