// Each case of the command line against the gateway, told as one line of JSON; the test says what is right.
import OpenAI from "openai";

const { BASE_URL: baseURL, API_KEY: apiKey } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];
const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const response_format = { type: "json_schema", json_schema: { name: "place", strict: true, schema } };

const cases = {
  async plain() {
    const { data, response } = await client.chat.completions.create({ model: "smart-select", messages }).withResponse();
    return {
      content: data.choices[0].message.content,
      finish: data.choices[0].finish_reason,
      model: data.model,
      outcome: response.headers.get("x-qualityroute-outcome"),
    };
  },

  async stream() {
    const stream = await client.chat.completions.create({
      model: "smart-select", messages, stream: true, stream_options: { include_usage: true },
    });
    let content = "", finish = null, usage = null, pieces = 0;
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta?.content ?? "";
      finish ??= chunk.choices[0]?.finish_reason ?? null;
      usage = chunk.usage ?? usage;
      pieces += 1;
    }
    return { content, finish, tokens: usage?.total_tokens, many: pieces > 2 };
  },

  async performance_stream() {
    const runner = client.chat.completions.stream({ model: "performance-model", messages });
    const whole = await runner.finalChatCompletion();
    return { content: whole.choices[0].message.content, model: whole.model };
  },

  async tools() {
    const answer = await client.chat.completions.create({ model: "smart-select", messages, tools });
    const [call] = answer.choices[0].message.tool_calls;
    return { finish: answer.choices[0].finish_reason, name: call.function.name, arguments: JSON.parse(call.function.arguments) };
  },

  async tools_stream() {
    const runner = client.chat.completions.stream({ model: "smart-select", messages, tools });
    const whole = await runner.finalChatCompletion();
    const [call] = whole.choices[0].message.tool_calls;
    return { finish: whole.choices[0].finish_reason, name: call.function.name, arguments: JSON.parse(call.function.arguments) };
  },

  async structured() {
    const answer = await client.chat.completions.parse({ model: "smart-select", messages, response_format });
    return { parsed: answer.choices[0].message.parsed };
  },

  async models() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return { names };
  },

  async leaves() {
    const leaving = new AbortController();
    const asked = client.chat.completions.create({ model: "smart-select", messages }, { signal: leaving.signal });
    setTimeout(() => leaving.abort(), 300);
    return asked.then(() => ({ error: null }), (error) => ({ error: error.constructor.name }));
  },

  async fails() {
    const model = process.env.MODEL ?? "smart-select";
    return client.chat.completions.create({ model, messages }).then(
      () => ({ error: null }),
      (error) => ({ error: error.constructor.name, status: error.status, code: error.code ?? null, type: error.type ?? null }),
    );
  },
};

console.log(JSON.stringify(await cases[process.argv[2]]()));
