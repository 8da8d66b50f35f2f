// Node's clients against a running server: chat, stream, tools, structured output, embeddings, errors, abort.
//
//   npm install openai ai @ai-sdk/openai-compatible @anthropic-ai/sdk ollama @openai/agents @langchain/openai zod
//   node clients.mjs http://127.0.0.1:8080 CHAT_MODEL EMBEDDING_MODEL [KEY]
import Anthropic from "@anthropic-ai/sdk";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Agent, OpenAIChatCompletionsModel, run, setTracingDisabled, tool as agentTool } from "@openai/agents";
import { ChatOpenAI } from "@langchain/openai";
import { embed, generateObject, generateText, streamText, tool } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { z } from "zod";

const [base, chat, embedding, key = "none"] = process.argv.slice(2);
let done = 0;
function check(name, condition, seen = "") {
  if (!condition) {
    console.error(`FAILED: ${name}:`, seen);
    process.exit(1);
  }
  ++done;
  console.log(`ok  ${name}`);
}
const question = [{ role: "user", content: "What is the capital of France?" }];
const schema = z.object({ city: z.string().max(20), inhabitants: z.number().int() });

async function openaiClient() {
  const client = new OpenAI({ baseURL: base + "/v1", apiKey: key, maxRetries: 0 });
  const whole = await client.chat.completions.create({ model: chat, messages: question, temperature: 0, max_tokens: 20 });
  check("openai chat", whole.choices[0].message.content.includes("Paris"), whole);
  let text = "";
  const stream = await client.chat.completions.create({ model: chat, messages: question, temperature: 0, max_tokens: 20, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  check("openai stream", text === whole.choices[0].message.content, text);
  const endless = await client.chat.completions.create({ model: chat, messages: question, temperature: 1, stream: true });
  for await (const chunk of endless) if (chunk.choices[0]) break;
  endless.controller.abort();
  check("openai abort", true);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 200);
  const aborted = await client.chat.completions.create({ model: chat, messages: [{ role: "user", content: "Tell a long story." }], max_tokens: 3000 },
    { signal: controller.signal }).catch(error => error);
  check("openai abort while it waits", aborted instanceof OpenAI.APIUserAbortError, aborted);
  const unknown = await client.chat.completions.create({ model: "no", messages: question }).catch(error => error);
  check("openai unknown model", unknown instanceof OpenAI.NotFoundError, unknown);
  const vector = await client.embeddings.create({ model: embedding, input: "a" });
  check("openai embeddings", vector.data[0].embedding.length > 10);
}

async function aiSdk() {
  const provider = createOpenAICompatible({ name: "pumice", baseURL: base + "/v1", apiKey: key, supportsStructuredOutputs: true });
  const model = provider(chat);
  const { text, usage } = await generateText({ model, messages: question, temperature: 0, maxOutputTokens: 20 });
  check("ai generateText", text.includes("Paris") && usage.inputTokens > 5, text);
  let streamed = "";
  for await (const part of streamText({ model, messages: question, temperature: 0, maxOutputTokens: 20 }).textStream) streamed += part;
  check("ai streamText", streamed === text, streamed);
  const { object } = await generateObject({ model, schema, messages: question, maxOutputTokens: 100 });
  check("ai generateObject", schema.safeParse(object).success, object);
  const weather = tool({ description: "The weather in a city", inputSchema: z.object({ city: z.string().max(20) }), execute: async () => "sunny" });
  const called = await generateText({ model, messages: question, tools: { weather }, toolChoice: "required", maxOutputTokens: 100 });
  check("ai tool", called.toolCalls[0].toolName === "weather" && called.toolResults[0].output === "sunny", called);
  const { embedding: vector } = await embed({ model: provider.textEmbeddingModel(embedding), value: "a" });
  check("ai embed", vector.length > 10);
}

async function anthropicClient() {
  const client = new Anthropic({ baseURL: base, apiKey: key, maxRetries: 0 });
  const whole = await client.messages.create({ model: chat, max_tokens: 20, messages: question, temperature: 0 });
  check("anthropic chat", whole.content[0].text.includes("Paris"), whole);
  const stream = client.messages.stream({ model: chat, max_tokens: 20, messages: question, temperature: 0 });
  const final = await stream.finalMessage();
  check("anthropic stream", final.content[0].text === whole.content[0].text, final);
  const called = await client.messages.stream({ model: chat, max_tokens: 100, messages: question, tool_choice: { type: "any" },
    tools: [{ name: "weather", input_schema: { type: "object", properties: { city: { type: "string", maxLength: 20 } }, required: ["city"], additionalProperties: false } }] }).finalMessage();
  check("anthropic tool", called.content.at(-1).type === "tool_use" && "city" in called.content.at(-1).input, called);
}

async function ollamaClient() {
  const client = new Ollama({ host: base, headers: { Authorization: `Bearer ${key}` } });
  const options = { temperature: 0, num_predict: 20 };
  const whole = await client.chat({ model: chat, messages: question, options });
  check("ollama chat", whole.message.content.includes("Paris"), whole);
  let text = "";
  for await (const part of await client.chat({ model: chat, messages: question, options, stream: true })) text += part.message.content;
  check("ollama stream", text === whole.message.content, text);
  check("ollama embed", (await client.embed({ model: embedding, input: "a" })).embeddings.length === 1);
}

async function langchain() {
  const model = new ChatOpenAI({ model: chat, apiKey: key, temperature: 0, maxTokens: 100, configuration: { baseURL: base + "/v1" } });
  check("langchain chat", (await model.invoke("What is the capital of France?")).content.includes("Paris"));
  const made = await model.withStructuredOutput(schema, { name: "city", method: "jsonSchema" }).invoke("Paris, please");
  check("langchain schema", schema.safeParse(made).success, made);
}

async function agents() {
  setTracingDisabled(true);
  const client = new OpenAI({ baseURL: base + "/v1", apiKey: key, maxRetries: 0 });
  let called = 0;
  const weather = agentTool({ name: "weather", description: "The weather in a city", parameters: z.object({ city: z.string().max(20) }),
    execute: async () => (++called, "sunny") });
  const agent = new Agent({ name: "Assistant", instructions: "Answer briefly.", tools: [weather],
    modelSettings: { toolChoice: "required", maxTokens: 100, temperature: 0 }, model: new OpenAIChatCompletionsModel(client, chat) });
  const result = await run(agent, "How is the weather in Paris?", { maxTurns: 4 });
  check("agents tool", called > 0 && typeof result.finalOutput === "string", result.finalOutput);
}

await openaiClient();
await aiSdk();
await anthropicClient();
await ollamaClient();
await langchain();
await agents();
console.log(`${done} checks passed`);
