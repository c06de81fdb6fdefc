// Makes a deposit and asks for too much, through types that were generated.

import createClient from "openapi-fetch";
import type { components, paths } from "./wallet.js";

declare const process: { argv: string[] };

type Problem = components["schemas"]["ProblemAnswer"];

const [address, token] = process.argv.slice(2);
const client = createClient<paths>({
  baseUrl: address,
  headers: { Authorization: `Bearer ${token}` },
});

const made = await client.POST("/v1/wallets", { body: { name: "Ada" } });
if (made.data === undefined) throw new Error(made.error.detail);
const params = { path: { wallet_id: made.data.id } };

const deposited = await client.POST("/v1/wallets/{wallet_id}/deposits", {
  params: { ...params, header: { "Idempotency-Key": "salary-2026-11" } },
  body: { amount: "125.50", note: "salary" },
});
if (deposited.data === undefined) throw new Error(deposited.error.detail);
const { operation, entry } = deposited.data;

const refused = await client.POST("/v1/wallets/{wallet_id}/withdrawals", {
  params,
  body: { amount: "125.51" },
});
if (refused.error === undefined) throw new Error("it was not refused");
const problem: Problem = refused.error;
if (problem.type !== "/problems/insufficient-funds") throw new Error(problem.detail);
// @ts-expect-error  the compiler knows every kind of entry
const misspelt = entry.kind === "depositt";
if (misspelt) throw new Error("no such kind");

console.log(
  JSON.stringify({
    wallet: made.data.id,
    deposit: { kind: entry.kind, balance: entry.balance, operation, at: entry.at },
    refusal: { type: problem.type, status: problem.status, detail: problem.detail },
  }),
);
