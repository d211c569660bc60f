// A handler as AWS Lambda calls it for a batch of SQS messages. What it names in batchItemFailures
// is tried again; the rest is done. An error fails the whole batch; one whose name begins with
// "Permanent" goes to the dead-letter queue at once.
class PermanentFailure extends Error {
  name = 'PermanentFailure';
}

exports.handler = async (event, context) => {
  const batchItemFailures = [];
  for (const record of event.Records) {
    if (record.body === 'never') throw new PermanentFailure('this can never work');
    console.log(`${context.awsRequestId}: message ${record.messageId} says ${record.body}`);
    const tries = Number(record.attributes.ApproximateReceiveCount);
    if (record.body === 'later' && tries < 2) {
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
};
