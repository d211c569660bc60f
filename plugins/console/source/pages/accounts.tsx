// What accounts have, beside what they may. For the server's root key; nothing where there are none.

import { Account, get, Page } from "../api";
import { bytes, count, short } from "../format";
import { Badge, Panel, Refusal, Table, useAnswer } from "../parts";
import { asRoot, useWhyNot } from "../rights";

function share(used: number | undefined, most: number, show: (value: number) => string) {
  if (used === undefined) return "–";
  const words = most === 0 ? show(used) : `${show(used)} of ${show(most)}`;
  return most > 0 && used >= most ? <Badge tone="bad">{words}</Badge> : words;
}

export function Accounts() {
  const root = useWhyNot([asRoot]) === "";
  const ask = async () => (root ? (await get<Page<Account>>("/v1/accounts")).items : []);
  const answer = useAnswer(ask, [root], 5);
  if (answer.problem) return <Refusal problem={answer.problem} />;
  const accounts = answer.value ?? [];
  if (accounts.length === 0) return null;
  return (
    <Panel title="Accounts" flush>
      <Table<Account>
        caption="Accounts"
        rows={accounts}
        id={(account) => account.name}
        columns={[
          { name: "Account", of: (one) => <b>{one.name}</b> },
          { name: "Queues", right: true, of: (one) => share(one.uses?.queues, one.queues_max, count) },
          { name: "Topics", right: true, of: (one) => share(one.uses?.topics, one.topics_max, count) },
          {
            name: "Subscriptions",
            right: true,
            of: (one) => share(one.uses?.subscriptions, one.subscriptions_max, count),
          },
          { name: "Stored", right: true, of: (one) => share(one.uses?.stored_bytes, one.stored_bytes_max, bytes) },
          {
            name: "Requests/s",
            right: true,
            of: (one) => share(one.uses?.requests_per_second, one.requests_per_second, short),
          },
          { name: "Refused", right: true, of: (one) => count(one.refused ?? 0) },
        ]}
      />
    </Panel>
  );
}
