// The nodes, the sets and who leads them, the accounts; and the server that answers.

import { Cluster, get, Status } from "../api";
import { bytes, count } from "../format";
import { Badge, Empty, Facts, Panel, Refusal, Table, Time, useAnswer, Waiting } from "../parts";
import { Accounts } from "./accounts";

function Server(props: { status: Status }) {
  const { status } = props;
  const size = (value: number | undefined) => (value === undefined ? "–" : bytes(value));
  const number = (value: number | undefined) => (value === undefined ? "–" : count(value));
  return (
    <Panel title="The server that answers" aside={<Badge tone={status.ready ? "good" : "bad"}>{status.ready ? "ready" : "not ready"}</Badge>}>
      <Facts
        of={[
          ["Version", status.version],
          ["Runs since", <Time at={status.started_at} />],
          ["Mode", status.dev ? "development" : "production"],
          ["Data folder", <span class="mono">{status.data_folder ?? "–"}</span>],
          ["Disk", status.space.replace("_", " ")],
          ["Log", size(status.log_bytes)],
          ["Rows", size(status.rows_bytes)],
          ["Bodies held", number(status.live_bodies)],
          ["Damaged records", number(status.damaged_records)],
          ["Messages taken out as damaged", number(status.quarantined)],
          ["Entries applied", number(status.applied)],
          ["Receives that wait", number(status.waiters)],
        ]}
      />
    </Panel>
  );
}

function Nodes(props: { cluster: Cluster }) {
  return (
    <Panel title="Nodes" flush>
      <Table
        caption="Nodes"
        rows={props.cluster.nodes}
        id={(node) => String(node.id)}
        columns={[
          {
            name: "Node",
            of: (node) => (
              <>
                <b>{node.id}</b> {node.id === props.cluster.node && <span class="dim">answers</span>}
              </>
            ),
          },
          {
            name: "State",
            of: (node) => (
              <Badge tone={!node.connected ? "bad" : node.leaving ? "wait" : "good"}>
                {!node.connected ? "not connected" : node.leaving ? "leaving" : "connected"}
              </Badge>
            ),
          },
          { name: "Address", of: (node) => <span class="mono">{node.peer_address ?? "–"}</span> },
          { name: "Zone", of: (node) => node.zone ?? "–" },
          { name: "Sets", right: true, of: (node) => node.sets ?? 0 },
          { name: "Problem", of: (node) => node.problem ?? "–" },
        ]}
      />
    </Panel>
  );
}

type SetView = Cluster["sets"][number];

function Replicas(props: { set: SetView }) {
  return (
    <span class="replicas">
      {props.set.replicas.map((replica) => {
        const leads = replica.node === props.set.leader;
        const tone = replica.state_hash || !replica.active ? "bad" : replica.in_sync ? "good" : "wait";
        const words = replica.state_hash
          ? "differs"
          : !replica.active
            ? "silent"
            : leads
              ? "leads"
              : !replica.voter
                ? "learns"
                : replica.in_sync
                  ? "in sync"
                  : "behind";
        return (
          <Badge tone={tone} key={replica.node}>
            {replica.node} {words}
          </Badge>
        );
      })}
    </span>
  );
}

function Sets(props: { cluster: Cluster }) {
  return (
    <Panel title="Sets" aside={props.cluster.rebalancing && <Badge tone="wait">rebalancing</Badge>} flush>
      <Table<SetView>
        caption="Sets"
        rows={props.cluster.sets}
        id={(set) => String(set.set)}
        columns={[
          { name: "Set", of: (set) => <b>{set.set}</b> },
          { name: "Leader", right: true, of: (set) => (set.leader === 0 ? <Badge tone="bad">none</Badge> : set.leader) },
          { name: "Term", right: true, of: (set) => count(set.term) },
          { name: "Applied", right: true, of: (set) => count(set.applied ?? 0) },
          { name: "Objects", right: true, of: (set) => count(set.objects ?? 0) },
          { name: "Replicas", of: (set) => <Replicas set={set} /> },
        ]}
      />
    </Panel>
  );
}

export function ClusterPage() {
  const status = useAnswer(() => get<Status>("/v1/status"), [], 3);
  const answer = useAnswer(() => get<Cluster>("/v1/cluster"), [], 3);
  const cluster = answer.value;
  return (
    <>
      {answer.problem && <Refusal problem={answer.problem} />}
      {cluster && cluster.name === "" && (
        <Empty title="A server on its own">
          <p>penstock cluster init makes it the first node of a cluster.</p>
        </Empty>
      )}
      {cluster && cluster.nodes.length > 0 && <Nodes cluster={cluster} />}
      {cluster && cluster.sets.length > 0 && <Sets cluster={cluster} />}
      <Accounts />
      {cluster?.counters && (
        <Panel title="Counted since the start">
          <Facts of={Object.entries(cluster.counters).map(([name, value]) => [name.replace(/_/g, " "), count(value)])} />
        </Panel>
      )}
      {status.value ? <Server status={status.value} /> : <Waiting answer={status} />}
    </>
  );
}
