// The snippet of every routing guide; only the base URL is ours.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY });

const routine = await client.chat.completions.create({
  model: "smart-select",
  messages: [{ role: "user", content: "What is the capital of France?" }],
});

const complex = await client.chat.completions.create({
  model: "performance-model",
  messages: [{ role: "user", content: "Compare the two contracts clause by clause." }],
});

console.log(JSON.stringify([routine, complex].map((answer) => ({
  model: answer.model,
  content: answer.choices[0].message.content,
  tokens: answer.usage?.total_tokens,
}))));
