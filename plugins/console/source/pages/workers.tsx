// The processes of functions on the node that answers, and the walls around them.

import { fullName, functionKinds, get, kindOf, Processes, segment, Subscription } from "../api";
import { count } from "../format";
import { Badge, Empty, Facts, link, Panel, Refusal, Table, Time, Tone, useAnswer, Waiting } from "../parts";
import { functions } from "./functions";

const shownMax = 50; // functions asked for their processes at a time

interface Pool {
  of: Subscription;
  processes: Processes;
}

async function pools(): Promise<{ pools: Pool[]; more: number }> {
  const all = (await functions()).filter((one) => (functionKinds as readonly string[]).includes(kindOf(one)));
  const asked = all.slice(0, shownMax);
  const found = await Promise.all(
    asked.map(async (one) => {
      const path = `/v1/subscriptions/${segment(one.topic)}/${segment(one.name)}/processes`;
      return { of: one, processes: await get<Processes>(path) };
    }),
  );
  return { pools: found, more: all.length - asked.length };
}

const tones: Record<string, Tone> = { ready: "good", idle: "good", busy: "good", starting: "wait", backing_off: "bad" };

function PoolPanel(props: { pool: Pool }) {
  const { of, processes } = props.pool;
  return (
    <Panel
      title={fullName(of)}
      aside={
        <>
          <span class="dim">
            {count(processes.starts)} starts, {count(processes.crashes)} crashes
          </span>
          <a class="button" href={link("functions", of.topic, of.name)}>
            Function
          </a>
        </>
      }
      flush
    >
      {processes.last_problem && <p class="note bad-note">{processes.last_problem}</p>}
      {processes.processes.length === 0 ? (
        <Empty title="No process runs">
          <p>{kindOf(of) === "exec" ? "One is started for each message." : "They start with the first message."}</p>
        </Empty>
      ) : (
        <Table
          caption={`Processes of ${fullName(of)}`}
          rows={processes.processes}
          id={(process) => String(process.number)}
          columns={[
            { name: "Process", of: (process) => process.number },
            { name: "State", of: (process) => <Badge tone={tones[process.state] ?? "plain"}>{process.state}</Badge> },
            { name: "In hand", right: true, of: (process) => count(process.in_flight) },
            { name: "Handled", right: true, of: (process) => count(process.handled) },
            { name: "Runs since", of: (process) => <Time at={process.started_at} /> },
          ]}
        />
      )}
    </Panel>
  );
}

export function WorkersPage() {
  const answer = useAnswer(pools, [], 3);
  const walls = useAnswer(() => get<Record<string, string>>("/v1/functions/sandbox"), []);
  return (
    <>
      {answer.value === null ? (
        <Waiting answer={answer} />
      ) : answer.value.pools.length === 0 ? (
        <Empty title="No function needs a process">
          <p>Functions are subscriptions that run a program or a script.</p>
        </Empty>
      ) : (
        answer.value.pools.map((pool) => <PoolPanel pool={pool} key={fullName(pool.of)} />)
      )}
      {answer.value && answer.value.more > 0 && <p class="note">and {count(answer.value.more)} more functions</p>}
      <Panel title="Walls around functions">
        {walls.problem && <Refusal problem={walls.problem} />}
        {walls.value && <Facts of={Object.entries(walls.value)} />}
      </Panel>
      <p class="note">Processes and walls are those of the node that answers.</p>
    </>
  );
}
