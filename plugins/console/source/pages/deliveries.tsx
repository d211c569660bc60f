// Attempts to deliver as they happen.

import { useState } from "preact/hooks";

import { Attempt, get, Page } from "../api";
import { latency } from "../format";
import { Badge, Column, Empty, link, Search, Table, Time, toneOfStatus, useAnswer, Waiting } from "../parts";

const words: Record<string, string> = { ok: "delivered", retry: "failed, goes again", failed: "failed" };

export function AttemptTable(props: { rows: Attempt[]; single?: boolean }) {
  const columns: Column<Attempt>[] = [
    { name: "When", of: (one) => <Time at={one.at} /> },
    {
      name: "Message",
      of: (one) => (
        <a class="mono" href={link("messages", one.message)}>
          {one.message}
        </a>
      ),
    },
  ];
  if (!props.single)
    columns.push({
      name: "Subscription",
      of: (one) => <a href={link("subscriptions", ...one.subscription.split("/"))}>{one.subscription}</a>,
    });
  columns.push(
    { name: "Attempt", right: true, of: (one) => one.attempt },
    { name: "Result", of: (one) => <Badge tone={toneOfStatus(one.status)}>{words[one.status] ?? one.status}</Badge> },
    { name: "Answer", of: (one) => one.http_status ?? one.reason ?? "–" },
    { name: "Took", right: true, of: (one) => latency(one.latency_us) },
  );
  return (
    <Table
      caption="Attempts"
      rows={props.rows}
      columns={columns}
      id={(one) => `${one.message}/${one.subscription}/${one.attempt}/${one.at}`}
    />
  );
}

const choices = ["all", "ok", "retry", "failed"];

export function DeliveriesPage(props: { only: string }) {
  const [status, setStatus] = useState(choices.includes(props.only) ? props.only : "all");
  const [search, setSearch] = useState("");
  const [held, setHeld] = useState<Attempt[] | null>(null);
  const [message, setMessage] = useState("");
  const filter = status === "all" ? "" : `&status=${status}`;
  const answer = useAnswer(() => get<Page<Attempt>>(`/v1/deliveries?limit=100${filter}`), [filter], 1.5);
  const newest = held ?? answer.value?.items ?? null;
  const rows = newest?.filter((one) => one.subscription.toLowerCase().includes(search.toLowerCase()));
  const open = (event: Event) => {
    event.preventDefault();
    if (message.trim() !== "") location.hash = link("messages", message.trim());
  };
  return (
    <>
      <div class="tools">
        <Search value={search} onInput={setSearch} label="Of which subscription" />
        <div class="chips" role="group" aria-label="Result">
          {choices.map((one) => (
            <button type="button" class="chip" aria-pressed={status === one} onClick={() => setStatus(one)} key={one}>
              {words[one] ?? one}
            </button>
          ))}
        </div>
        <button type="button" aria-pressed={held !== null} onClick={() => setHeld(held === null ? newest : null)}>
          {held === null ? "Hold still" : "Go on"}
        </button>
        <form class="find" onSubmit={open}>
          <input
            placeholder="Message id"
            aria-label="Message id"
            inputMode="numeric"
            value={message}
            onInput={(event) => setMessage((event.target as HTMLInputElement).value)}
          />
          <button>Track</button>
        </form>
      </div>
      {rows === undefined ? (
        <Waiting answer={answer} />
      ) : rows.length === 0 ? (
        <Empty title="Nothing of the kind was tried lately" />
      ) : (
        <AttemptTable rows={rows} />
      )}
    </>
  );
}
