// One message: where it came from, where it is, and every attempt, side by side.

import { Attempt, get, Page, Place, segment, Subscription, Track } from "../api";
import { curlOf } from "../curl";
import { bytes, clock, latency, quoted } from "../format";
import { Badge, Copy, Empty, Facts, link, Panel, Time, Tone, toneOfStatus, useAnswer, Waiting } from "../parts";

const states: Record<string, [Tone, string]> = {
  settled: ["good", "done with"],
  deleted: ["good", "taken"],
  visible: ["plain", "visible"],
  in_flight: ["wait", "in flight"],
  delayed: ["wait", "delayed"],
  ready: ["plain", "next in line"],
  waiting: ["wait", "waits for its next attempt"],
  moving: ["wait", "on its way"],
  dead: ["bad", "dead letter"],
  not_matched: ["off", "did not match"],
  retained: ["off", "retained"],
};

function stateOf(place: Place): [Tone, string] {
  return states[place.state] ?? ["plain", place.state.replace("_", " ")];
}

function placeLink(place: Place): string {
  if (place.kind === "subscription") return link("subscriptions", ...place.object.split("/"));
  if (place.kind === "topic") return link("topics", place.object);
  return place.object.endsWith(".dlq") ? link("dead-letters", place.object) : link("queues", place.object);
}

interface Fact {
  name: string;
  of: (attempt: Attempt) => string;
  block?: boolean;
}

const compared: Fact[] = [
  { name: "Answer", of: (one) => (one.http_status ? String(one.http_status) : (one.reason ?? "–")) },
  { name: "Reason", of: (one) => one.reason ?? "–" },
  { name: "Took", of: (one) => latency(one.latency_us) },
  { name: "Target", of: (one) => one.target ?? "–" },
  { name: "Script version", of: (one) => (one.version ? String(one.version) : "") },
  { name: "Answered", of: (one) => one.excerpt ?? "", block: true },
  { name: "Wrote", of: (one) => one.log ?? "", block: true },
];

interface Tried {
  place: Place;
  url?: string; // of a webhook
}

function keyOf(attempt: Attempt): string {
  return `${attempt.attempt}/${attempt.at}`;
}

// An attempt after a redrive counts from 1 again.
function begunAgain(attempts: Attempt[], at: number): boolean {
  return at > 0 && attempts[at].attempt <= attempts[at - 1].attempt;
}

// The track ends where a message died: what came after a redrive is among the deliveries.
async function triedBy(place: Place, id: string): Promise<Tried> {
  const [topic, name] = place.object.split("/");
  const only = encodeURIComponent(place.object);
  const [recent, subscription] = await Promise.all([
    get<Page<Attempt>>(`/v1/deliveries?limit=200&subscription=${only}`),
    get<Subscription>(`/v1/subscriptions/${segment(topic)}/${segment(name)}`).catch(() => null),
  ]);
  const known = new Set(place.attempts.map(keyOf));
  const later = recent.items.filter((attempt) => attempt.message === id && !known.has(keyOf(attempt)));
  const attempts = [...place.attempts, ...later];
  attempts.sort((one, other) => Date.parse(one.at ?? "") - Date.parse(other.at ?? ""));
  return { place: { ...place, attempts }, url: subscription?.http?.url };
}

interface Whole {
  track: Track;
  tried: Tried[];
}

async function wholeTrack(path: string, id: string): Promise<Whole> {
  const track = await get<Track>(path);
  const tried = await Promise.all(
    track.places.filter((place) => place.attempts.length > 0).map((place) => triedBy(place, id)),
  );
  const merged = new Map(tried.map((one) => [one.place.object, one.place]));
  const places = track.places.map((place) => (place.kind === "subscription" ? (merged.get(place.object) ?? place) : place));
  return { track: { ...track, places }, tried };
}

// One column an attempt; what differs from the attempt before is marked.
export function SideBySide(props: { attempts: Attempt[]; url?: string }) {
  const { attempts, url } = props;
  const facts = compared.filter((fact) => attempts.some((attempt) => fact.of(attempt) !== ""));
  return (
    <div class="side-by-side" tabIndex={0} role="region" aria-label="Attempts side by side">
      <table>
        <thead>
          <tr>
            <td />
            {attempts.map((attempt, at) => (
              <th scope="col" key={keyOf(attempt)}>
                <span class="attempt-number">
                  Attempt {attempt.attempt}
                  {begunAgain(attempts, at) && ", sent again"}
                </span>
                <Badge tone={toneOfStatus(attempt.status)}>{attempt.status === "ok" ? "delivered" : attempt.status}</Badge>
                <span class="attempt-time">{clock(attempt.at)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {facts.map((fact) => (
            <tr key={fact.name}>
              <th scope="row">{fact.name}</th>
              {attempts.map((attempt, at) => {
                const text = fact.of(attempt);
                const differs = at > 0 && fact.name !== "Took" && text !== fact.of(attempts[at - 1]);
                return (
                  <td class={differs ? "differs" : ""} key={keyOf(attempt)}>
                    {fact.block ? text && <pre>{text}</pre> : text || "–"}
                  </td>
                );
              })}
            </tr>
          ))}
          {url && (
            <tr>
              <th scope="row">Repeat</th>
              {attempts.map((attempt) => (
                <td key={keyOf(attempt)}>
                  <Copy text={() => curlOf(url, attempt.message)}>Copy as curl</Copy>
                </td>
              ))}
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

interface Step {
  at: string | undefined;
  tone: Tone;
  title: string;
  more: string;
  href?: string;
}

function attemptSteps(place: Place): Step[] {
  return place.attempts.map((attempt, at) => {
    const again = begunAgain(place.attempts, at) ? " after it was sent again" : "";
    const result = attempt.status === "ok" ? "delivered" : (attempt.http_status ?? attempt.reason ?? attempt.status);
    return {
      at: attempt.at,
      tone: toneOfStatus(attempt.status),
      title: `${place.object}: attempt ${attempt.attempt}${again}, ${result}`,
      more: `${latency(attempt.latency_us)}${attempt.target ? ` · ${attempt.target}` : ""}`,
      href: placeLink(place),
    };
  });
}

function steps(track: Track): Step[] {
  const first: Step = {
    at: track.sent_at,
    tone: "plain",
    title: track.sent_to ? `Sent to ${track.sent_to}` : "Sent",
    more: `${bytes(track.size)}, log index ${track.log_index}`,
  };
  const tried = track.places.flatMap(attemptSteps);
  tried.sort((one, other) => Date.parse(one.at ?? "") - Date.parse(other.at ?? ""));
  const now = track.places.map((place): Step => {
    const [tone, words] = stateOf(place);
    const title = `${place.object}: ${words}`;
    return { at: place.due_at, tone, title, more: place.due_at ? "due" : "now", href: placeLink(place) };
  });
  return [first, ...tried, ...now];
}

function Timeline(props: { track: Track }) {
  return (
    <ol class="timeline">
      {steps(props.track).map((step, at) => (
        <li class={`step step-${step.tone}`} key={at}>
          <span class="step-title">{step.href ? <a href={step.href}>{step.title}</a> : step.title}</span>
          <span class="step-more">{step.more}</span>
          {step.at && (
            <span class="step-time">
              <Time at={step.at} />
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

function meta(track: Track): [string, string][] {
  const facts: [string, string][] = [];
  if (track.tags?.length) facts.push(["Tags", track.tags.join(", ")]);
  if (track.key) facts.push(["Routing key", track.key]);
  if (track.ordering_key) facts.push(["Ordering key", track.ordering_key]);
  if (track.content_type) facts.push(["Content type", track.content_type]);
  for (const [name, value] of Object.entries(track.attributes ?? {})) facts.push([name, value]);
  return facts;
}

export function MessagePage(props: { id: string }) {
  const path = `/v1/messages/${segment(props.id)}/track`;
  const answer = useAnswer(() => wholeTrack(path, props.id), [path], 2);
  if (answer.value === null) return <Waiting answer={answer} />;
  const { track, tried } = answer.value;
  const request = () => `curl -H 'Authorization: Bearer KEY_ID:KEY_SECRET' ${quoted(location.origin + path)}`;
  return (
    <>
      <div class="tools">
        <Copy text={track.id}>Copy id</Copy>
        <Copy text={request}>Copy track as curl</Copy>
      </div>
      <div class="columns">
        <Panel title="Track">
          <Timeline track={track} />
        </Panel>
        <Panel title="Message">
          <Facts
            of={[
              ["Sent to", track.sent_to ?? "–"],
              ["Sent", <Time at={track.sent_at} />],
              ["Size", bytes(track.size)],
              ["Log index", String(track.log_index)],
              ...meta(track),
            ]}
          />
        </Panel>
      </div>
      {tried.length === 0 && (
        <Empty title="Nothing was tried yet">
          <p>Attempts to deliver it come up here, side by side.</p>
        </Empty>
      )}
      {tried.map(({ place, url }) => (
        <Panel
          title={`Attempts of ${place.object}`}
          aside={<Badge tone={stateOf(place)[0]}>{stateOf(place)[1]}</Badge>}
          flush
          key={place.object}
        >
          <SideBySide attempts={place.attempts} url={url} />
        </Panel>
      ))}
    </>
  );
}
