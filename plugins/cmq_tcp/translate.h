// Requests of CMQ TCP as requests to the broker, and its answers as replies. Pure functions, any
// thread.
#pragma once

#include "broker/api/requests.h"
#include "plugins/cmq_http/faults.h"
#include "plugins/cmq_tcp/reply.h"
#include "plugins/cmq_tcp/request.h"

namespace penstock::plugins::cmq_tcp {

// Why the broker need not be asked: what is out of CMQ's ranges, named as in the tables, and texts
// that are no UTF-8. none: it may be asked.
cmq::Failure judge(const Send& fields);
cmq::Failure judge(const Pull& fields);
cmq::Failure judge(const Remove& fields);
cmq::Failure judge(const Publish& fields);
cmq::Failure judge(const Confirm& fields);

api::SendMessages to_broker(const Send& fields);
api::ReceiveMessages to_broker(const Pull& fields);
api::DeleteMessages to_broker(const Remove& fields);
api::PublishMessages to_broker(const Publish& fields);
api::ConfirmTransactions to_broker(const Confirm& fields);

// What the broker answered. An empty receive is the result "no message"; receipts that were not
// valid are told one by one, in the order of `fields`.
void tell(Reply& reply, const api::SentMessages& sent);
void tell(Reply& reply, api::ReceivedMessages received);
void tell(Reply& reply,
          const api::DeletedMessages& deleted,
          const std::vector<model::Receipt>& receipts);

// One item per item of `asked`, with why it was not possible.
void tell(Reply& reply,
          const api::ConfirmedTransactions& confirmed,
          const api::ConfirmTransactions& asked);

// What the broker refused; in the words of the HTTP API.
void tell(Reply& reply, const model::Refusal& refusal);

// Why it was never asked.
void tell(Reply& reply, const cmq::Failure& failure);

}  // namespace penstock::plugins::cmq_tcp
