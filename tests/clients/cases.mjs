// Each thing that people do with OpenAI's client, told as one line of JSON by name; the test says what is right.
// Standard input: {"gateway": {"baseURL", "apiKey"}, "refused": {NAME: {"baseURL", "apiKey", "maxRetries", "fields"}}}.
import { text } from "node:stream/consumers";
import OpenAI from "openai";

const { gateway, refused } = JSON.parse(await text(process.stdin));
const client = new OpenAI({ ...gateway, maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];
const smart = { model: "smart-select", messages };
const place = {
  type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false,
};
const tools = [{ type: "function", function: { name: "weather", parameters: place } }];
const response_format = { type: "json_schema", json_schema: { name: "place", strict: true, schema: place } };

function called(answer) {
  const [{ finish_reason, message }] = answer.choices;
  const [{ function: { name, arguments: given } }] = message.tool_calls;
  return { finish: finish_reason, name, arguments: JSON.parse(given) };
}

const cases = {
  async plain() {
    const { data, response } = await client.chat.completions.create(smart).withResponse();
    return {
      content: data.choices[0].message.content,
      finish: data.choices[0].finish_reason,
      model: data.model,
      tokens: data.usage.total_tokens,
      outcome: response.headers.get("x-qualityroute-outcome"),
    };
  },

  async stream() {
    const stream = await client.chat.completions.create({ ...smart, stream: true, stream_options: { include_usage: true } });
    let content = "", finish = null, tokens = null;
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta?.content ?? "";
      finish ??= chunk.choices[0]?.finish_reason ?? null;
      tokens = chunk.usage?.total_tokens ?? tokens;
    }
    return { content, finish, tokens };
  },

  async performance_stream() {
    const pieces = [];
    const runner = client.chat.completions.stream({ model: "performance-model", messages });
    runner.on("content", (piece) => pieces.push(piece));
    const whole = await runner.finalChatCompletion();
    return { content: whole.choices[0].message.content, model: whole.model, pieces };
  },

  async tools() {
    return called(await client.chat.completions.create({ ...smart, tools }));
  },

  async tools_stream() {
    return called(await client.chat.completions.stream({ ...smart, tools }).finalChatCompletion());
  },

  async structured() {
    const answer = await client.chat.completions.parse({ ...smart, response_format });
    return { parsed: answer.choices[0].message.parsed };
  },

  async models() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return { names };
  },

  async leaves() {
    const hang = [{ role: "user", content: "hang" }];
    const stream = await client.chat.completions.create({ model: "performance-model", messages: hang, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) return { heard: chunk.choices[0].delta.content };
  },
};

async function refusal({ fields, ...where }) {
  let tries = 0;
  const counted = (...request) => { tries += 1; return fetch(...request); };
  const asked = new OpenAI({ ...where, fetch: counted });
  try {
    await asked.chat.completions.create({ ...smart, ...fields });
    return { error: null };
  } catch (error) {
    return {
      error: error.constructor.name,
      status: error.status,
      code: error.code ?? null,
      waits: error.headers?.has("retry-after") ?? false,
      verdicts: error.error?.verdicts?.map(({ check, ruling }) => [check, ruling]) ?? null,
      tries,
    };
  }
}

const told = { cases: {}, refused: {} };
for (const [name, run] of Object.entries(cases)) told.cases[name] = await run();
for (const [name, how] of Object.entries(refused)) told.refused[name] = await refusal(how);
console.log(JSON.stringify(told));
